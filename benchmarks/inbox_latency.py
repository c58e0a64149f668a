"""
How soon a handler starts after Stripe was answered, where a worker has nothing else to do.

This process answers one delivery after the other; an idle worker, in a process of its own
but for one line, runs the handler, which notes the clock first of all. Both read
CLOCK_MONOTONIC, which is one for the machine. The next delivery comes when the worker has
been idle for a while of random length.

Over SQLite nobody is told what other processes write: such a worker polls, and fewer
events are enough.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from queue import SimpleQueue
from random import Random
from statistics import median, quantiles
from time import monotonic, monotonic_ns, sleep
from typing import TYPE_CHECKING, Any, Final

from benchmarks import payloads
from benchmarks.figures import Figure, shown
from benchmarks.inbox_places import new_places
from benchmarks.inbox_processes import running
from benchmarks.inbox_routers import nothing, router_over
from benchmarks.ledger_deliveries import Deliveries
from benchmarks.ledger_rounds import progress
from stripe_events.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from benchmarks.inbox_places import Kind, Place
    from stripe_events import EventRouter

__all__ = ["measure", "until_woken"]

_AT_MOST_MS: Final = 10
_POLLED: Final = 40
"""Deliveries where the worker polls."""

_LIMIT: Final = 30.0


def measure(events: int) -> list[Figure]:
    """Measure so many deliveries on each database."""
    kinds: tuple[Kind, ...] = ("PostgreSQL", "Redis")
    figures = [_beside(kind, events) for kind in kinds]
    figures.append(_beside("SQLite", min(events, _POLLED)))
    figures.append(_within(events))
    return figures


def until_woken(ask: Callable[[], bool]) -> None:
    """Wait until the database wakes a worker."""
    end = monotonic() + _LIMIT
    while not ask():
        assert monotonic() < end, "the database never woke the worker"
        sleep(0.05)


def _beside(kind: Kind, events: int) -> Figure:
    """Measure with the worker in a process of its own."""
    with new_places(kind) as new:
        place = new("inbox")
        with (
            _answering(place) as router,
            running("inbox_worker", place.told(), "stay", "tell", "10") as worker,
        ):

            def is_woken() -> bool:
                worker.tell("?")
                return worker.answer().startswith("1")

            if kind != "SQLite":
                until_woken(is_woken)
            taken = _deliver(router, events, lambda: int(worker.answer().split()[1]), kind)
    if kind == "SQLite":
        return shown("inbox: SQLite, answer to handler, worker elsewhere: polls", _told(taken))
    what = f"inbox: {kind}, answer to start of the handler"
    return Figure(what, f"median under {_AT_MOST_MS} ms", _told(taken), median(taken) < _AT_MOST_MS)


def _within(events: int) -> Figure:
    """Measure with the worker in this process, over SQLite."""
    started: SimpleQueue[int] = SimpleQueue()

    def note(_: Any) -> None:
        started.put(monotonic_ns())

    with new_places("SQLite") as new, closing(new("inbox").store()) as store:
        router = router_over(store, note)
        with Worker(router):
            taken = _deliver(router, events, lambda: started.get(timeout=_LIMIT), "SQLite")
    return shown("the same with the worker in this process", _told(taken))


@contextmanager
def _answering(place: Place) -> Generator[EventRouter, None, None]:
    with closing(place.store()) as store:
        yield router_over(store, nothing)


def _deliver(
    router: EventRouter, events: int, started: Callable[[], int], what: str
) -> list[float]:
    """Give for each delivery the milliseconds from its answer until its handler has started."""
    deliveries, random = Deliveries(payloads.charge()), Random(0)
    taken: list[float] = []
    for number in range(events + 1):
        progress(f"{what}: delivery {number} of {events}")
        (delivery,) = deliveries.fresh(1)
        response = router.handle(*delivery)
        answered = monotonic_ns()
        assert response.outcome == "accepted", response
        taken.append((started() - answered) / 1e6)
        sleep(random.uniform(0.03, 0.1))
    progress()
    return taken[1:]  # by the first one imports and connections are made


def _told(taken: list[float]) -> str:
    last = quantiles(taken, n=100)
    return f"{median(taken):.1f} ms (p95 {last[94]:.1f}, p99 {last[98]:.1f}, {len(taken)} events)"
