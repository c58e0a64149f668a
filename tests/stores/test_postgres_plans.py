"""Each statement finds its rows by the index that is meant for it, so that costs stay flat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.storage import Claim, Query
from stripe_events.storage import _operations as op
from stripe_events.storage._admission import admission
from stripe_events.storage._bases import drive
from stripe_events.storage._guesses import Settle
from stripe_events.storage._postgres._executing import execute
from stripe_events.storage._postgres._lists import Lists
from stripe_events.storage._postgres._statements import Statements
from stripe_events.storage._postgres._tables import named
from stripe_events.storage._records import KeyId
from stripe_events.testing._contract.making import arrival
from tests.stores.postgres_ledgers import Ledgers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stripe_events.storage._postgres._scripts import Statement
    from tests.stores.postgres_server import PostgresServer

TABLES = named("stripe_events", None)
STATEMENTS = Statements(TABLES, 1.0)
LISTS = Lists(TABLES)
LOOK = "whether anything is due"

# Mostly settled events, as in a ledger that has run for a while, and a few of the others.
FILL = """
INSERT INTO stripe_events.events
SELECT 'default', 'evt_' || n, 'charge.succeeded', NULL, false, n, 'key', n, n,
    CASE WHEN n % 1000 = 0 THEN 'failed' WHEN n % 1000 = 1 THEN 'parked'
        WHEN n % 1000 = 2 THEN 'dead' WHEN n % 1000 = 3 THEN 'claimed' ELSE 'done' END,
    'inline', n, 1, 'claim', 0, 0, 0, '[]', '[]', '[]', NULL, false, false, 1, NULL
FROM generate_series(1, 20000) AS n
"""
WAITING = "UPDATE stripe_events.events SET state = 'failed', due = 1e12 WHERE id LIKE '%0'"
FILL_KEYS = """
INSERT INTO stripe_events.keys
SELECT 'default', 'order', 'key_' || n, NULL, n, 1 FROM generate_series(1, 20000) AS n
"""


def _record() -> Any:
    step = admission(arrival(), 60.0)
    assert step is not None
    return step.record


RECORD = _record()
CHANGED = RECORD._replace(state="done", running=(), lease_until=0.0)
CLAIM = Claim("default", "evt_1", 1, "claim")

KEYED = [
    op.ReadEvent("default", "evt_1"),
    op.ReadPayloads("default", ("evt_1",)),
    op.Write((op.Change(None, RECORD),), payload=b"{}"),
    op.Write((op.Change(RECORD, CHANGED),)),
    op.Write((op.Change(RECORD, None),)),
    op.WriteEach((op.Change(RECORD, CHANGED),)),
    op.ExtendLeases((CLAIM,), 60.0),
    admission(arrival(), 60.0),
    Settle(RECORD, CHANGED, CLAIM),
]
LISTED = [
    (LOOK, "events_waiting"),
    (op.ReadDue("default", 10), "events_waiting"),
    (op.ReadParked("default", "key"), "events_parked"),
    (op.ReadList("default", Query(), 10, None), "events_seen"),
    (op.ReadList("default", Query(), 10, (10.0, "evt_10")), "events_seen"),
    (op.ReadList("default", Query(states=("dead",)), 10, None), "events_dead"),
    (op.ReadList("default", Query(states=("parked",)), 10, None), "events_parked"),
    (op.ReadList("default", Query(states=("failed", "claimed")), 10, None), "events_waiting"),
    (op.ReadList("default", Query(overdue=60.0), 10, None), "events_waiting"),
    (op.ReadKeys((KeyId("default", "order", "key_1"),)), "keys_pkey"),
]


def _statement(operation: Any) -> Statement:
    statements: list[Statement] = []

    def first(statement: Statement) -> Any:
        statements.append(statement)
        raise StopAsyncIteration

    script = LISTS.is_due("default") if operation is LOOK else STATEMENTS.script(operation)
    with pytest.raises(StopAsyncIteration):
        drive(script, first)
    return statements[0]


@pytest.fixture(scope="module")
def databases(postgres_server: PostgresServer) -> Iterator[dict[str, Ledgers]]:
    """Give databases with tables that are empty, filled, and known to the planner."""
    found = {}
    for name in ("empty", "filled", "known"):
        found[name] = ledgers = Ledgers("sync", postgres_server, postgres_server.new_database())
        ledgers.ready()
        ledgers.execute("ALTER TABLE stripe_events.events SET (autovacuum_enabled = off)")
        if name != "empty":
            ledgers.execute(FILL)
            ledgers.execute(FILL_KEYS)
        if name == "known":
            ledgers.execute("VACUUM ANALYZE stripe_events.events, stripe_events.keys")
    yield found
    for ledgers in found.values():
        ledgers.close()
        postgres_server.drop_database(ledgers.database)


def indexes(ledgers: Ledgers, operation: Any) -> set[str]:
    """Give the indexes that a statement reads, and the tables that it reads as a whole."""
    statement = _statement(operation)
    with ledgers.connect() as connection:
        plan = execute(connection, statement._replace(query=b"EXPLAIN " + statement.query))
    text = "\n".join(line for (line,) in plan)
    used = re.findall(r"(?:Index (?:Only )?Scan using|Bitmap Index Scan on) (\w+)", text)
    return {*used, *(f"all of {table}" for table in re.findall(r"Seq Scan on (\w+)", text))}


@pytest.mark.parametrize("operation", KEYED, ids=lambda operation: type(operation).__name__)
@pytest.mark.parametrize("database", ["empty", "filled", "known"])
def test_an_event_is_found_by_its_key(
    databases: dict[str, Ledgers], operation: Any, database: str
) -> None:
    """Also before there are statistics, for a plan may be kept for as long as a connection."""
    assert {"events_pkey"} >= indexes(databases[database], operation)


@pytest.mark.parametrize(("operation", "index"), LISTED, ids=lambda value: str(value)[:40])
def test_lists_are_read_from_their_own_index(
    databases: dict[str, Ledgers], operation: Any, index: str
) -> None:
    """However many events are done."""
    assert {index} == indexes(databases["known"], operation)


@pytest.mark.parametrize("operation", [LOOK, op.ReadDue("default", 10)], ids=["look", "read"])
def test_the_search_for_work_is_planned_only_once(
    postgres_server: PostgresServer, operation: Any
) -> None:
    """Planning it costs more than the search, where many events wait for a later time."""
    ledgers = Ledgers("sync", postgres_server, postgres_server.new_database())
    ledgers.ready()
    ledgers.execute(FILL)
    ledgers.execute(
        "UPDATE stripe_events.events SET state = 'failed', due = 1e12 WHERE id LIKE '%0'"
    )
    ledgers.execute("VACUUM ANALYZE stripe_events.events")

    with ledgers.connect() as connection:
        connection.prepare_threshold = 0
        for _ in range(20):
            execute(connection, _statement(operation))
        planned = connection.execute("SELECT sum(custom_plans) FROM pg_prepared_statements")
        assert planned.fetchall() == [(5,)]

    ledgers.close()
    postgres_server.drop_database(ledgers.database)
