"""``complete_on()``: a handler's completion in a transaction of the application's."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import IsolationLevel
from psycopg.rows import dict_row

from stripe_events.errors import LostClaim, StoreError, UsageError
from stripe_events.storage._results import NOTHING_NEW
from tests.stores.postgres_ledgers import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Generator

    from stripe_events.storage import Claim
    from tests.stores.postgres_ledgers import Ledgers, Opened

WRITE = "INSERT INTO effects VALUES ('effect')"


@pytest.fixture
def store(ledgers: Ledgers) -> Opened:
    """Give a store whose database has a table of the application's, too."""
    ledgers.execute("CREATE TABLE effects (text text)")
    return ledgers.ready()


class Own:
    """A connection of the application's, sync or async."""

    def __init__(self, ledgers: Ledgers, connection: Any) -> None:
        """Take it."""
        self.ledgers = ledgers
        self.connection = connection

    def __getattr__(self, name: str) -> Any:
        """Call a method of the connection, awaited if it has to be."""
        method = getattr(self.connection, name)
        return lambda *values: self.ledgers.driver.done(method(*values))

    def complete(self, store: Opened, claim: Claim) -> None:
        """Write the completion."""
        given = store.store.complete_on(self.connection, claim, SUCCEEDED, NOTHING_NEW)
        assert given is None or not isinstance(self.connection, psycopg.Connection)
        self.ledgers.driver.done(given)


@pytest.fixture(params=["sync connection", "async connection"])
def kind(request: pytest.FixtureRequest) -> Any:
    """Give each kind of connection: either store takes both."""
    return psycopg.Connection if request.param == "sync connection" else psycopg.AsyncConnection


@contextmanager
def own(ledgers: Ledgers, kind: Any, **options: Any) -> Generator[Own, None, None]:
    """Connect as the application does."""
    connection = ledgers.driver.done(kind.connect(ledgers.dsn, **options))
    try:
        yield Own(ledgers, connection)
    finally:
        ledgers.driver.done(connection.close())


def written(ledgers: Ledgers) -> int:
    """Count the effects that were committed."""
    return int(ledgers.execute("SELECT count(*) FROM effects")[0][0])


@pytest.mark.parametrize("options", [{}, {"row_factory": dict_row}])
def test_effect_and_completion_commit_together(
    ledgers: Ledgers, store: Opened, kind: Any, options: dict[str, Any]
) -> None:
    """Nothing is there before the application's commit, and both are there after it."""
    claim = store.claim()
    with own(ledgers, kind, **options) as mine:
        mine.execute(WRITE)
        mine.complete(store, claim)
        assert (0, "claimed") == (written(ledgers), store.state())
        mine.commit()
    assert (1, "done") == (written(ledgers), store.state())


def test_a_rollback_undoes_both(ledgers: Ledgers, store: Opened, kind: Any) -> None:
    """The claim is as good as before."""
    claim = store.claim()
    with own(ledgers, kind) as mine:
        mine.execute(WRITE)
        mine.complete(store, claim)
        mine.rollback()
    assert (0, False) == (written(ledgers), store.is_settled(claim))
    assert "done" == store.finish(claim, SUCCEEDED).state


def test_it_begins_the_transaction_if_it_is_the_first_statement(
    ledgers: Ledgers, store: Opened, kind: Any
) -> None:
    """A handler that has nothing to write commits its completion itself all the same."""
    claim = store.claim()
    with own(ledgers, kind) as mine:
        mine.complete(store, claim)
        assert "claimed" == store.state()
        mine.commit()
    assert "done" == store.state()


def test_autocommit_is_refused(ledgers: Ledgers, store: Opened, kind: Any) -> None:
    """There is no transaction that it could be part of."""
    claim = store.claim()
    with (
        own(ledgers, kind, autocommit=True) as mine,
        pytest.raises(UsageError, match="in autocommit"),
    ):
        mine.complete(store, claim)
    assert "claimed" == store.state()


