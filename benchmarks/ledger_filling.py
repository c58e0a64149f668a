"""
Fill a ledger with rows as the store has written them, by SQL within the database.

A few events go through a router first. Their rows are then copied as they stand, but for
their ids, which rise with time as Stripe's do, and their times: most are done, one in a
hundred has failed and waits for Stripe's next try.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks import payloads
from benchmarks.ledger_deliveries import SECRET, Deliveries
from benchmarks.ledger_rounds import progress
from stripe_events import EventRouter
from stripe_events.notifications import V1ChargeSucceeded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.ledger_server import Connect
    from stripe_events.storage import EventStore

__all__ = ["AFTER_ALL", "fill_postgres", "fill_sqlite"]

AFTER_ALL: Final = 100_000_000
"""The number of the first id that comes after those of all rows."""

_CHUNK: Final = 100_000
_EVERY: Final = 2.5
"""Seconds between two events: a million in a month."""


class _Samples(NamedTuple):
    """The ids of two events that are recorded."""

    done: str
    failed: str


def _recorded(store: EventStore) -> _Samples:
    """Let a thin event be handled, and another one fail."""
    deliveries = Deliveries(payloads.notification(), first=AFTER_ALL - 2)
    done, failed = deliveries.fresh(2)
    router = EventRouter(SECRET, store=store)
    logging.getLogger("stripe_events").addHandler(logging.NullHandler())  # one is to fail
    ids = _Samples(*(json.loads(one.body)["id"] for one in (done, failed)))

    @router.on(V1ChargeSucceeded, name="benchmark")
    def fail_one(event: V1ChargeSucceeded) -> None:
        if event.id == ids.failed:
            raise ValueError("the benchmark needs an event that has failed")

    assert router.handle(*done).outcome == "handled"
    assert router.handle(*failed).outcome == "failed"
    return ids


def fill_sqlite(store: EventStore, path: Path, rows: int) -> None:
    """Fill the file of a store up to so many events."""
    samples = _recorded(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TEMP TABLE sample AS SELECT * FROM stripe_events_events")
        cursor = connection.execute("SELECT * FROM sample LIMIT 0")
        copies = _Copies("stripe_events_events", [name for name, *_ in cursor.description], samples)
        new = {"row": "NULL", "id": _SQLITE_ID}
        for first, end in _chunks(rows, "SQLite"):
            numbers = _SQLITE_NUMBERS.format(first=first, end=end)
            connection.execute(copies.insert(numbers, rows, new))
        connection.execute(_SQLITE_PAYLOADS, samples)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def fill_postgres(store: EventStore, connect: Connect, rows: int) -> None:
    """Fill the tables of a store up to so many events."""
    samples = _recorded(store)
    with connect() as connection:
        connection.execute("CREATE TEMP TABLE sample AS SELECT * FROM stripe_events.events")
        cursor = connection.execute("SELECT * FROM sample LIMIT 0")
        names = [column.name for column in cursor.description or ()]
        copies = _Copies("stripe_events.events", names, samples)
        new = {"id": _POSTGRES_ID, "payload": _POSTGRES_PAYLOAD}
        for first, end in _chunks(rows, "PostgreSQL"):
            numbers = f"generate_series({first}, {end - 1}) AS numbers (n)"
            connection.execute(copies.insert(numbers, rows, new).encode())
        # What autovacuum would have done by the time that so many events have come in.
        connection.execute("VACUUM (ANALYZE) stripe_events.events")
        connection.execute("CHECKPOINT")


_SQLITE_ID: Final = "printf('evt_1%09dBench%s', n, lower(substr(hex(randomblob(5)), 2)))"
_SQLITE_NUMBERS: Final = """(
    WITH RECURSIVE numbers (n) AS (
        SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {end}
    )
    SELECT n FROM numbers
)"""
_SQLITE_PAYLOADS: Final = """
    INSERT INTO stripe_events_payloads (event, payload)
    SELECT e.row, CAST(replace(CAST(p.payload AS TEXT), s.id, e.id) AS BLOB)
    FROM stripe_events_events e
    JOIN temp.sample s ON s.id = CASE e.state WHEN 'done' THEN ? ELSE ? END
    JOIN stripe_events_payloads p ON p.event = s.row
    WHERE e.row NOT IN (SELECT row FROM temp.sample)
"""
_POSTGRES_ID: Final = "'evt_1' || lpad(n::text, 9, '0') || 'Bench' || substr(md5(n::text), 1, 9)"
_POSTGRES_PAYLOAD: Final = (
    f"convert_to(replace(convert_from(sample.payload, 'UTF8'), sample.id, {_POSTGRES_ID}), 'UTF8')"
)


class _Copies(NamedTuple):
    """What is copied, from the table ``sample``."""

    table: str
    columns: Sequence[str]
    samples: _Samples

    def insert(self, numbers: str, rows: int, new: Mapping[str, str]) -> str:
        """Give a statement that writes an event for each ``n`` of ``numbers``."""
        earlier = {
            name: f"sample.{name} - ({rows} - n) * {_EVERY}"
            for name in ("created", "first_seen", "last_seen")
        }
        # All of these are due in some days; no two at the same moment.
        values = {"due": "sample.due + n * 0.001", **earlier, **new}
        selected = ", ".join(values.get(name, f"sample.{name}") for name in self.columns)
        done, failed = self.samples
        return (
            f"INSERT INTO {self.table} ({', '.join(self.columns)}) "
            f"SELECT {selected} FROM {numbers} "
            f"JOIN sample ON sample.id = CASE n % 100 WHEN 0 THEN '{failed}' ELSE '{done}' END"
        )


def _chunks(rows: int, what: str) -> Iterator[tuple[int, int]]:
    """Give where each part begins and ends; the samples are there already."""
    end = rows - len(_Samples._fields)
    for first in range(0, end, _CHUNK):
        progress(f"{what}: filling {rows:,} rows, {first / rows:.0%}")
        yield first, min(first + _CHUNK, end)
    progress()
