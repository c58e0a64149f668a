"""Where the PostgreSQL stores have their connections from, and how they treat them."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage import AsyncPostgresStore, PostgresStore
from stripe_events.testing._contract.driven import Driver
from stripe_events.testing._contract.making import arrival
from stripe_events.testing._contract.racing import together
from tests.stores.postgres_ledgers import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.stores.postgres_ledgers import Ledgers

PID = "SELECT pg_backend_pid()"


@contextmanager
def pool(ledgers: Ledgers, **options: Any) -> Generator[Any, None, None]:
    """Open a pool of the kind that the store takes, of one connection."""
    cls: Any = ConnectionPool if ledgers.kind == "sync" else AsyncConnectionPool
    options = {"min_size": 1, "max_size": 1, "timeout": 30.0, **options}
    made = cls(ledgers.dsn, open=False, **options)
    ledgers.driver.done(made.open())
    try:
        yield made
    finally:
        ledgers.driver.done(made.close())


def factory(ledgers: Ledgers, made: list[Any], **options: Any) -> Any:
    """Give a function that connects, and keeps count."""

    def connect() -> Any:
        made.append(None)
        return psycopg.connect(ledgers.dsn, **options)

    async def aconnect() -> Any:
        made.append(None)
        return await psycopg.AsyncConnection.connect(ledgers.dsn, **options)

    return connect if ledgers.kind == "sync" else aconnect


def lead_a_life(store: Any) -> None:
    """Record and settle an event, by each way that a connection is used."""
    claim = store.claim("evt_1", "a", "b", "c")
    assert [] == store.extend([claim])
    assert "claimed" == store.finish(claim, SUCCEEDED).state
    with store.transaction(claim, lambda: SUCCEEDED._replace(handler="b")) as execute:
        assert [] == store.extend([claim])
        execute("SELECT 1")
    assert "done" == store.finish(claim, SUCCEEDED._replace(handler="c")).state
    assert True is store.is_settled(claim, "b")
    store.enqueue(arrival("evt_2"))
    (taken,) = store.take_due()
    assert "done" == store.finish(taken.claimed.claim, SUCCEEDED).state


def test_a_dsn_is_enough(ledgers: Ledgers) -> None:
    """The store connects by itself."""
    lead_a_life(ledgers.ready())


def test_one_connection_is_enough(ledgers: Ledgers) -> None:
    """Nothing holds a connection while it waits for another one."""
    lead_a_life(ledgers.ready(max_connections=1, timeout=30.0))


@pytest.mark.parametrize("options", [{}, {"autocommit": True}, {"row_factory": dict_row}])
def test_a_pool_of_one_is_enough(ledgers: Ledgers, options: dict[str, Any]) -> None:
    """Whatever its connections are set to; ``extend`` has one of its own, made in the same way."""
    with pool(ledgers, kwargs=options) as made:
        store = ledgers.ready(made)
        lead_a_life(store)
        store.close()


def test_a_pools_connections_go_back_as_they_came(ledgers: Ledgers) -> None:
    """The application's own transactions begin as it has set them."""
    with pool(ledgers) as made:
        store = ledgers.ready(made)
        lead_a_life(store)
        connection = ledgers.driver.done(made.getconn())
        found = (connection.autocommit, connection.isolation_level)
        ledgers.driver.done(made.putconn(connection))
        store.close()
    assert (False, None) == found


def test_a_pool_stays_open(ledgers: Ledgers) -> None:
    """Its owner closes it, not the store."""
    with pool(ledgers) as made:
        ledgers.ready(made).close()
        assert not made.closed


def test_a_pool_that_is_exhausted_is_a_store_error(ledgers: Ledgers) -> None:
    """A verb waits as long as the pool says."""
    with pool(ledgers) as made:
        store = ledgers.ready(made)
        claim = store.claim()
        made.timeout = 0.01
        with (
            pytest.raises(StoreError, match="couldn't get a connection"),
            store.transaction(claim),
        ):
            store.finish(claim, SUCCEEDED)


@pytest.mark.parametrize("options", [{}, {"autocommit": True}, {"row_factory": dict_row}])
def test_a_function_that_connects_is_enough(ledgers: Ledgers, options: dict[str, Any]) -> None:
    """Its connections are kept: one for the verbs, one for ``extend``."""
    made: list[Any] = []
    lead_a_life(ledgers.ready(factory(ledgers, made, **options)))
    assert 2 == len(made)


