"""``transaction()`` on PostgreSQL: what a block may do, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors

from stripe_events.errors import LostClaim, StoreError, UsageError
from stripe_events.storage._postgres import _async, _sync
from tests.stores.postgres_ledgers import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stores.postgres_ledgers import Ledgers, Opened

WRITE = "INSERT INTO effects VALUES ('effect')"


@pytest.fixture
def store(ledgers: Ledgers) -> Opened:
    """Give a store whose database has a table of the application's, too."""
    ledgers.execute("CREATE TABLE effects (text text UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    return ledgers.ready()


def written(ledgers: Ledgers) -> int:
    """Count the effects that were committed."""
    return int(ledgers.execute("SELECT count(*) FROM effects")[0][0])


def ended(store: Opened, claim: Any, block: Callable[[Callable[..., Any]], None]) -> None:
    """Run a block of a transaction."""
    with store.transaction(claim) as execute:
        block(execute)


@pytest.mark.parametrize("method", ["commit", "rollback"])
def test_the_connection_refuses_to_end_the_transaction(
    ledgers: Ledgers, store: Opened, method: str
) -> None:
    """An effect without its completion could be committed so; psycopg says why not."""
    claim = store.claim()

    def block(execute: Callable[..., Any]) -> None:
        execute(WRITE)
        ledgers.driver.done(getattr(store.connection, method)())

    with pytest.raises(psycopg.ProgrammingError, match="forbidden within a Transaction context"):
        ended(store, claim, block)
    assert (0, "claimed") == (written(ledgers), store.state())


@pytest.mark.parametrize("end", [("COMMIT",), ("ROLLBACK",), ("COMMIT", "BEGIN")])
def test_a_block_that_ends_its_transaction_in_sql_is_refused(
    ledgers: Ledgers, store: Opened, end: tuple[str, ...]
) -> None:
    """The handler is not done; what it committed by itself cannot be helped, and is told."""
    claim = store.claim()

    def block(execute: Callable[..., Any]) -> None:
        for statement in end:
            execute(statement)
        execute(WRITE)

    with pytest.raises(UsageError, match="ended its transaction by itself"):
        ended(store, claim, block)
    assert "claimed" == store.state()
    assert "done" == store.finish(claim, SUCCEEDED).state


def test_savepoints_are_the_blocks_own(ledgers: Ledgers, store: Opened) -> None:
    """What fails in one leaves the rest."""
    with store.transaction(store.claim()) as execute:
        execute("SAVEPOINT one")
        execute(WRITE)
        execute("ROLLBACK TO one")
        execute("INSERT INTO effects VALUES ('other')")
    assert (1, "done") == (written(ledgers), store.state())


def test_an_error_of_the_block_is_its_own(ledgers: Ledgers, store: Opened) -> None:
    """Also one of the database comes out as it was raised."""
    with pytest.raises(errors.DivisionByZero):
        ended(store, store.claim(), lambda execute: execute("SELECT 1 / 0"))
    assert "claimed" == store.state()


class EndedError(BaseException):
    """What ends a program, such as Ctrl-C."""


@pytest.mark.parametrize("error", [psycopg.Rollback(), EndedError()])
def test_whatever_is_raised_rolls_back_and_comes_out(
    ledgers: Ledgers, store: Opened, error: BaseException
) -> None:
    """Also psycopg's own Rollback, which its blocks would swallow: the handler is not done."""

    def block(execute: Callable[..., Any]) -> None:
        execute(WRITE)
        raise error

    with pytest.raises(type(error)):
        ended(store, store.claim(), block)
    assert (0, "claimed") == (written(ledgers), store.state())


def test_an_error_of_sql_that_was_swallowed_is_told(ledgers: Ledgers, store: Opened) -> None:
    """The server commits nothing after one, and the error says what to do."""

    def block(execute: Callable[..., Any]) -> None:
        execute(WRITE)
        with pytest.raises(errors.DivisionByZero):
            execute("SELECT 1 / 0")

    with pytest.raises(StoreError, match=r"connection\.transaction\(\)"):
        ended(store, store.claim(), block)
    assert (0, "claimed") == (written(ledgers), store.state())


def test_a_commit_that_is_refused_is_told(ledgers: Ledgers, store: Opened) -> None:
    """As by a constraint that is checked last: neither effect nor completion is there."""

    def block(execute: Callable[..., Any]) -> None:
        execute(WRITE)
        execute(WRITE)

    claim = store.claim()
    with pytest.raises(StoreError, match="refused the commit, nothing was written"):
        ended(store, claim, block)
    assert (0, "claimed") == (written(ledgers), store.state())
    ended(store, claim, lambda execute: execute(WRITE))
    assert (1, "done") == (written(ledgers), store.state())


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_heartbeat_does_not_disturb_whatever_the_default_isolation(
    ledgers: Ledgers, level: str
) -> None:
    """The block is READ COMMITTED; under a higher level its end would fail."""
    ledgers.execute("CREATE TABLE effects (text text)")
    ledgers.execute(
        f"ALTER DATABASE {ledgers.database} SET default_transaction_isolation = '{level}'"
    )
    store = ledgers.ready()
    claim = store.claim()
    with store.transaction(claim) as execute:
        execute(WRITE)
        assert [] == store.extend([claim])
    assert (1, "done") == (written(ledgers), store.state())


def test_a_transaction_leaves_nothing_behind_on_its_connection(
    ledgers: Ledgers, store: Opened
) -> None:
    """The next user of the connection finds no setting of the last one."""
    claim = store.claim()
    setting = "SELECT current_setting('stripe_events.claim', true), current_setting('lock_timeout')"
    with store.transaction(claim) as execute:
        pid = execute("SELECT pg_backend_pid()")
        assert [(claim.claim_id, "0")] == execute(setting)
    other = store.claim("evt_2")
    with pytest.raises(errors.DivisionByZero):
        ended(store, other, lambda execute: execute("SELECT 1 / 0"))
    with store.transaction(other) as execute:
        assert [(other.claim_id, "0")] == execute(setting)
        assert pid == execute("SELECT pg_backend_pid()")


def test_the_fence_is_checked_at_the_end(ledgers: Ledgers, store: Opened) -> None:
    """Whoever was taken over while the block ran commits nothing."""
    stale = store.claim()

    def block(execute: Callable[..., Any]) -> None:
        execute(WRITE)
        store.extend([stale], 0.0)
        assert 2 == store.claim().token

    with pytest.raises(LostClaim):
        ended(store, stale, block)
    assert 0 == written(ledgers)


def test_a_block_that_closes_its_connection_is_told(ledgers: Ledgers, store: Opened) -> None:
    """The connection is replaced, so that the next attempt works."""
    claim = store.claim()

    def block(execute: Callable[..., Any]) -> None:
        execute(WRITE)
        ledgers.driver.done(store.connection.close())

    with pytest.raises(StoreError, match="closed"):
        ended(store, claim, block)
    ended(store, claim, lambda execute: execute(WRITE))
    assert (1, "done") == (written(ledgers), store.state())


def test_a_commit_on_a_connection_that_is_closed_is_told(ledgers: Ledgers) -> None:
    """Psycopg says nothing then, and the handler would count as done."""

    async def acommit() -> None:
        connection = await psycopg.AsyncConnection.connect(ledgers.dsn)
        block = psycopg.AsyncTransaction(connection)
        await block.__aenter__()
        await connection.close()
        await _async._commit(block, connection)

    def commit() -> None:
        connection = psycopg.connect(ledgers.dsn)
        block = psycopg.Transaction(connection)
        block.__enter__()
        connection.close()
        _sync._commit(block, connection)

    with pytest.raises(StoreError, match="made or not"):
        commit() if ledgers.kind == "sync" else ledgers.driver.done(acommit())
