"""
What an event costs while the ledger grows from a thousand rows to a million.

There is a ledger of each size, and a round works on all of them in turn: it delivers new
events (accept, handler, finish), lets a worker take events that are due and finish them,
and asks for due events where there are none, as an idle worker does. PostgreSQL has its
data in memory where there is a folder for that: waiting for a disk costs the same at any
size, and would hide what does not.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, time
from typing import TYPE_CHECKING, Final

from benchmarks import payloads
from benchmarks.figures import Figure
from benchmarks.ledger_deliveries import Deliveries
from benchmarks.ledger_filling import AFTER_ALL, fill_postgres, fill_sqlite
from benchmarks.ledger_rounds import Rounds, delivering, take_turns
from benchmarks.ledger_routers import HANDLER, handling
from benchmarks.ledger_server import IN_MEMORY, server
from stripe_events.storage import (
    Arrival,
    Code,
    HandlerResult,
    Plan,
    PlannedHandler,
    PostgresStore,
    SQLiteStore,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from stripe_events.storage import InboxStore

__all__ = ["measure"]

SIZES: Final = {"1k": 1_000, "10k": 10_000, "100k": 100_000, "1M": 1_000_000}

_AT_MOST = 1.3
_BATCH = 100
_TAKEN_AT_ONCE = 10
_SCOPE = "default"
_CODE = Code(frozenset({HANDLER}))
_PLAN = Plan((PlannedHandler(HANDLER),))


def measure(rounds: int) -> list[Figure]:
    """Measure both databases at all sizes."""
    figures: list[Figure] = []
    for name, stores in (("SQLite", _sqlite), ("PostgreSQL", _postgres)):
        with stores() as by_size:
            figures += _curves(name, by_size, rounds)
    return figures


@contextmanager
def _sqlite() -> Generator[dict[str, InboxStore], None, None]:
    with TemporaryDirectory(prefix="stripe-events-") as folder:
        stores: dict[str, InboxStore] = {}
        for size, rows in SIZES.items():
            path = Path(folder, f"{size}.db")
            store = stores[size] = SQLiteStore(path, synchronous="NORMAL")
            fill_sqlite(store, path, rows)
        yield stores


@contextmanager
def _postgres() -> Generator[dict[str, InboxStore], None, None]:
    with server(IN_MEMORY) as running:
        stores: dict[str, InboxStore] = {}
        for size, rows in SIZES.items():
            connect = running.new_database(size)
            store = stores[size] = PostgresStore(connect)
            store.create_schema()
            fill_postgres(store, connect, rows)
        yield stores


def _curves(name: str, stores: dict[str, InboxStore], rounds: int) -> list[Figure]:
    tasks = {"a delivery": _deliver, "an event from the inbox": _take, "nothing is due": _poll}
    sides = {
        (task, size): prepare(store)
        for task, prepare in tasks.items()
        for size, store in stores.items()
    }
    taken = take_turns(sides, rounds, f"{name}, all sizes")
    return [
        _figure(f"curve: {name}, {task}", {size: taken[task, size] for size in stores})
        for task in tasks
    ]


def _figure(what: str, curve: dict[str, Rounds]) -> Figure:
    us = {size: rounds.us for size, rounds in curve.items()}
    ratio = max(us.values()) / min(us.values())
    points = ", ".join(f"{size} {value:.0f}" for size, value in us.items())
    return Figure(what, f"at most {_AT_MOST}x", f"{ratio:.2f}x   {points} us", ratio <= _AT_MOST)


def _deliver(store: InboxStore) -> Callable[[], float]:
    deliveries = Deliveries(payloads.charge(), first=AFTER_ALL)
    return delivering(handling(store), deliveries, _BATCH)


def _take(store: InboxStore) -> Callable[[], float]:
    deliveries = Deliveries(payloads.charge(), first=2 * AFTER_ALL)

    def batch() -> float:
        for number in range(_BATCH):
            store.enqueue(_arrival(deliveries.body(), number))
        left, started = _BATCH, perf_counter()
        while left:
            taken = store.take_due(_SCOPE, _CODE, "benchmark", 30.0, _TAKEN_AT_ONCE)
            for one in taken:
                store.finish(one.claimed.claim, HandlerResult(HANDLER, "succeeded"))
            left -= len(taken)
        return (perf_counter() - started) / _BATCH

    return batch


def _poll(store: InboxStore) -> Callable[[], float]:
    def batch() -> float:
        started = perf_counter()
        for _ in range(_BATCH):
            assert not store.take_due(_SCOPE, _CODE, "benchmark", 30.0, _TAKEN_AT_ONCE)
        return (perf_counter() - started) / _BATCH

    return batch


def _arrival(body: bytes, number: int) -> Arrival:
    event_id = body.partition(b'"id":"')[2].partition(b'"')[0].decode()
    return Arrival(
        scope=_SCOPE,
        id=event_id,
        type="charge.succeeded",
        account=None,
        livemode=False,
        created=time(),
        payload=body,
        plan=_PLAN,
        code=_CODE,
        claim_id=f"benchmark {number}",
    )
