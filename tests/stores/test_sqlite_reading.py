"""What is asked for again and again is found by an index, whatever the ledger holds besides."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.storage import ErrorRecord, HandlerRecord, Query, SQLiteStore
from stripe_events.storage._json import dump_handlers, load_handlers
from stripe_events.storage._operations import (
    ReadDue,
    ReadEvent,
    ReadKeys,
    ReadList,
    ReadParked,
    ReadPayloads,
)
from stripe_events.storage._records import KeyId
from tests.stores.sqlite_files import arrival, claim, query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """Give a store."""
    with closing(SQLiteStore(tmp_path / "a.db", synchronous="NORMAL")) as store:
        yield store


def _plan(store: SQLiteStore, operation: Any) -> list[str]:
    """Give how SQLite performs a reading operation, in its own words."""
    statements: list[str] = []
    with store._connections.one() as connection:
        connection.set_trace_callback(statements.append)
        store._perform(connection.cursor(), operation)
        connection.set_trace_callback(None)
        (statement,) = statements
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
    return [detail for _, _, _, detail in rows]


BY_AGE = "USING INDEX stripe_events_by_age (scope=? AND "
AFTER = (1.0, "evt_1")
DEAD = Query(states=("dead",))


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (ReadEvent("a", "b"), "USING INDEX stripe_events_by_id (scope=? AND id=?)"),
        (ReadKeys((KeyId("a", "order", "b"),)), "USING PRIMARY KEY (scope=? AND kind=? AND key=?)"),
        (ReadParked("a", "b"), "USING INDEX stripe_events_parked (scope=? AND order_key=?)"),
        (ReadDue("a", 10), "USING INDEX stripe_events_ready (scope=? AND <expr><?)"),
        (ReadPayloads("a", ("b",)), "USING INTEGER PRIMARY KEY (rowid=?)"),
        (ReadList("a", Query(), 10, None), "USING INDEX stripe_events_by_age (scope=?)"),
        (ReadList("a", Query(), 10, AFTER), BY_AGE + "(first_seen,id)>(?,?))"),
        (ReadList("a", Query(seen_before=1.0), 10, None), BY_AGE + "first_seen<?)"),
        (ReadList("a", DEAD, 10, None), "USING INDEX stripe_events_resting (scope=?)"),
    ],
)
@pytest.mark.parametrize("analyzed", [False, True])
def test_each_reading_follows_an_index_in_its_order(
    store: SQLiteStore, tmp_path: Path, operation: Any, expected: str, analyzed: bool
) -> None:
    """Nothing is searched through, and nothing sorted, also after an ANALYZE."""
    for number in range(50):
        claim(store, f"evt_{number}")
    if analyzed:
        store.close()
        query(tmp_path / "a.db", "ANALYZE")
    plan = _plan(store, operation)
    assert plan[0].endswith(expected)
    assert not [detail for detail in plan if "SCAN " in detail or "TEMP B-TREE" in detail]


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (Query(ids=("evt_1",)), "stripe_events_by_id"),
        (Query(overdue=1.0), "stripe_events_ready"),
        (Query(states=("claimed", "failed")), "stripe_events_ready"),
    ],
)
def test_what_is_few_is_sorted(store: SQLiteStore, asked: Query, index: str) -> None:
    """The order of the page is not that of the index."""
    plan = _plan(store, ReadList("a", asked, 10, AFTER))
    assert f"INDEX {index} (" in plan[0]
    assert "USE TEMP B-TREE FOR ORDER BY" in plan


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("v2.core.account[requirements].updated", ["evt_1"]),
        ("*[requirements]*", ["evt_1"]),
        ("v2.core.account?requirements].updated", []),
        ("V2.*", []),
        ("*", ["evt_1", "evt_2"]),
    ],
)
def test_only_the_star_is_special_in_a_type(
    store: SQLiteStore, pattern: str, expected: list[str]
) -> None:
    """Brackets are in types of Stripe's; SQLite's patterns know more, and are told less."""
    types = ("v2.core.account[requirements].updated", "charge.succeeded")
    for number, event_type in enumerate(types, 1):
        store.accept(arrival(f"evt_{number}")._replace(type=event_type), 60.0)
    found = store.list("default", Query(type=pattern))
    assert expected == sorted(record.id for record in found)


def test_a_handler_is_found_by_its_whole_name(store: SQLiteStore) -> None:
    """Not by a part of it, nor by what an error quotes."""
    claim(store)
    assert 1 == len(store.list("default", Query(handler="handler")))
    assert [] == store.list("default", Query(handler="handle"))


def test_handlers_come_back_as_they_were() -> None:
    """Also with errors whose texts have no bytes, and former names."""
    error = ErrorRecord("E", 'a "message" \ud800', "trace", 2, 1.5)
    handlers = (
        HandlerRecord("plain"),
        HandlerRecord("late", "succeeded", 1, 3, 2.5, None, error, 1, 4.5, ("a", "b"), "key"),
        HandlerRecord("failed", "failed", error=error),
    )
    assert handlers == load_handlers(dump_handlers(handlers))


def test_what_later_versions_add_to_handlers_is_left_out() -> None:
    """Code of both versions reads the ledger during a deploy."""
    text = '[{"name":"a","new":1,"error":{"type":"E","message":"","newer":2}}]'
    assert (HandlerRecord("a", error=ErrorRecord("E", "")),) == load_handlers(text)
