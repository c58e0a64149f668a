"""
Events a second from record to done: workers in processes of their own empty an inbox.

Each round fills a new database for each side in turn. All events have been recorded when
the workers are let go, which have imported what they need by then, and connected to
nothing; the time ends when the last handler was done, as the ledger says it. The middle of
all rounds counts.

Procrastinate runs on the same server, in the same rounds, with as many processes; its time
is taken in the same way, from its own table of what happened to jobs. It is given fewer
jobs, so that both sides take about as long.
"""

from __future__ import annotations

from contextlib import closing
from itertools import count
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks import payloads
from benchmarks.figures import Figure, shown
from benchmarks.inbox_filling import fill
from benchmarks.inbox_places import new_places
from benchmarks.inbox_processes import started_together
from benchmarks.ledger_rounds import take_turns
from benchmarks.ledger_server import IN_MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from benchmarks.inbox_places import Kind, Place
    from benchmarks.ledger_rounds import Rounds

__all__ = ["measure_postgres", "measure_redis", "measure_sqlite"]

EVENTS: Final = 12_000
JOBS: Final = 2_000
_CONCURRENCY: Final = 50
_THEIR_CONCURRENCY: Final = 20
_PAGE: Final = 1_000
_POSTGRES_AT_LEAST: Final = 2_500
_RATIO_AT_LEAST: Final = 3
_REDIS_AT_LEAST: Final = 4_000
_SQLITE_AT_LEAST: Final = 3_000


def measure_postgres(rounds: int) -> list[Figure]:
    """Measure two workers on PostgreSQL, and two of procrastinate."""
    figures = _postgres(None, rounds)
    if IN_MEMORY is not None:
        figures += [
            shown(f"{figure.what}, in memory", figure.measured)
            for figure in _postgres(IN_MEMORY, max(1, rounds // 2))
        ]
    return figures


def _postgres(folder: Path | None, rounds: int) -> list[Figure]:
    from benchmarks import inbox_procrastinate as procrastinate

    with new_places("PostgreSQL", folder) as new:
        sides = {handlers: _emptying(new, 2, handlers) for handlers in ("async", "sync")}
        sides |= {
            f"their {tasks}": _theirs(new, procrastinate, tasks) for tasks in ("async", "sync")
        }
        taken = take_turns(sides, rounds, "PostgreSQL")
    best = min((taken["their async"], taken["their sync"]), key=_middle)
    ratio = median(b / a for a, b in zip(taken["async"].seconds, best.seconds, strict=True))
    of_sync = median(b / a for a, b in zip(taken["sync"].seconds, best.seconds, strict=True))
    return [
        _figure("PostgreSQL, 2 workers, async handlers", taken["async"], _POSTGRES_AT_LEAST),
        _figure("the same, sync handlers", taken["sync"], _POSTGRES_AT_LEAST),
        Figure(
            f"PostgreSQL / procrastinate {procrastinate.VERSION}, async",
            f"at least {_RATIO_AT_LEAST}x",
            f"{ratio:.1f}x   its async tasks {_rate(taken['their async'])}",
            ratio >= _RATIO_AT_LEAST,
        ),
        Figure(
            "the same, our sync handlers",
            f"at least {_RATIO_AT_LEAST}x",
            f"{of_sync:.1f}x   its sync tasks {_rate(taken['their sync'])}",
            of_sync >= _RATIO_AT_LEAST,
        ),
    ]


def measure_redis(rounds: int) -> list[Figure]:
    """Measure two workers on Redis."""
    with new_places("Redis") as new:
        sides = {handlers: _emptying(new, 2, handlers) for handlers in ("async", "sync")}
        taken = take_turns(sides, rounds, "Redis")
    return [
        _figure("Redis, 2 workers, async handlers", taken["async"], _REDIS_AT_LEAST),
        _figure("the same, sync handlers", taken["sync"], _REDIS_AT_LEAST),
    ]


def measure_sqlite(rounds: int) -> list[Figure]:
    """Measure one worker on an SQLite file."""
    kinds: tuple[Kind, ...] = ("SQLite", "SQLite NORMAL")
    with new_places(kinds[0]) as full, new_places(kinds[1]) as normal:
        sides = {
            (kind, handlers): _emptying(new, 1, handlers)
            for kind, new in zip(kinds, (full, normal), strict=True)
            for handlers in ("async", "sync")
        }
        taken = take_turns(sides, rounds, "SQLite")
    return [
        _figure("SQLite FULL, 1 worker, async handlers", taken["SQLite", "async"], _SQLITE_AT_LEAST),
        _figure("the same, sync handlers", taken["SQLite", "sync"], _SQLITE_AT_LEAST),
        _figure("SQLite NORMAL, async handlers", taken["SQLite NORMAL", "async"]),
        _figure("the same, sync handlers", taken["SQLite NORMAL", "sync"]),
    ]


def _emptying(new: Callable[[str], Place], workers: int, handlers: str) -> Callable[[], float]:
    """Give what fills an inbox and has it emptied; it gives the seconds for each event."""
    numbers = count(1)

    def one_round() -> float:
        place = new(f"{handlers}{next(numbers)}")
        fill(place, payloads.charge(), EVENTS)
        started = started_together(
            workers, "inbox_worker", place.told(), "burst", handlers, str(_CONCURRENCY)
        )
        return (_last_done(place) - started) / EVENTS

    return one_round


def _last_done(place: Place) -> float:
    """See that all is done, and give when the last one was (unix time)."""
    done, last, after = 0, 0.0, None
    with closing(place.store()) as store:
        while page := store.list("default", limit=_PAGE, after=after):
            assert all(record.state == "done" for record in page)
            last = max(last, *(handler.at for record in page for handler in record.handlers))
            done += len(page)
            after = (page[-1].first_seen, page[-1].id)
    assert done == EVENTS, f"{done} of {EVENTS} events are there"
    return last


def _theirs(new: Callable[[str], Place], procrastinate: ModuleType, tasks: str) -> Callable[[], float]:
    """Give the same for jobs of procrastinate."""
    numbers = count(1)

    def one_round() -> float:
        dsn = new(f"their_{tasks}{next(numbers)}").address
        procrastinate.defer(dsn, tasks, [f"evt_1{number:09}Bench" for number in range(JOBS)])
        module = "inbox_procrastinate"
        started = started_together(2, module, dsn, str(_THEIR_CONCURRENCY))
        return (procrastinate.last_done(dsn, JOBS) - started) / JOBS

    return one_round


def _figure(what: str, taken: Rounds, at_least: int | None = None) -> Figure:
    if at_least is None:
        return shown(f"inbox: {what}", _rate(taken))
    rate = 1 / _middle(taken)
    return Figure(f"inbox: {what}", f"at least {at_least}/s", _rate(taken), rate >= at_least)


def _middle(taken: Rounds) -> float:
    return median(taken.seconds)


def _rate(taken: Rounds) -> str:
    slowest, fastest = 1 / max(taken.seconds), 1 / taken.fastest
    return f"{1 / _middle(taken):.0f}/s (rounds {slowest:.0f} to {fastest:.0f})"
