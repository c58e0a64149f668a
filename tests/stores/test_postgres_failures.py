"""Connections to PostgreSQL that break, and servers that go away, at every verb."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage import Claimed
from stripe_events.storage._postgres._dsn import bounded
from stripe_events.storage._postgres._limits import AsyncLimitedConnection, LimitedConnection
from stripe_events.testing._contract.making import arrival, died
from tests.stores.faults.proxy import proxy_to
from tests.stores.postgres_ledgers import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.stores.faults.proxy import Proxy
    from tests.stores.postgres_ledgers import Ledgers, Opened


def _accept(store: Opened, event_id: str) -> None:
    assert isinstance(store.accept(arrival(event_id)), Claimed)


def _finish(store: Opened, event_id: str) -> None:
    assert "done" == store.finish(store.claim(event_id), SUCCEEDED).state


def _settle_two(store: Opened, event_id: str) -> None:
    claim = store.claim(event_id, "a", "b", order_key=event_id)
    assert "claimed" == store.finish(claim, SUCCEEDED).state
    assert "dead" == store.finish(claim, died("b")).state


def _suspend(store: Opened, event_id: str) -> None:
    store.suspend(store.claim(event_id))
    assert "failed" == store.state(event_id)


def _give_back(store: Opened, event_id: str) -> None:
    store.give_back(store.claim(event_id))
    assert "pending" == store.state(event_id)


def _extend(store: Opened, event_id: str) -> None:
    assert [] == store.extend([store.claim(event_id)])


def _work(store: Opened, event_id: str) -> None:
    store.enqueue(arrival(event_id, scope=event_id))
    (taken,) = store.take_due(scope=event_id)
    assert "done" == store.finish(taken.claimed.claim, SUCCEEDED).state


def _operate(store: Opened, event_id: str) -> None:
    store.finish(store.claim(event_id, scope=event_id), died("a"))
    store.retry(event_id, scope=event_id)
    store.drop(event_id, "a", scope=event_id)
    assert ["done"] == [record.state for record in store.list(scope=event_id)]
    store.erase(scope=event_id)
    store.forget(scope=event_id)
    assert None is store.get(event_id, scope=event_id).payload  # type: ignore[union-attr]


VERBS = [_accept, _finish, _settle_two, _suspend, _give_back, _extend, _work, _operate]


@pytest.fixture
def proxy(ledgers: Ledgers) -> Iterator[Proxy]:
    """Give a way to the server that breaks where it is told to."""
    with proxy_to(ledgers.server.socket) as proxy:
        yield proxy
        ledgers.close_stores()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("direction", ["request", "answer"])
def test_any_message_may_be_lost(
    ledgers: Ledgers, proxy: Proxy, verb: Callable[[Opened, str], None], direction: Any
) -> None:
    """The verb is done again on a new connection, also if only its answer was lost."""
    ledgers.ready()
    store = ledgers.open(proxy.dsn(ledgers.database))
    for number in count(1):
        verb(store, f"evt_{number}_before")  # with new connections, where the last ones broke
        proxy.break_at(direction, number, stays_down=False)
        verb(store, f"evt_{number}")
        if not proxy.has_broken:
            break


@pytest.mark.parametrize("direction", ["request", "answer"])
def test_an_effect_commits_with_its_completion_whatever_is_lost(
    ledgers: Ledgers, proxy: Proxy, direction: Any
) -> None:
    """An error says that the commit may have been made or not: both were, or neither."""
    ledgers.execute("CREATE TABLE effects (text text)")
    ledgers.ready()
    store = ledgers.open(proxy.dsn(ledgers.database))
    told = set()
    for number in count(1):
        event_id = f"evt_{number}"
        claim = store.claim(event_id)
        proxy.break_at(direction, number, stays_down=False)
        try:
            with store.transaction(claim) as execute:
                execute("INSERT INTO effects VALUES (%s)", event_id)
            told.add("committed")
        except (StoreError, psycopg.OperationalError) as error:
            told.add("ambiguous" if "made or not" in str(error) else type(error).__name__)
        effects = ledgers.execute("SELECT count(*) FROM effects WHERE text = %s", event_id)
        assert [(int(bool(store.is_settled(claim))),)] == effects
        if not proxy.has_broken:
            break
    assert {"committed", "ambiguous", "StoreError", "OperationalError"} == told


def test_all_connections_may_be_ended(ledgers: Ledgers) -> None:
    """However many were idle, one of them is tried, and then a new one."""
    store = ledgers.ready()
    claims = [store.claim(f"evt_{number}") for number in range(4)]
    with ledgers.driver.entered(store.store.transaction(claims[0], lambda: SUCCEEDED)):
        store.claim("evt_4")
    store.extend(claims[1:])
    ledgers.cut_off()
    assert "done" == store.finish(claims[1], SUCCEEDED).state
    assert [] == store.extend(claims[2:])


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_was_restarted_goes_unnoticed(ledgers: Ledgers, mode: Any) -> None:
    """Also after a crash: what was acknowledged is there."""
    store = ledgers.ready()
    claim = store.claim()
    store.extend([claim])
    ledgers.server.restart(mode)
    assert "done" == store.finish(claim, SUCCEEDED).state
    assert [claim] == store.extend([claim])


def test_a_server_that_is_down_is_a_store_error(ledgers: Ledgers) -> None:
    """At once and each time, with the reason; when it is back, the same store works."""
    store = ledgers.ready()
    claim = store.claim()
    ledgers.server.stop()
    try:
        for _ in range(3):
            with pytest.raises(StoreError, match=r"connection to|was stopped"):
                store.finish(claim, SUCCEEDED)
            with pytest.raises(StoreError):
                store.extend([claim])
    finally:
        ledgers.server.start()
    assert "done" == store.finish(claim, SUCCEEDED).state


def test_a_block_whose_server_crashes_commits_nothing(ledgers: Ledgers) -> None:
    """Neither the effect nor the completion."""
    ledgers.execute("CREATE TABLE effects (text text)")
    store = ledgers.ready()
    claim = store.claim()

    def block() -> None:
        with store.transaction(claim) as execute:
            execute("INSERT INTO effects VALUES ('effect')")
            ledgers.server.restart("immediate")

    with pytest.raises(StoreError):
        block()
    assert ([(0,)], False) == (
        ledgers.execute("SELECT count(*) FROM effects"),
        store.is_settled(claim),
    )
    assert "done" == store.finish(claim, SUCCEEDED).state


def test_a_connection_to_a_standby_is_not_kept(ledgers: Ledgers) -> None:
    """After a failover the old primary may still answer, but only read."""
    store = ledgers.ready()
    store.claim()
    read_only = f"ALTER DATABASE {ledgers.database} SET default_transaction_read_only = "
    ledgers.server.execute(read_only + "on")
    ledgers.cut_off()
    with pytest.raises(StoreError, match="standby"):
        store.claim("evt_2")
    ledgers.server.execute(read_only + "off")
    assert 1 == store.claim("evt_2").token


@pytest.mark.parametrize("remembers", [True, False])
def test_a_conflict_under_a_higher_isolation_is_tried_again(
    ledgers: Ledgers, *, remembers: bool
) -> None:
    """Where the database's default is SERIALIZABLE, a write that came too late reads once more."""
    ledgers.execute(
        f"ALTER DATABASE {ledgers.database} SET default_transaction_isolation = 'serializable'"
    )
    store = ledgers.ready(lock_timeout=60.0)
    claim = store.claim()
    finisher = store if remembers else ledgers.open(lock_timeout=60.0)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with ledgers.connect() as connection, ThreadPoolExecutor() as threads:
        connection.execute("UPDATE stripe_events.events SET revision = revision + 1")
        finished = threads.submit(finisher.finish, claim, SUCCEEDED)
        ledgers.server.until(lambda: [(1,)] == ledgers.execute(waiting))
        connection.commit()
        assert "done" == finished.result().state


