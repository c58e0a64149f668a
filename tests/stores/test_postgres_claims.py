"""How many workers claim from PostgreSQL: all of a call in one transaction."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from stripe_events.errors import StoreError
from stripe_events.storage._operations import ReadDue, WriteEach
from stripe_events.storage._postgres._executing import run
from stripe_events.storage._postgres._statements import Statements
from stripe_events.storage._postgres._tables import named
from stripe_events.testing._contract.making import arrival
from tests.stores.faults.proxy import proxy_to
from tests.stores.postgres_ledgers import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage import Taken
    from tests.stores.postgres_ledgers import Ledgers, Opened

WORKERS = 8
EVENTS = 120

# A sequence counts also what is rolled back.
FAIL_ONCE = """
CREATE SEQUENCE updates;
CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('updates') = 1 THEN RAISE EXCEPTION 'not now' USING ERRCODE = '{}'; END IF;
    RETURN new;
END $$;
CREATE TRIGGER fail_once BEFORE UPDATE ON stripe_events.events
    FOR EACH ROW EXECUTE FUNCTION fail_once()
"""
WRITE_LEVEL_DOWN = """
CREATE TABLE levels (level text);
CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO levels VALUES (current_setting('transaction_isolation'));
    RETURN new;
END $$;
CREATE TRIGGER write_down BEFORE UPDATE ON stripe_events.events
    FOR EACH ROW EXECUTE FUNCTION write_down()
"""


def ids(taken: list[Taken]) -> list[str]:
    """Give the events of claims."""
    return [one.claimed.record.id for one in taken]


def filled(ledgers: Ledgers, events: int) -> Opened:
    """Give a store in whose inbox so many events are due."""
    store = ledgers.ready()
    for number in range(events):
        store.enqueue(arrival(f"evt_{number}"))
    return store


def exchanging(ledgers: Ledgers, exchanges: list[None]) -> Callable[[], Any]:
    """Give a function that connects; its connections note down each exchange with the server."""

    class Sync(psycopg.Connection[Any]):
        def wait(self, *arguments: Any, **options: Any) -> Any:
            exchanges.append(None)
            return super().wait(*arguments, **options)

    class Async(psycopg.AsyncConnection[Any]):
        async def wait(self, *arguments: Any, **options: Any) -> Any:
            exchanges.append(None)
            return await super().wait(*arguments, **options)

    def connect() -> Any:
        return (Sync if ledgers.kind == "sync" else Async).connect(ledgers.dsn)

    return connect


def counting(store: Opened, results: Counter[bool]) -> Opened:
    """Count which of the claims that a store tried to write were made."""
    note = store.store._guesses.note

    def noted(step: Any, given: Any) -> None:
        note(step, given)
        if isinstance(step, WriteEach):
            results.update(given)

    store.store._guesses.note = noted
    return store


def test_many_workers_take_everything_once_and_lose_nothing(ledgers: Ledgers) -> None:
    """What one of them has read, the others skip, so that nobody's claim comes too late."""
    filled(ledgers, EVENTS)
    results: Counter[bool] = Counter()

    def work(store: Opened) -> list[str]:
        mine: list[str] = []
        while taken := store.take_due(limit=1):
            mine += ids(taken)
        return mine

    stores = [counting(ledgers.open(), results) for _ in range(WORKERS)]
    with ThreadPoolExecutor(WORKERS) as threads:
        took = [event_id for mine in threads.map(work, stores) for event_id in mine]
    # Whoever finds all locked comes back later; the last of them are.
    took += ids(stores[0].take_due())
    assert sorted(f"evt_{number}" for number in range(EVENTS)) == sorted(took)
    assert {True: EVENTS} == results


def test_an_idle_poll_is_one_statement(ledgers: Ledgers) -> None:
    """Also while events are worked on, or wait for a later time."""
    exchanges: list[None] = []
    store = ledgers.ready(exchanging(ledgers, exchanges))
    store.claim()
    assert [] == store.take_due()
    exchanges.clear()
    assert [] == store.take_due()
    assert 1 == len(exchanges)


def test_what_is_claimed_is_finished_by_one_statement(ledgers: Ledgers) -> None:
    """What a transaction has written is remembered as soon as it is committed."""
    exchanges: list[None] = []
    store = ledgers.ready(exchanging(ledgers, exchanges))
    store.enqueue(arrival())
    (taken,) = store.take_due()
    exchanges.clear()
    assert "done" == store.finish(taken.claimed.claim, SUCCEEDED).state
    assert 1 == len(exchanges)


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03"])
def test_a_conflict_takes_nothing_away(ledgers: Ledgers, code: str) -> None:
    """The transaction is undone, and the claims are made one after another."""
    store = filled(ledgers, 2)
    ledgers.execute(FAIL_ONCE.format(code))
    assert ["evt_0", "evt_1"] == ids(store.take_due())


def test_claims_are_read_committed_whatever_the_session_is(ledgers: Ledgers) -> None:
    """Above it, workers that meet would fail instead of skipping each other's events."""
    filled(ledgers, 1)
    ledgers.execute(WRITE_LEVEL_DOWN)
    level = "options=-c%20default_transaction_isolation%3Dserializable"
    store = ledgers.open(f"{ledgers.dsn}{'&' if '?' in ledgers.dsn else '?'}{level}")
    assert ["evt_0"] == ids(store.take_due())
    assert [("read committed",)] == ledgers.execute("SELECT level FROM levels")


def test_whoever_dies_before_the_commit_leaves_its_events_due(ledgers: Ledgers) -> None:
    """No lease is waited for: nothing was claimed, wherever the connection breaks."""
    direct = ledgers.ready()
    with proxy_to(ledgers.server.socket) as proxy:
        for number in count(1):
            direct.enqueue(arrival(f"evt_{number}"))
            store = ledgers.open(proxy.dsn(ledgers.database))
            assert [] == store.take_due(scope="other")
            proxy.break_at("request", number, stays_down=True)
            if ids(_taken(store)) == [f"evt_{number}"]:
                break
            found: list[Taken] = []
            ledgers.server.until(partial(_finds, direct, found))
            assert [f"evt_{number}"] == ids(found)
            proxy.let_pass()
        ledgers.close_stores()
    assert 6 <= number - 1, "a look, BEGIN, three steps, COMMIT"


def _finds(store: Opened, found: list[Taken]) -> bool:
    found += store.take_due()
    return bool(found)


def _taken(store: Opened) -> list[Taken]:
    try:
        return store.take_due()
    except StoreError:
        return []


def test_whoever_is_cut_off_before_the_commit_holds_events_for_seconds_only(
    ledgers: Ledgers,
) -> None:
    """The server ends a transaction that waits; it forgets so with the end of it."""
    filled(ledgers, 1)
    shown = "SHOW idle_in_transaction_session_timeout"
    statements = Statements(named("stripe_events", None), 1.0)
    with ledgers.connect() as connection:
        _, due = run(connection, statements.script(ReadDue("default", 1)))
        assert (1, ("10s",)) == (len(due), connection.execute(shown).fetchone())
        connection.rollback()
        assert ("0",) == connection.execute(shown).fetchone()
