"""
Many workers at one database, in simulated time: contention, batches, fairness.

``Worker`` and all that it runs are the real ones; the database and the time are models
(``simulation_database``, ``simulation_clock``). So the figures do not depend on this machine, and
are the same each time. They leave out what Python itself takes: a worker process
works on no more than some thousand events a second, whatever is said here.
"""

from __future__ import annotations

import random
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from benchmarks.figures import Figure, shown
from benchmarks.ledger_rounds import progress
from benchmarks.simulation_workers import Sent, Trial, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.simulation_workers import Result

__all__ = ["measure"]

_FLOOD: Final = 100_000
_OTHERS: Final = 10
_SENT_FOR: Final = 20.0
"""Seconds for which the others send, and for which it is seen what a limit does for them."""


def measure() -> list[Figure]:
    """Run all trials; it takes about two minutes."""
    figures: list[Figure] = []
    for what, trial in (*_backlogs(), *_streams(), *_batches()):
        progress(f"simulation: {what}")
        figures.append(shown(f"simulation: {what}", _told(run(trial))))
    for what, trial in _floods():
        progress(f"simulation: {what}")
        result = run(trial)
        figures.append(shown(f"simulation: {what}", _told(result)))
        figures.append(shown("  waited: the flood; the others", _apart(result)))
    progress()
    return figures


def _backlogs() -> Iterator[tuple[str, Trial]]:
    """After an outage, all is due when the workers start."""
    for workers, events in ((10, 3_000), (100, 10_000), (1_000, 8_000)):
        yield f"backlog of {events:,}, {workers:,} workers x 10", Trial(workers, _backlog(events))


def _streams() -> Iterator[tuple[str, Trial]]:
    """By day a hundred events a second come, which ten workers have the room for."""
    sent = list(_stream(100.0, "shop", begin=2.0, end=3.0))
    for wakes, how in ((True, "woken"), (False, "polling")):
        for workers in (10, 100, 1_000):
            trial = Trial(workers, sent, handler=0.05, wakes=wakes)
            yield f"100 events/s, {workers:,} workers x 10, {how}", trial


def _batches() -> Iterator[tuple[str, Trial]]:
    """Give the same two hundred handlers at once to fewer workers with more each."""
    for workers, concurrency in ((200, 1), (20, 10), (4, 50), (1, 200)):
        trial = Trial(workers, _backlog(2_000), concurrency=concurrency)
        yield f"backlog of 2,000, {workers} workers x {concurrency}", trial


def _floods() -> Iterator[tuple[str, Trial]]:
    """One account sends a hundred thousand events at once, ten others one a second each."""
    others = [
        sent
        for number in range(_OTHERS)
        for sent in _stream(1.0, f"acct_{number}", begin=1.0, end=_SENT_FOR)
    ]
    sent = [*_backlog(_FLOOD, "flood"), *sorted(others)]
    what = f"flood of {_FLOOD:,}, 20 workers x 50"
    yield what, Trial(20, sent, concurrency=50)
    lanes = Trial(20, sent, concurrency=50, lanes=20, until=_SENT_FOR)
    yield f"{what}, at most 20 of an account at once", lanes


def _backlog(events: int, account: str = "shop") -> list[Sent]:
    return [Sent(0.0, account)] * events


def _stream(rate: float, account: str, *, begin: float, end: float) -> Iterator[Sent]:
    """Give what comes at random times, so many a second on average, always the same."""
    chance = random.Random(account)
    gaps = (chance.expovariate(rate) for _ in range(round(2 * rate * (end - begin)) + 100))
    return (Sent(at, account) for at in accumulate(gaps, initial=begin) if at < end)


def _told(result: Result) -> str:
    """Write a result out in one line."""
    waited = sorted(one for each in result.waited.values() for one in each)
    return (
        f"{result.rate:,.0f} events/s   waited {_percentiles(waited)}   "
        f"{result.statements:.2f} statements/event   empty claims {result.empty:.0%}   "
        f"events lost to others {result.lost:.0%}   database busy {result.busy:.0%}"
    )


def _apart(result: Result) -> str:
    others = sorted(
        one for account, each in result.waited.items() if account != "flood" for one in each
    )
    return f"{_percentiles(result.waited['flood'])}; {_percentiles(others)}"


def _percentiles(waited: Sequence[float]) -> str:
    """Give the middle, and what 95 and 99 in a hundred did not exceed."""
    at = (waited[round(share * (len(waited) - 1))] for share in (0.5, 0.95, 0.99))
    return " / ".join(_seconds(one) for one in at)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