def test_connections_are_kept_up_to_a_limit(ledgers: Ledgers) -> None:
    """As many verbs at once as there are connections; the others wait their turn."""
    made: list[Any] = []
    store = ledgers.ready(factory(ledgers, made), max_connections=3)
    together([lambda number=number: store.claim(f"evt_{number}") for number in range(12)])
    assert 12 == len(store.list())
    assert 3 >= len(made)


def test_a_verb_waits_a_bounded_time_for_a_connection(ledgers: Ledgers) -> None:
    """While a handler's transaction has the only one; the error says what to do."""
    store = ledgers.ready(max_connections=1, timeout=0.01)
    claim = store.claim()
    with store.transaction(claim) as execute:
        execute("CREATE TABLE effects (text text)")
        with pytest.raises(StoreError, match=r"none of 1 .*max_connections"):
            store.finish(claim, SUCCEEDED)
    assert "done" == store.state()


def test_a_closed_store_says_so(ledgers: Ledgers) -> None:
    """Nothing is opened again behind the back of whoever closed it."""
    store = ledgers.ready()
    store.close()
    with pytest.raises(StoreError, match="was closed"):
        store.claim()


def test_closing_closes_every_connection(ledgers: Ledgers) -> None:
    """Nothing is left on the server."""
    store = ledgers.ready()
    lead_a_life(store)
    store.close()
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    ledgers.server.until(lambda: [(0,)] == ledgers.execute(count, ledgers.database))


def test_statements_are_prepared_where_the_server_itself_answers(ledgers: Ledgers) -> None:
    """They cost a third less then."""
    store = ledgers.ready()
    for number in range(8):
        store.finish(store.claim(f"evt_{number}"), SUCCEEDED)
    with store.transaction(store.claim("evt_9")) as execute:
        prepared = execute("SELECT count(*) FROM pg_prepared_statements")
    assert (0,) < prepared[0]


@pytest.mark.parametrize("source", [3, None, object()])
@pytest.mark.parametrize("cls", [PostgresStore, AsyncPostgresStore])
def test_another_kind_of_source_is_refused(cls: Any, source: object) -> None:
    """The error names those that can be taken."""
    with pytest.raises(ConfigurationError, match="a DSN, a psycopg_pool"):
        cls(source)


def test_the_other_kind_of_pool_is_refused() -> None:
    """A sync store has no use for a pool that must be awaited, nor the other way round."""
    with pytest.raises(ConfigurationError, match="PostgresStore takes"):
        PostgresStore(AsyncConnectionPool("", open=False))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="AsyncPostgresStore takes"):
        AsyncPostgresStore(ConnectionPool("", open=False))  # type: ignore[arg-type]


def test_a_dsn_that_is_none_is_refused() -> None:
    """Before the first delivery, without a word of what may be a password in it."""
    dsn = "postgres:/user:secret@host/database"
    with pytest.raises(ConfigurationError, match="no DSN") as caught:
        PostgresStore(dsn)
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_a_function_that_gives_something_else_is_told(ledgers: Ledgers) -> None:
    """As one that gives a wrapped connection, or the wrong one of the two kinds."""

    async def wrong() -> object:
        return object()

    store = ledgers.open(object if ledgers.kind == "sync" else wrong)
    with pytest.raises(ConfigurationError, match="gave a object"):
        store.create_schema()


def test_an_async_store_serves_one_event_loop_after_another(ledgers: Ledgers) -> None:
    """As with ``asyncio.run`` called twice: what the first one opened is closed."""
    store = ledgers.ready()
    store.claim()
    ledgers.driver.close()
    store.driver = ledgers.driver = Driver()
    assert "claimed" == store.state()


def test_statements_are_not_prepared_behind_a_pooler(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It announces a process of its own, and gives the server's to others between transactions."""
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", 1)
    store = ledgers.ready()
    for number in range(8):
        store.finish(store.claim(f"evt_{number}"), SUCCEEDED)
    with store.transaction(store.claim("evt_9")) as execute:
        assert [(0,)] == execute("SELECT count(*) FROM pg_prepared_statements")
