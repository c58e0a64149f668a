"""Ledgers in the PostgreSQL of the tests, by either store, so that a test is for both."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from stripe_events.storage import AsyncPostgresStore, PostgresStore
from stripe_events.storage._results import NOTHING_NEW
from stripe_events.testing._contract.driven import Driver, Verbs
from stripe_events.testing._contract.making import arrival, succeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from stripe_events.storage import Claim, Claimed, HandlerResult, Plan
    from tests.stores.postgres_server import PostgresServer

SUCCEEDED = succeeded("a")


class Opened(Verbs):
    """A store with its verbs, and what these tests do with it besides."""

    def create_schema(self) -> None:
        """See ``PostgresStore.create_schema``."""
        self.driver.done(self.store.create_schema())

    def close(self) -> None:
        """See ``PostgresStore.close``."""
        self.driver.done(self.store.close())

    def claim(self, event_id: str = "evt_1", *names: str, **members: Any) -> Claim:
        """Deliver an event, and give its claim."""
        claimed: Claimed = self.accept(arrival(event_id, *names, **members))  # type: ignore[assignment]
        return claimed.claim

    def state(self, event_id: str = "evt_1") -> str | None:
        """Give the state of an event; None if it is absent."""
        stored = self.get(event_id)
        return None if stored is None else stored.record.state

    @contextmanager
    def transaction(
        self,
        claim: Claim,
        result: Callable[[], HandlerResult] = lambda: SUCCEEDED,
        joined: Plan = NOTHING_NEW,
    ) -> Generator[Callable[..., list[Any]], None, None]:
        """See ``TransactionalStore.transaction``; gives what executes on its connection."""
        with self.driver.entered(self.store.transaction(claim, result, joined)) as connection:
            self.connection = connection
            yield lambda query, *values: self.driver.done(_executed(connection, query, values))

    def is_settled(self, claim: Claim, handler: str = "a") -> bool | None:
        """See ``TransactionalStore.is_settled``."""
        settled: bool | None = self.driver.done(self.store.is_settled(claim, handler))
        return settled


def _executed(connection: Any, query: str, values: tuple[Any, ...]) -> Any:
    if isinstance(connection, psycopg.AsyncConnection):
        return _awaited(connection, query, values)
    cursor = connection.execute(query, values or None)
    return cursor.fetchall() if cursor.description else []


async def _awaited(connection: Any, query: str, values: tuple[Any, ...]) -> Any:
    cursor = await connection.execute(query, values or None)
    return await cursor.fetchall() if cursor.description else []


class Ledgers:
    """Stores of one kind on one database; all that were opened are closed in the end."""

    def __init__(self, kind: str, server: PostgresServer, database: str) -> None:
        """Open nothing yet."""
        self.kind = kind
        self.server = server
        self.database = database
        self.dsn = server.dsn(database)
        self.driver = Driver()
        self._opened: list[Opened] = []

    def open(self, source: Any = None, **options: Any) -> Opened:
        """Open a store, by default on the DSN of the database."""
        cls: Any = PostgresStore if self.kind == "sync" else AsyncPostgresStore
        opened = Opened(cls(source or self.dsn, **options), self.driver)
        self._opened.append(opened)
        return opened

    def ready(self, source: Any = None, **options: Any) -> Opened:
        """Open a store, and create its tables."""
        opened = self.open(source, **options)
        opened.create_schema()
        return opened

    def connect(self) -> psycopg.Connection[Any]:
        """Connect as an application does that has nothing to do with the store."""
        return psycopg.connect(self.dsn)

    def execute(self, query: str, *values: Any) -> list[Any]:
        """Execute a statement in the database, and commit it."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def cut_off(self) -> None:
        """End all connections to the database, as a server does that is stopped."""
        self.server.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            f"WHERE datname = '{self.database}'"
        )

    def close_stores(self) -> None:
        """Close what was opened."""
        for opened in self._opened:
            opened.close()

    def close(self) -> None:
        """Close what was opened, and end the event loops."""
        self.close_stores()
        self.driver.close()