def test_a_dsn_is_bounded_where_it_says_nothing() -> None:
    """A server that is cut off costs seconds, not hours; what the user has set stays."""
    assert "connect_timeout=5" in bounded("host=example.com")
    assert "tcp_user_timeout=20000" in bounded("host=example.com")
    assert "connect_timeout=9" in bounded("host=example.com connect_timeout=9")


def test_tables_that_have_gone_name_the_cure(ledgers: Ledgers) -> None:
    """As after a restore that left them out."""
    store = ledgers.ready()
    store.claim()
    ledgers.execute("DROP SCHEMA stripe_events CASCADE")
    with pytest.raises(ConfigurationError, match=r"create_schema\(\)"):
        store.claim("evt_2")


def test_text_that_postgres_cannot_hold_is_a_store_error(ledgers: Ledgers) -> None:
    """It may come in by a trusted source; it is told, and nothing is recorded."""
    store = ledgers.ready()
    for text in ("\0", "\ud800"):
        with pytest.raises(StoreError):
            store.claim(account=text)
    assert [] == store.list()


def test_a_server_that_does_not_answer_is_left(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen process holds its connection open: the store gives it up, and takes a new one."""
    store = ledgers.ready()
    claim = store.claim()
    with store.transaction(claim, lambda: SUCCEEDED._replace(outcome="failed")) as execute:
        ((pid,),) = execute("SELECT pg_backend_pid()")
    for kind in (LimitedConnection, AsyncLimitedConnection):
        monkeypatch.setattr(kind, "limit", 0.2)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "done" == store.finish(claim, SUCCEEDED).state
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_handlers_own_statements_may_take_their_time(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is for what the store asks."""
    store = ledgers.ready()
    for kind in (LimitedConnection, AsyncLimitedConnection):
        monkeypatch.setattr(kind, "limit", 0.01)
    claim = store.claim()
    with store.transaction(claim) as execute:
        execute("SELECT pg_sleep(0.3)")
    assert "done" == store.state()
