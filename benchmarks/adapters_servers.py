"""
An adapter on a real server, against the same server that only reads and answers 200.

All sides run at once, in processes of their own, and are asked in turn over loopback. The
verdict is by requests a second, the middle one of all rounds' ratios, so that other work on
the machine counts less; the share by the processor time of the answering process stands
beside it. Servers are started as their command lines start them. Each request has a
connection of its own, as nginx asks unless it is told to keep them; where connections
are kept, less is left to compare with, and that is shown as well.
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
_NAMES = {
    "adapter": "our adapter / bare app",
    "verified": "hmac + json / bare app",
    "bare": "bare app",
}
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
    figures = [*_figures("gunicorn", rounds), *_figures("uvicorn", rounds)]
    figures += _figures("uvicorn", rounds, keeps=True)
    if find_spec("uvloop") and find_spec("httptools"):
        figures += _figures("uvloop, httptools", rounds, keeps=True)
    return figures


def _figures(server: str, rounds: int, *, keeps: bool = False) -> list[Figure]:
    taken = _take_turns(server, tuple(_NAMES), rounds, keeps=keeps)
    where = f"{server}, connections kept" if keeps else server
    figures: list[Figure] = []
    for side, name in _NAMES.items():
        ratio, measured = _compared(taken, side)
        if side == "adapter" and not keeps:
            target = f"at least {_AT_LEAST:.0%}"
            figures.append(Figure(f"{where}: {name}", target, measured, ratio >= _AT_LEAST))
        elif side != "bare":
            figures.append(shown(f"{where}: {name}", measured))
    return figures


def _compared(taken: _Taken, side: str) -> tuple[float, str]:
    """Give the share of requests a second that is left, and how it is written out."""
    mine, bare = taken[side], taken["bare"]
    ratio = median(b.clock / m.clock for m, b in zip(mine, bare, strict=True))
    fastest, bare_fastest = _fastest(mine), _fastest(bare)
    by_processor = bare_fastest.processor / fastest.processor
    measured = (
        f"{ratio:.0%}"
        f"   {1e6 / fastest.clock:.0f} : {1e6 / bare_fastest.clock:.0f} a second"
        f"   by processor time {by_processor:.0%}"
        f"   {fastest.processor:.0f} : {bare_fastest.processor:.0f} us"
    )
    return ratio, measured


def _fastest(spent: list[_Spent]) -> _Spent:
    return _Spent(*map(min, zip(*spent, strict=True)))


def _take_turns(server: str, sides: tuple[str, ...], rounds: int, *, keeps: bool) -> _Taken:
    taken: _Taken = {side: [] for side in sides}
    with ExitStack() as stack:
        running = {side: stack.enter_context(_running(server, side, keeps=keeps)) for side in sides}
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
def _running(server: str, side: str, *, keeps: bool) -> Generator[_Server, None, None]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        command = [sys.executable, "-m", "benchmarks.adapters_served", server, side, str(number)]
        with subprocess.Popen(
            command, cwd=_REPOSITORY, stdout=subprocess.PIPE, text=True, pass_fds=[number]
        ) as process:
            assert process.stdout is not None
            try:
                answering = int(process.stdout.readline())
                yield _Server(listener.getsockname(), answering, keeps=keeps)
            finally:
                process.terminate()
