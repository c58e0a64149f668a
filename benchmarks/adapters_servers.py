"""
An adapter on a real server, against the same server that only reads and answers 200.

All sides run at once, in processes of their own, and are asked in turn over loopback. The
verdict is by the processor time that the answering process spends on a request: a server
that never waits answers that many more requests on a processor of its own, and what else
runs on the machine hardly changes it. What the clock says stands beside it.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import clock_gettime_ns, perf_counter_ns
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from benchmarks.adapters_load import AT_ONCE, post
from benchmarks.adapters_requests import signed
from benchmarks.figures import Figure, shown
from benchmarks.ledger_rounds import progress

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["measure"]

_AT_LEAST = 0.7
_TURNS = 50
_REPOSITORY = Path(__file__).parent.parent


class _Spent(NamedTuple):
    """Microseconds for a request: of the server's processor, and by the clock."""

    processor: float
    clock: float


_Taken: TypeAlias = dict[str, list[_Spent]]


def measure(rounds: int) -> list[Figure]:
    """Compare on each server, in so many rounds."""
    if sys.platform != "linux":
        return [shown("adapters on servers", "not measured: only Linux tells others' time")]
    figures = [
        *_figures("gunicorn", "wsgi_app", rounds, more=(), has_target=True),
        *_figures("uvicorn", "asgi_app", rounds, more=("adapter-sync",), has_target=True),
    ]
    if find_spec("uvloop") and find_spec("httptools"):
        # hmac and json.loads alone leave less than the target here.
        figures += _figures("uvloop, httptools", "asgi_app", rounds, more=(), has_target=False)
    return figures


def _figures(
    server: str, adapter: str, rounds: int, *, more: tuple[str, ...], has_target: bool
) -> list[Figure]:
    taken = _take_turns(server, ("adapter", "bare", "verified", *more), rounds)
    ratio, measured = _compared(taken, "adapter")
    what = f"{server}: {adapter} / bare app"
    if has_target:
        figures = [Figure(what, f"at least {_AT_LEAST:.0%}", measured, ratio >= _AT_LEAST)]
    else:
        figures = [shown(what, measured)]
    others = {"verified": "hmac + json", "adapter-sync": "handler in a thread"}
    return figures + [
        shown(f"{server}: {name} / bare app", _compared(taken, side)[1])
        for side, name in others.items()
        if side in taken
    ]


def _compared(taken: _Taken, side: str) -> tuple[float, str]:
    """Give the share that is left, by the fastest rounds, and how it is written out."""
    mine, bare = taken[side], taken["bare"]
    fastest, bare_fastest = _fastest(mine), _fastest(bare)
    ratio = bare_fastest.processor / fastest.processor
    middle = median(b.processor / m.processor for m, b in zip(mine, bare, strict=True))
    by_clock = bare_fastest.clock / fastest.clock
    measured = (
        f"{ratio:.0%} (median {middle:.0%})"
        f"   {fastest.processor:.0f} : {bare_fastest.processor:.0f} us"
        f"   by the clock {by_clock:.0%}"
        f"   {1e6 / fastest.clock:.0f} : {1e6 / bare_fastest.clock:.0f} a second"
    )
    return ratio, measured


def _fastest(spent: list[_Spent]) -> _Spent:
    return _Spent(*map(min, zip(*spent, strict=True)))


def _take_turns(server: str, sides: tuple[str, ...], rounds: int) -> _Taken:
    taken: _Taken = {side: [] for side in sides}
    with ExitStack() as stack:
        running = {side: stack.enter_context(_running(server, side)) for side in sides}
        for process in running.values():
            process.spent()  # a first round does not count
        for number in range(1, rounds + 1):
            progress(f"{server}: round {number} of {rounds}")
            for side, process in running.items():
                taken[side].append(process.spent())
    progress()
    return taken


class _Server:
    """A running server, and the process of it that answers."""

    def __init__(self, address: tuple[str, int], process: int, *, keeps: bool) -> None:
        self._address = address
        self._keeps = keeps
        # The clock of another process, as Linux numbers it for clock_getcpuclockid(3).
        self._clock = (~process << 3) | 2

    def spent(self) -> _Spent:
        """Send a round of requests, signed just now."""
        request = signed()
        used, started = clock_gettime_ns(self._clock), perf_counter_ns()
        post(self._address, request, _TURNS, kept=self._keeps)
        took, used = perf_counter_ns() - started, clock_gettime_ns(self._clock) - used
        thousands = _TURNS * AT_ONCE * 1_000
        return _Spent(used / thousands, took / thousands)


@contextmanager
def _running(server: str, side: str) -> Generator[_Server, None, None]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        command = [sys.executable, "-m", "benchmarks.adapters_served", server, side, str(number)]
        with subprocess.Popen(
            command, cwd=_REPOSITORY, stdout=subprocess.PIPE, text=True, pass_fds=[number]
        ) as process:
            assert process.stdout is not None
            try:
                answering = int(process.stdout.readline())
                # gunicorn's sync worker closes every connection.
                yield _Server(listener.getsockname(), answering, keeps=server != "gunicorn")
            finally:
                process.terminate()
