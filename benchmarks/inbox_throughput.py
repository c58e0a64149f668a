"""
Events a second from record to done: workers in processes of their own empty an inbox.

Each round fills a new database for each side in turn. All events have been recorded when
the workers are let go, which have imported what they need by then, and connected to
nothing; the time ends when the last handler was done, as the ledger says it. The middle of
all rounds counts.

Procrastinate runs on the same server, in the same rounds, with as many processes; its time
is taken in the same way, from its own table of what happened to jobs. It is given fewer
jobs, so that both sides take about as long, and counts with the settings that are best for
it.
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
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import ModuleType

    from benchmarks.inbox_places import Kind, Place
    from benchmarks.ledger_rounds import Rounds

__all__ = ["measure_postgres", "measure_redis", "measure_sqlite"]

EVENTS: Final = 12_000
JOBS: Final = 2_000
_CONCURRENCY: Final = 100
_HANDLERS: Final = ("async", "sync")
_THEIR_SETTINGS: Final = (("async", 1), ("async", 5), ("async", 20), ("sync", 5))
_PAGE: Final = 1_000
_POSTGRES_AT_LEAST: Final = 2_500
_RATIO_AT_LEAST: Final = 3
_REDIS_AT_LEAST: Final = 4_000
_SQLITE_AT_LEAST: Final = 3_000


def measure_postgres(rounds: int) -> list[Figure]:
    """Measure two workers on PostgreSQL, and two of procrastinate."""
    figures = _postgres(None, rounds)
    if IN_MEMORY is not None:
        in_memory = _postgres(IN_MEMORY, max(1, rounds // 2))
        figures += [shown(f"{one.what}, in memory", one.measured) for one in in_memory]
    return figures


def _postgres(folder: Path | None, rounds: int) -> list[Figure]:
    from benchmarks import inbox_procrastinate as procrastinate

    with new_places("PostgreSQL", folder) as new:
        sides = {handlers: _emptying(new, 2, handlers) for handlers in _HANDLERS}
        theirs = {
            f"{tasks} tasks, concurrency {at_once}": _theirs(new, procrastinate, tasks, at_once)
            for tasks, at_once in _THEIR_SETTINGS
        }
        taken = take_turns(sides | theirs, rounds, "PostgreSQL")
    best = min(theirs, key=lambda name: _middle(taken[name]))
    what = f"inbox: PostgreSQL / procrastinate {procrastinate.VERSION}"
    return [
        *_figures("PostgreSQL, 2 workers", taken, _POSTGRES_AT_LEAST),
        *(_ratio(f"{what}, {one} handlers", taken[one], taken[best]) for one in _HANDLERS),
        shown(f"procrastinate, best with {best}", _rate(taken[best])),
    ]


def measure_redis(rounds: int) -> list[Figure]:
    """Measure two workers on Redis."""
    figures = _redis(None, rounds)
    if IN_MEMORY is not None:
        in_memory = _redis(IN_MEMORY, max(1, rounds // 2))
        figures += [shown(f"{one.what}, in memory", one.measured) for one in in_memory]
    return figures


def _redis(folder: Path | None, rounds: int) -> list[Figure]:
    with new_places("Redis", folder) as new:
        sides = {handlers: _emptying(new, 2, handlers) for handlers in _HANDLERS}
        taken = take_turns(sides, rounds, "Redis")
    return _figures("Redis, 2 workers", taken, _REDIS_AT_LEAST)


def measure_sqlite(rounds: int) -> list[Figure]:
    """Measure one worker on an SQLite file."""
    return [
        *_sqlite("SQLite", rounds, _SQLITE_AT_LEAST),
        *_sqlite("SQLite NORMAL", max(1, rounds // 2), None),
    ]


def _sqlite(kind: Kind, rounds: int, at_least: int | None) -> list[Figure]:
    with new_places(kind) as new:
        sides = {handlers: _emptying(new, 1, handlers) for handlers in _HANDLERS}
        taken = take_turns(sides, rounds, kind)
    return _figures(f"{kind}, 1 worker", taken, at_least)


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


def _theirs(
    new: Callable[[str], Place], procrastinate: ModuleType, tasks: str, at_once: int
) -> Callable[[], float]:
    """Give the same for jobs of procrastinate."""
    numbers = count(1)

    def one_round() -> float:
        dsn = new(f"their_{tasks}_{at_once}_{next(numbers)}").address
        procrastinate.defer(dsn, tasks, JOBS)
        started = started_together(2, "inbox_procrastinate_worker", dsn, str(at_once))
        last_done: float = procrastinate.last_done(dsn, JOBS)
        return (last_done - started) / JOBS

    return one_round


def _figures(what: str, taken: Mapping[str, Rounds], at_least: int | None) -> list[Figure]:
    return [_figure(f"inbox: {what}, {one} handlers", taken[one], at_least) for one in _HANDLERS]


def _figure(what: str, taken: Rounds, at_least: int | None) -> Figure:
    if at_least is None:
        return shown(what, _rate(taken))
    return Figure(what, f"at least {at_least}/s", _rate(taken), 1 / _middle(taken) >= at_least)


def _ratio(what: str, mine: Rounds, theirs: Rounds) -> Figure:
    ratio = mine.in_times(theirs).median
    return Figure(what, f"at least {_RATIO_AT_LEAST}x", f"{ratio:.1f}x", ratio >= _RATIO_AT_LEAST)


def _middle(taken: Rounds) -> float:
    return median(taken.seconds)


def _rate(taken: Rounds) -> str:
    slowest, fastest = 1 / max(taken.seconds), 1 / taken.fastest
    return f"{1 / _middle(taken):.0f}/s (rounds {slowest:.0f} to {fastest:.0f})"
