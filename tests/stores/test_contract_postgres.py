"""The PostgreSQL stores keep the contract, on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from stripe_events.storage import AsyncPostgresStore, PostgresStore
from stripe_events.testing import StoreContract, TransactionalStoreContract
from tests.stores.contract_database import LOSS, Database, lent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stores.postgres_server import PostgresServer


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> Iterator[Database]:
    """Give a database for all cases."""
    with lent(postgres_server) as database:
        yield database


class PostgresHooks:
    """What is the same for sync and async stores."""

    @pytest.fixture(autouse=True)
    def _database(self, database: Database) -> None:
        self.database = database
        database.empty()

    def advance(self, store: object, seconds: float) -> None:
        """Let all that is recorded be so much older."""
        self.database.advance(seconds)

    def break_database(self, store: object) -> None:
        """Cut all connections off, and let nobody connect."""
        self.database.refuse()

    def repair_database(self, store: object) -> None:
        """Let all connect."""
        self.database.admit()

    def written(self, store: object) -> list[str]:
        """Read the user's table."""
        return [text for (text,) in self.database.execute("SELECT text FROM effects")]


class TestPostgresStore(PostgresHooks, StoreContract, TransactionalStoreContract):
    """All cases; a second handle is another store on the same database."""

    def make_store(self) -> PostgresStore:
        """Give a store on empty tables."""
        return PostgresStore(self.database.dsn, accept_loss=LOSS)

    def another(self, store: object) -> PostgresStore:
        """Give a store on the same tables."""
        return self.make_store()

    def write(self, connection: psycopg.Connection[Any], text: str) -> None:
        """Write a text into the user's table."""
        connection.execute("INSERT INTO effects VALUES (%s)", (text,))

    def connect(self, store: object) -> psycopg.Connection[Any]:
        """Give a connection that begins transactions by itself."""
        return psycopg.connect(self.database.dsn)


class TestAsyncPostgresStore(PostgresHooks, StoreContract, TransactionalStoreContract):
    """The same, awaited."""

    def make_store(self) -> AsyncPostgresStore:
        """Give a store on empty tables."""
        return AsyncPostgresStore(self.database.dsn, accept_loss=LOSS)

    def another(self, store: object) -> AsyncPostgresStore:
        """Give a store on the same tables."""
        return self.make_store()

    async def write(self, connection: psycopg.AsyncConnection[Any], text: str) -> None:
        """Write a text into the user's table."""
        await connection.execute("INSERT INTO effects VALUES (%s)", (text,))

    async def connect(self, store: object) -> psycopg.AsyncConnection[Any]:
        """Give a connection that begins transactions by itself."""
        return await psycopg.AsyncConnection.connect(self.database.dsn)
