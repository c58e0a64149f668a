"""Every store does what the table and a simple oracle say, whatever is asked in whatever order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from stripe_events.errors import LostClaim
from stripe_events.storage import (
    AsyncPostgresStore,
    AsyncRedisStore,
    MemoryStore,
    PostgresStore,
    RedisStore,
    SQLiteStore,
)
from tests.stores import broken_inboxes, broken_stores
from tests.stores.clock import Clock
from tests.stores.contract_database import LOSS, Database, lent
from tests.stores.machine import LedgerMachine, Subject
from tests.stores.redis_ledgers import advance, broken_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.stores.postgres_server import PostgresServer
    from tests.stores.redis_server import RedisServer


def run(subject: Subject, share: float, **more: Any) -> None:
    """Search with a share of the usual number of examples."""
    machine = type("Machine", (LedgerMachine,), {"subject": subject})
    examples = settings(
        max_examples=max(int(settings.default.max_examples * share), 1),
        stateful_step_count=50,
        suppress_health_check=list(HealthCheck),
        **more,
    )
    run_state_machine_as_test(machine, settings=examples)


def run_on(store: Any, advance: Callable[[float], None], share: float) -> None:
    """Search on one store, which is closed in the end."""
    subject = Subject(lambda: store, advance)
    try:
        run(subject, share)
        subject.driver.done(store.close())
    finally:
        subject.driver.close()


def test_memory_store_does_what_the_table_says() -> None:
    """MemoryStore, and with it the core, agrees with the oracle."""
    clock = Clock()
    run(Subject(lambda: MemoryStore(clock=clock), clock.pass_), 2)


def test_sqlite_store_does_what_the_table_says(tmp_path: Path) -> None:
    """SQLiteStore agrees with the oracle."""
    clock = Clock()
    store = SQLiteStore(tmp_path / "ledger.db", synchronous="NORMAL", clock=clock)
    run_on(store, clock.pass_, 0.3)


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> Iterator[Database]:
    """Give a database for both stores."""
    with lent(postgres_server) as database:
        yield database


def advanced(database: Database) -> Callable[[float], None]:
    """Let time pass in a database, whose clock passes moments by itself."""
    return lambda passed: database.advance(passed) if passed >= 1 else None


def test_postgres_store_does_what_the_table_says(database: Database) -> None:
    """PostgresStore agrees with the oracle."""
    run_on(PostgresStore(database.dsn, accept_loss=LOSS), advanced(database), 0.2)


def test_async_postgres_store_does_what_the_table_says(database: Database) -> None:
    """AsyncPostgresStore agrees with the oracle."""
    run_on(AsyncPostgresStore(database.dsn, accept_loss=LOSS), advanced(database), 0.2)


@pytest.mark.parametrize("kind", [RedisStore, AsyncRedisStore])
def test_redis_stores_do_what_the_table_says(redis_server: RedisServer, kind: Any) -> None:
    """They agree with the oracle, and what lies beside the events fits them."""
    with redis_server.client() as client:
        client.flushall()
        run_on(
            kind(redis_server.url),
            lambda passed: advance(client, passed) if passed >= 1 else None,
            0.2,
        )
        assert {} == broken_rules(client)


@pytest.mark.parametrize(
    "kind",
    [
        broken_stores.Unfenced,
        broken_stores.DoneByWhatTheOwnerRan,
        broken_inboxes.RedeliveryNotDue,
        broken_inboxes.ClaimsInlineOnly,
        broken_inboxes.RestNotDue,
        broken_stores.FailedHandsItsKeyOn,
        broken_stores.NoWatermark,
        broken_stores.LosesLateErrors,
    ],
)
def test_the_search_finds_broken_stores(kind: type[broken_stores.Store]) -> None:
    """A store that breaks a promise comes apart from the oracle, so the search can fail."""
    clock = Clock()
    subject = Subject(lambda: kind(clock=clock), clock.pass_)
    with pytest.raises((AssertionError, LostClaim, KeyError)):
        run(subject, 10, phases=[Phase.generate], derandomize=True, database=None)
