"""
Fill an inbox with events that are due, within the database.

One event comes in by a delivery, as all would. It is then copied as the store has written
it, but for its id and its times: each is due a millisecond after the one before it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import psycopg
import redis

from benchmarks.inbox_routers import nothing, router_over
from benchmarks.ledger_deliveries import Deliveries
from stripe_events.storage._redis import _layout
from stripe_events.storage._redis._values import value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.inbox_places import Place

__all__ = ["fill"]

_SCOPE: Final = "default"
_CHUNK: Final = 20_000
_TIMES: Final = ("due", "first_seen", "last_seen")


def fill(place: Place, body: bytes, rows: int) -> None:
    """Put copies of an event into an inbox that has none, up to so many."""
    with closing(place.store()) as store:
        sample = _delivered(store, body)
        match place.kind:
            case "PostgreSQL":
                _fill_postgres(place.address, sample, rows)
            case "Redis":
                _fill_redis(place.address, store.get(_SCOPE, sample), rows)
            case _:
                _fill_sqlite(place.address, sample, rows)


def _delivered(store: Any, body: bytes) -> str:
    """Let one event come in, and give its id."""
    response = router_over(store, nothing).handle(*Deliveries(body, first=900_000_000).fresh(1)[0])
    assert response.outcome == "accepted", response
    (record,) = store.list(_SCOPE)
    event_id: str = record.id
    return event_id


def _new_id(number: int) -> str:
    return f"evt_1{number:09}Bench{number:09}"


def _chunks(rows: int) -> Iterator[range]:
    """Give the numbers of the copies, in parts; one event is there already."""
    for first in range(1, rows, _CHUNK):
        yield range(first, min(first + _CHUNK, rows))


def _selected(columns: list[str], rows: int, new: dict[str, str]) -> str:
    times = {name: f"sample.{name} - ({rows} - n) * 0.001" for name in _TIMES}
    values = times | new
    return ", ".join(values.get(name, f"sample.{name}") for name in columns)


def _fill_postgres(address: str, sample: str, rows: int) -> None:
    table = "stripe_events.events"
    new_id = "'evt_1' || lpad(n::text, 9, '0') || 'Bench' || lpad(n::text, 9, '0')"
    payload = f"replace(convert_from(sample.payload, 'UTF8'), '{sample}', {new_id})"
    new = {"id": new_id, "payload": f"convert_to({payload}, 'UTF8')"}
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE TEMP TABLE sample AS SELECT * FROM {table}".encode())
        cursor = connection.execute("SELECT * FROM sample LIMIT 0")
        columns = [column.name for column in cursor.description or ()]
        insert = f"INSERT INTO {table} ({', '.join(columns)}) SELECT"
        selected = _selected(columns, rows, new)
        for numbers in _chunks(rows):
            series = f"generate_series({numbers.start}, {numbers.stop - 1}) AS numbers (n)"
            connection.execute(f"{insert} {selected} FROM {series}, sample".encode())
        # What autovacuum would have done by the time that so many events have come in.
        connection.execute(f"VACUUM (ANALYZE) {table}".encode())
        connection.execute("CHECKPOINT")


def _fill_sqlite(address: str, sample: str, rows: int) -> None:
    table = "stripe_events_events"
    new = {"row": "NULL", "id": "printf('evt_1%09dBench%09d', n, n)"}
    with closing(sqlite3.connect(address, isolation_level=None)) as connection:
        connection.execute(f"CREATE TEMP TABLE sample AS SELECT * FROM {table}")
        cursor = connection.execute("SELECT * FROM sample LIMIT 0")
        columns = [name for name, *_ in cursor.description]
        insert = f"INSERT INTO {table} ({', '.join(columns)}) SELECT"
        selected = _selected(columns, rows, new)
        for numbers in _chunks(rows):
            series = _SQLITE_NUMBERS.format(first=numbers.start, end=numbers.stop)
            connection.execute(f"{insert} {selected} FROM {series}, temp.sample")
        connection.execute(_SQLITE_PAYLOADS, (sample,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


_SQLITE_NUMBERS: Final = """(
    WITH RECURSIVE numbers (n) AS (
        SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {end}
    )
    SELECT n FROM numbers
)"""
_SQLITE_PAYLOADS: Final = """
    INSERT INTO stripe_events_payloads (event, payload)
    SELECT e.row, CAST(replace(CAST(p.payload AS TEXT), s.id, e.id) AS BLOB)
    FROM temp.sample s
    JOIN stripe_events_payloads p ON p.event = s.row
    JOIN stripe_events_events e ON e.id <> ?
"""


def _fill_redis(address: str, stored: Any, rows: int) -> None:
    url, _, prefix = address.partition("#")
    keys = _layout.keys_of(prefix, _SCOPE)
    sample, payload = stored.record, stored.payload
    with redis.Redis.from_url(url) as client:
        for numbers in _chunks(rows):
            pipeline = client.pipeline(transaction=False)
            copies = [_copy(sample, number, rows) for number in numbers]
            events = {copy.id: value_of(copy, 1) for copy in copies}
            pipeline.hset(keys.events, mapping=events)
            payloads = {id_: payload.replace(sample.id.encode(), id_.encode()) for id_ in events}
            pipeline.hset(keys.payloads, mapping=payloads)
            pipeline.zadd(keys.due, {copy.id: copy.due for copy in copies})
            places = {member: 0 for copy in copies for member in _layout.members(copy)}
            pipeline.zadd(keys.places, places)
            pipeline.execute()


def _copy(sample: Any, number: int, rows: int) -> Any:
    earlier = (rows - number) * 0.001
    times = {name: getattr(sample, name) - earlier for name in _TIMES}
    return sample._replace(id=_new_id(number), **times)
