"""Watches over PostgreSQL: whatever becomes of the connection, they come back by themselves."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from stripe_events.storage import Enqueued, PostgresStore, _watching
from stripe_events.storage._postgres._dsn import connector
from stripe_events.storage._postgres._listening import PostgresLine
from stripe_events.testing._contract.making import arrival, succeeded
from tests.stores.faults.proxy import Proxy, proxy_to
from tests.stores.sqlite_files import end_of, in_child
from tests.stores.test_postgres_sources import factory, pool
from tests.stores.watches import LIMIT, until, watching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stores.faults.proxy import Direction
    from tests.stores.postgres_ledgers import Ledgers

LISTENERS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
    "AND (query LIKE 'LISTEN%%' OR query = 'SELECT 1')"
)


class Valve(Proxy):
    """A way to a server on which a test can hold up all bytes, as a cut network does."""

    def __init__(self, target: Any) -> None:
        """Let them pass."""
        self.passing = threading.Event()
        self.passing.set()
        super().__init__(target)

    def _strikes(self, direction: Direction) -> bool:
        self.passing.wait(LIMIT)
        return super()._strikes(direction)


@pytest.fixture
def curious(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for signs of life at once."""
    monkeypatch.setattr(_watching, "QUIET", 0.05)


@pytest.fixture
def hasty(curious: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon, and try again soon."""
    monkeypatch.setattr(_watching, "ANSWERS_WITHIN", 0.3)
    monkeypatch.setattr(_watching, "DEAF_PAUSE", 0.05)


@pytest.fixture
def valve(ledgers: Ledgers) -> Iterator[Valve]:
    """Give a way to the server."""
    made = Valve(ledgers.server.socket)
    yield made
    made.passing.set()
    made.close()


def test_a_watch_outlives_its_connection(ledgers: Ledgers) -> None:
    """When it was cut off it is live again, and calls for what may have been missed."""
    store = ledgers.ready()
    with watching(store.store) as watch:
        watch.lives()
        watch.quiet()
        ledgers.cut_off()
        assert watch.woken.wait(LIMIT)
        watch.lives()
        watch.is_woken_by(lambda: store.enqueue(arrival("evt_after")))


def test_a_watch_outlives_its_server(ledgers: Ledgers) -> None:
    """It is not live while the server is down."""
    store = ledgers.ready()
    with watching(store.store) as watch:
        watch.lives()
        ledgers.server.stop("immediate")
        watch.dies()
        watch.quiet()
        ledgers.server.start()
        watch.lives()
        watch.is_woken_by(lambda: store.enqueue(arrival("evt_after")))


@pytest.mark.usefixtures("hasty")
def test_a_network_that_is_cut_is_noticed(ledgers: Ledgers, valve: Valve) -> None:
    """The socket stays open, and no byte comes."""
    store = ledgers.ready()
    through = ledgers.open(valve.dsn(ledgers.database))
    with watching(through.store) as watch:
        watch.lives()
        valve.passing.clear()
        watch.dies()
        valve.passing.set()
        watch.lives()
        watch.is_woken_by(lambda: store.enqueue(arrival("evt_after")))


@pytest.mark.usefixtures("curious")
def test_a_quiet_line_stays(ledgers: Ledgers) -> None:
    """Whoever answers is asked again and again, on the same connection."""
    store = ledgers.ready()
    with watching(store.store) as watch:
        watch.lives()
        (before,) = ledgers.execute(LISTENERS)
        asked = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT 1' AND pid = %s"
        changed = "SELECT query_start FROM pg_stat_activity WHERE pid = %s"
        until(lambda: ledgers.execute(asked, *before) == [(1,)], "nobody asks")
        since = ledgers.execute(changed, *before)
        until(lambda: ledgers.execute(changed, *before) != since, "nobody asks again")
        assert watch.watch.is_live
        assert [before] == ledgers.execute(LISTENERS)


class Pooled(psycopg.Connection[Any]):
    """A connection behind a pooler in transaction mode: LISTEN is for somebody else's session."""

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        """Let a session listen that nobody hears."""
        return super().execute(b"SELECT 1" if b"LISTEN" in query else query, *arguments, **options)


def test_a_line_that_hears_nothing_is_given_up(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, the connection is closed, and polling remains."""
    monkeypatch.setattr(_watching, "ANSWERS_WITHIN", 0.5)
    with closing(PostgresStore(lambda: Pooled.connect(postgres_dsn))) as store:
        store.create_schema()
        with watching(store) as watch, caplog.at_level(logging.INFO, "stripe_events"):
            until(lambda: caplog.records, "nobody is told")
            count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            with psycopg.connect(postgres_dsn, autocommit=True) as connection:
                until(
                    lambda: connection.execute(count).fetchone() == (2,),
                    "the store's and this one are not alone",
                )
            assert isinstance(store.enqueue(arrival()), Enqueued)
            assert not watch.watch.is_live
        (record,) = caplog.records
        assert "PgBouncer" in record.getMessage()


def test_what_stands_behind_an_answer_is_heard(postgres_dsn: str) -> None:
    """Both may come at once, and nothing comes after them."""
    line = PostgresLine(connector(postgres_dsn), "stripe_events_test")
    signs: set[str] = set()
    line.look()
    line.test()
    until(lambda: signs.update(line.heard(0.05)) or len(signs) == 2, "something was not heard")
    assert {"answer", "test"} == signs
    line.close()


@pytest.mark.parametrize("kind", ["function", "pool"])
def test_a_watch_connects_as_the_source_does(ledgers: Ledgers, kind: str) -> None:
    """A pool of one lends nothing to it; an async source is asked in the watch's own thread."""
    ledgers.ready()
    with pool(ledgers) as made:
        store = ledgers.open(made if kind == "pool" else factory(ledgers, []))
        with watching(store.store) as watch:
            watch.lives()
            watch.is_woken_by(lambda: store.enqueue(arrival("evt_1")))
        store.close()
    assert [] == ledgers.execute(LISTENERS)


def test_a_promotion_wakes_when_its_transaction_was_committed(ledgers: Ledgers) -> None:
    """Whoever is woken finds the event that has waited for its order key."""
    store = ledgers.ready()
    claim = store.claim("evt_1", order_key="k")
    store.enqueue(arrival("evt_2", order_key="k"))
    with watching(store.store) as watch:
        watch.lives()
        watch.quiet()
        with store.transaction(claim, lambda: succeeded("a")):
            assert not watch.woken.is_set()
        assert watch.woken.wait(LIMIT)
        assert ["evt_2"] == [one.claimed.record.id for one in store.take_due()]


def test_a_hint_that_fails_disturbs_nobody(ledgers: Ledgers) -> None:
    """The event is recorded by then, and the connection that broke is replaced."""
    ledgers.ready().enqueue(arrival("evt_0"))
    with proxy_to(ledgers.server.socket) as proxy:
        store = ledgers.open(proxy.dsn(ledgers.database))
        store.list()
        proxy.break_at("request", 2, stays_down=True)
        assert isinstance(store.enqueue(arrival("evt_1")), Enqueued)
        assert proxy.has_broken
        proxy.let_pass()
        assert isinstance(store.enqueue(arrival("evt_2")), Enqueued)
        store.close()


def test_a_child_has_no_watch_of_its_parents(postgres_dsn: str) -> None:
    """It is closed there, at no cost for the parent's connection."""
    store = PostgresStore(postgres_dsn)
    store.create_schema()
    with watching(store) as watch:
        watch.lives()

        def child() -> None:
            assert not watch.watch.is_live
            watch.watch.close()
            with watching(store) as own:
                own.lives()

        assert 0 == end_of(in_child(child))
        assert watch.watch.is_live
        watch.is_woken_by(lambda: store.enqueue(arrival("evt_after_fork")))
    store.close()


@pytest.mark.parametrize("scope", ["x" * 500, "ü'\"; %s", ""])
def test_every_scope_has_a_channel(postgres_dsn: str, scope: str) -> None:
    """However long its name is, and whatever is in it."""
    with closing(PostgresStore(postgres_dsn, schema='a "b" %s')) as store:
        store.create_schema()
        with watching(store, scope) as watch:
            watch.lives()
            watch.is_woken_by(lambda: store.enqueue(arrival(scope=scope)))
