"""
What an event costs in each database: bytes, requests, a server's time.

Events are recorded in the inbox, claimed and finished in batches of ten, and erased. They are
copies of one payload under ids of their own; nothing compresses across events.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from benchmarks import payloads
from benchmarks.figures import Figure, shown
from benchmarks.ledger_rounds import progress
from benchmarks.ledger_server import IN_MEMORY, server
from benchmarks.scaling_events import Inbox
from benchmarks.scaling_statements import statements
from stripe_events.storage import PostgresStore, RedisStore, SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["measure"]

_BODIES: Final = {
    "thin event": (payloads.notification, 3_000),
    "charge": (payloads.charge, 3_000),
    "invoice": (payloads.invoice, 600),
}
_BATCH: Final = 10
_IN_DYNAMODB: Final = 200


def measure() -> list[Figure]:
    """Measure all databases, each with charges and with invoices."""
    figures: list[Figure] = []
    for name, (body, events) in _BODIES.items():
        for store, weigh in (("SQLite", _sqlite), ("PostgreSQL", _postgres), ("Redis", _redis)):
            progress(f"scaling: {store}, {name}")
            told = "   ".join(f"{what} {size:,.0f}" for what, size in weigh(body(), events))
            figures.append(shown(f"scaling: {store}, {name}, bytes an event", told))
        progress(f"scaling: DynamoDB, {name}")
        figures.append(
            shown(f"scaling: DynamoDB, {name}", _dynamodb(name.replace(" ", "-"), body()))
        )
    figures += [shown(f"scaling: PostgreSQL's own ms, {what}", ms) for what, ms in statements()]
    progress()
    return figures


def _stages(
    store: Any, body: bytes, events: int, size: Callable[[], float]
) -> Iterator[tuple[str, float]]:
    """Give the bytes that an event takes once it is done, and once it is erased."""
    inbox, empty = Inbox(store, body), size()
    inbox.record(events)
    inbox.work(_BATCH)
    yield "done", (size() - empty) / events
    inbox.erase()
    yield "erased", (size() - empty) / events


def _sqlite(body: bytes, events: int) -> list[tuple[str, float]]:
    with TemporaryDirectory(prefix="stripe-events-", dir=IN_MEMORY) as folder:
        path = Path(folder, "app.db")
        with closing(SQLiteStore(path)) as store:

            def size() -> float:
                with closing(sqlite3.connect(path)) as connection:
                    asked = ("page_count", "freelist_count", "page_size")
                    count, free, each = (
                        int(connection.execute(f"PRAGMA {one}").fetchone()[0]) for one in asked
                    )
                    return (count - free) * each

            return list(_stages(store, body, events, size))


def _postgres(body: bytes, events: int) -> list[tuple[str, float]]:
    with server(IN_MEMORY) as running:
        connect = running.new_database("ledger")
        with closing(PostgresStore(connect)) as store, connect() as connection:
            store.create_schema()

            def ask(query: str) -> float:
                row = connection.execute(query.encode()).fetchone()
                assert row is not None
                return float(row[0])

            def size() -> float:
                connection.execute("VACUUM (FULL) stripe_events.events")
                return ask("SELECT pg_total_relation_size('stripe_events.events')")

            def wal() -> float:
                return ask("SELECT pg_current_wal_lsn() - '0/0'")

            inbox, before, empty = Inbox(store, body), wal(), size()
            before = wal()
            inbox.record(events)
            recorded = wal()
            inbox.work(_BATCH)
            worked = wal()
            unpacked = ask("SELECT pg_total_relation_size('stripe_events.events')")
            done = size()
            inbox.erase()
            return [
                ("done", (done - empty) / events),
                ("with its old versions", (unpacked - empty) / events),
                ("erased", (size() - empty) / events),
                ("WAL to record", (recorded - before) / events),
                ("WAL to claim and finish", (worked - recorded) / events),
            ]


def _redis(body: bytes, events: int) -> list[tuple[str, float]]:
    from tests.stores.redis_server import RedisServer  # brings a server

    redis = RedisServer(auto_aof_rewrite_percentage="0")
    redis.start()
    try:
        with closing(RedisStore(redis.url)) as store, redis.client() as client:
            written = client.info("persistence")["aof_current_size"]

            def size() -> float:
                return float(sum(client.memory_usage(key, samples=0) for key in client.scan_iter()))

            stages = list(_stages(store, body, events, size))
            written = client.info("persistence")["aof_current_size"] - written
            return [*stages, ("written to the AOF, erasing too", written / events)]
    finally:
        redis.delete()


def _dynamodb(name: str, body: bytes) -> str:
    """Count the requests, and weigh the items as DynamoDB does."""
    from tests.stores.dynamodb_server import DynamoDBServer  # brings a server

    running = DynamoDBServer()
    running.start()
    try:
        client, requests, events = running.client(), Counter[str](), _IN_DYNAMODB
        inbox = Inbox(running.new_store(name, client=client), body)
        inbox.record(1)
        inbox.work(_BATCH)  # the first use looks at the table
        client.meta.events.register(
            "before-call.dynamodb", lambda model, **_: requests.update((model.name,))
        )
        inbox.record(events)
        inbox.work(_BATCH)
        pages = client.get_paginator("scan").paginate(TableName=name)
        weight = sum(_weight(item) for page in pages for item in page["Items"])
        each = ", ".join(f"{kind} {count / events:.2f}" for kind, count in requests.most_common())
        counted = f"{requests.total() / events:.2f} ({each})"
        return f"bytes an event {weight / (events + 1):,.0f}   requests {counted}"
    finally:
        running.stop()


def _weight(item: dict[str, dict[str, Any]]) -> int:
    """
    Give the bytes of an item, names and values.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name) + _value(value) for name, value in item.items())


def _value(value: dict[str, Any]) -> int:
    ((kind, one),) = value.items()
    if kind == "N":
        return (len(str(one).strip("0.-")) + 1) // 2 + 1
    return len(one) if kind in ("S", "B") else 1
