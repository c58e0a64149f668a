"""
What a claim costs while the events that wait grow from a thousand to a million.

All of them are due. There is an inbox of each size, and a round works on all of them in
turn: it claims as a worker does, twenty events at once, then gives them back, or finishes
them and records as many new ones. So each keeps its size. Servers have their data in
memory where there is a folder for that: waiting for a disk costs the same at any size,
and would hide what does not.
"""

from __future__ import annotations

from contextlib import ExitStack
from itertools import count
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Final

from benchmarks import payloads
from benchmarks.figures import Figure
from benchmarks.inbox_filling import fill
from benchmarks.inbox_places import new_places
from benchmarks.ledger_rounds import Rounds, progress, take_turns
from benchmarks.ledger_routers import HANDLER
from benchmarks.ledger_server import IN_MEMORY
from stripe_events.storage import Arrival, Code, HandlerResult, Plan, PlannedHandler, Release

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.inbox_places import Kind

__all__ = ["measure"]

SIZES: Final = {"1k": 1_000, "10k": 10_000, "100k": 100_000, "1M": 1_000_000}

_AT_MOST: Final = 1.3
_BATCHES: Final = 5
_AT_ONCE: Final = 20
_SCOPE: Final = "default"
_THIN: Final = f"{HANDLER} thin"
_CODE: Final = Code(frozenset({HANDLER, _THIN}))
_PLAN: Final = Plan((PlannedHandler(_THIN),))
_NOW: Final = Release(inline=0.0, inbox=0.0)
_KINDS: Final[tuple[Kind, ...]] = ("SQLite NORMAL", "PostgreSQL", "Redis")


def measure(rounds: int) -> list[Figure]:
    """Measure each database at all sizes."""
    return [figure for kind in _KINDS for figure in _curves(kind, rounds)]


def _curves(kind: Kind, rounds: int) -> list[Figure]:
    folder = None if kind.startswith("SQLite") else IN_MEMORY
    with new_places(kind, folder) as new, ExitStack() as stack:
        stores: dict[str, Any] = {}
        for size, rows in SIZES.items():
            progress(f"{kind}: filling an inbox with {rows:,} events")
            place = new(f"inbox{size}")
            fill(place, payloads.notification(), rows)
            stores[size] = place.store()
            stack.callback(stores[size].close)
        sides = {
            (task, size): prepare(store)
            for task, prepare in _TASKS.items()
            for size, store in stores.items()
        }
        taken = take_turns(sides, rounds, f"{kind}, all sizes")
    return [
        _figure(f"inbox: {kind}, {task}", {size: taken[task, size] for size in stores})
        for task in _TASKS
    ]


def _figure(what: str, curve: dict[str, Rounds]) -> Figure:
    us = {size: rounds.us for size, rounds in curve.items()}
    ratio = max(us.values()) / min(us.values())
    points = ", ".join(f"{size} {value:.0f}" for size, value in us.items())
    return Figure(what, f"at most {_AT_MOST}x", f"{ratio:.2f}x   {points} us", ratio <= _AT_MOST)


def _claim(store: Any) -> Callable[[], float]:
    """Give what claims, and gives back outside the time that it takes."""

    def batches() -> float:
        taken_s = 0.0
        for _ in range(_BATCHES):
            started = perf_counter()
            taken = store.take_due(_SCOPE, _CODE, "benchmark", 30.0, _AT_ONCE)
            taken_s += perf_counter() - started
            assert len(taken) == _AT_ONCE
            for one in taken:
                store.give_back(one.claimed.claim, _NOW)
        return taken_s / _BATCHES / _AT_ONCE

    return batches


def _give_back(store: Any) -> Callable[[], float]:
    def batch() -> float:
        taken = store.take_due(_SCOPE, _CODE, "benchmark", 30.0, _AT_ONCE)
        started = perf_counter()
        for one in taken:
            store.give_back(one.claimed.claim, _NOW)
        return (perf_counter() - started) / _AT_ONCE

    return batch


def _finish(store: Any) -> Callable[[], float]:
    numbers = count()

    def batch() -> float:
        taken = store.take_due(_SCOPE, _CODE, "benchmark", 30.0, _AT_ONCE)
        started = perf_counter()
        for one in taken:
            store.finish(one.claimed.claim, HandlerResult(_THIN, "succeeded"))
        taken_s = perf_counter() - started
        for one in taken:
            store.enqueue(_arrival(next(numbers), one.payload))
        return taken_s / _AT_ONCE

    return batch


_TASKS: Final[dict[str, Callable[[Any], Callable[[], float]]]] = {
    "an event of a claim": _claim,
    "an event given back": _give_back,
    "an event finished": _finish,
}


def _arrival(number: int, payload: bytes) -> Arrival:
    return Arrival(
        scope=_SCOPE,
        id=f"evt_1{number:09}Later",
        type="v1.charge.succeeded",
        account=None,
        livemode=False,
        created=time(),
        payload=payload,
        plan=_PLAN,
        code=_CODE,
        claim_id=f"benchmark {number}",
    )