def test_a_transaction_that_is_open_on_an_autocommit_connection_will_do(
    ledgers: Ledgers, store: Opened, kind: Any
) -> None:
    """As frameworks have it, which begin transactions by themselves."""
    claim = store.claim()
    with own(ledgers, kind, autocommit=True) as mine:
        mine.execute("BEGIN")
        mine.execute(WRITE)
        mine.complete(store, claim)
        mine.execute("COMMIT")
    assert (1, "done") == (written(ledgers), store.state())


def test_a_lost_claim_leaves_the_transaction_usable(
    ledgers: Ledgers, store: Opened, kind: Any
) -> None:
    """It runs in a savepoint; what the application does then is its own decision."""
    claim = store.claim()
    stale = claim._replace(claim_id="another")
    with own(ledgers, kind) as mine:
        mine.execute(WRITE)
        with pytest.raises(LostClaim):
            mine.complete(store, stale)
        mine.complete(store, claim)
        mine.commit()
    assert (1, "done") == (written(ledgers), store.state())


@pytest.mark.parametrize("level", [IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE])
def test_a_higher_isolation_fails_when_a_heartbeat_comes_between(
    ledgers: Ledgers, store: Opened, kind: Any, level: IsolationLevel
) -> None:
    """The error says which level to use; nothing is committed, and nothing is lost."""
    claim = store.claim()
    with own(ledgers, kind) as mine:
        mine.execute(f"BEGIN ISOLATION LEVEL {level.name.replace('_', ' ')}")
        mine.execute(WRITE)
        assert [] == store.extend([claim])
        with pytest.raises(StoreError, match="use READ COMMITTED"):
            mine.complete(store, claim)
        mine.rollback()
    assert "done" == store.finish(claim, SUCCEEDED).state


def test_a_higher_isolation_works_when_nothing_comes_between(
    ledgers: Ledgers, store: Opened, kind: Any
) -> None:
    """It is no mistake in itself."""
    claim = store.claim()
    with own(ledgers, kind) as mine:
        mine.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        mine.complete(store, claim)
        mine.commit()
    assert "done" == store.state()


def test_another_database_is_told_apart(ledgers: Ledgers, store: Opened, kind: Any) -> None:
    """Be it without a ledger, or with one of its own; its transaction stays usable."""
    claim = store.claim()
    name = ledgers.server.new_database()
    other = type(ledgers)(ledgers.kind, ledgers.server, name)
    with own(other, kind) as mine:
        with pytest.raises(UsageError, match="does not hold the ledger of this store"):
            mine.complete(store, claim)
        mine.execute("CREATE TABLE mine ()")
        mine.commit()
    other.ready()
    with own(other, kind) as mine, pytest.raises(UsageError, match="does not hold the ledger"):
        mine.complete(store, claim)
    other.close()
    ledgers.server.drop_database(name)


def test_a_transaction_that_has_failed_is_told(ledgers: Ledgers, store: Opened, kind: Any) -> None:
    """Nothing can be written in it any more."""
    claim = store.claim()
    with own(ledgers, kind) as mine:
        with pytest.raises(psycopg.errors.DivisionByZero):
            mine.execute("SELECT 1 / 0")
        with pytest.raises(StoreError, match="a statement before it has failed"):
            mine.complete(store, claim)


def test_a_closed_connection_is_told(ledgers: Ledgers, store: Opened, kind: Any) -> None:
    """By the library's own error."""
    claim = store.claim()
    with own(ledgers, kind) as mine:
        mine.close()
        with pytest.raises(StoreError, match="closed"):
            mine.complete(store, claim)


def test_something_else_is_no_connection(store: Opened) -> None:
    """The error says what to give."""
    claim = store.claim()
    with pytest.raises(UsageError, match="not str"):
        store.store.complete_on("connection", claim, SUCCEEDED)


def test_no_setting_is_left_in_the_applications_transaction(
    ledgers: Ledgers, store: Opened, kind: Any
) -> None:
    """Its own limits hold on."""
    claim = store.claim()
    with own(ledgers, kind) as mine:
        mine.execute("SET LOCAL lock_timeout = '7s'")
        mine.complete(store, claim)
        cursor = mine.execute("SHOW lock_timeout")
        assert ("7s",) == ledgers.driver.done(cursor.fetchone())
