"""
What a worker costs that has nothing to do, while the database wakes it if there is work.

Processor time is the worker's own, of all its threads. Queries are what its server has
seen, counted where they come in: PostgreSQL logs each statement, Redis shows each command
that a client sends. Both count the connection that listens, too. SQLite's are calls within
the process and are not counted.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

import psycopg
import redis
from psycopg.conninfo import conninfo_to_dict

from benchmarks.figures import Figure
from benchmarks.inbox_latency import until_woken
from benchmarks.inbox_places import new_places
from benchmarks.inbox_processes import running
from benchmarks.ledger_rounds import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from benchmarks.inbox_places import Kind, Place
    from benchmarks.inbox_processes import Process

__all__ = ["measure"]

_SECONDS: Final = 30.0
_MOST_SHARE: Final = 0.01
_MOST_QUERIES: Final = 2.0
_KINDS: Final[tuple[Kind, ...]] = ("PostgreSQL", "Redis", "SQLite")


def measure() -> list[Figure]:
    """Measure a worker on each database."""
    return [figure for kind in _KINDS for figure in _idle(kind)]


def _idle(kind: Kind) -> list[Figure]:
    with new_places(kind) as new:
        place = new("inbox")
        with (
            _COUNTED[kind](place) as queries,
            running("inbox_worker", place.told(), "stay", "sync", "10") as worker,
        ):
            _settle(worker, kind)
            share, a_second = _observed(worker, queries, kind)
    figures = [
        Figure(
            f"inbox: {kind}, an idle worker",
            f"under {_MOST_SHARE:.0%} of a core",
            f"{share:.2%}",
            share < _MOST_SHARE,
        )
    ]
    if a_second is not None:
        asked, told = f"at most {_MOST_QUERIES:.0f} queries/s", f"{a_second:.2f}/s"
        figures.append(Figure("the same", asked, told, a_second <= _MOST_QUERIES))
    return figures


def _settle(worker: Process, kind: Kind) -> None:
    """Let it start: import, connect, and hear its own test."""
    if kind != "SQLite":
        until_woken(lambda: _asked(worker)[0] == "1")
    sleep(3)


def _observed(
    worker: Process, queries: Callable[[], int] | None, kind: Kind
) -> tuple[float, float | None]:
    """Give the share of a core, and the queries a second."""
    progress(f"{kind}: idle for {_SECONDS:.0f} s")
    before = 0 if queries is None else queries()
    (_, used), since = _asked(worker), monotonic()
    sleep(_SECONDS)
    woken, more = _asked(worker)
    lasted = monotonic() - since
    assert kind == "SQLite" or woken == "1", "the database does not wake the worker any more"
    progress()
    a_second = None if queries is None else (queries() - before) / lasted
    return (float(more) - float(used)) / lasted, a_second


def _asked(worker: Process) -> list[str]:
    worker.tell("?")
    return worker.answer().split()


@contextmanager
def _logged(place: Place) -> Generator[Callable[[], int], None, None]:
    """Give what counts the statements that a PostgreSQL has been asked for."""
    with psycopg.connect(place.address, autocommit=True) as connection:
        connection.execute("ALTER DATABASE inbox SET log_statement = 'all'")
    log = Path(str(conninfo_to_dict(place.address)["host"]), "log")
    statement = re.compile(r"LOG:  (?:statement|execute [^:]*|fastpath function call):", re.ASCII)
    yield lambda: len(statement.findall(log.read_text()))


@contextmanager
def _monitored(place: Place) -> Generator[Callable[[], int], None, None]:
    """Give what counts the commands that clients have sent to a Redis, since it was last asked."""
    url = place.address.partition("#")[0]
    seen = 0
    with redis.Redis.from_url(url) as client, client.monitor() as monitor:

        def count() -> int:
            nonlocal seen
            client.echo("that is all")
            while "that is all" not in (command := monitor.next_command())["command"]:
                seen += _is_sent(command)
            return seen

        yield count


def _is_sent(command: Any) -> bool:
    """Tell whether a client has sent it: others were called by its script."""
    return bool(command["client_type"] != "lua")


@contextmanager
def _uncounted(_: Place) -> Generator[None, None, None]:
    yield None


_COUNTED: Final[dict[Kind, Any]] = {
    "PostgreSQL": _logged,
    "Redis": _monitored,
    "SQLite": _uncounted,
}
