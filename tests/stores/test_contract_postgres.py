"""The PostgreSQL stores keep the contract, on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from stripe_events.storage import AsyncPostgresStore, PostgresStore
from stripe_events.testing import StoreContract, TransactionalStoreContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stores.postgres_server import PostgresServer

LOSS = ("synchronous_commit",)


class Database:
    """A database with a user's table; tables are emptied, which is faster than to make them."""

    def __init__(self, server: PostgresServer) -> None:
        """Make it."""
        self.server = server
        self.name = server.new_database()
        self.dsn = server.dsn(self.name)
        # No case is about power loss, and thousands of commits wait for no disk.
        self.execute(f"ALTER DATABASE {self.name} SET synchronous_commit = off")
        self.execute("CREATE TABLE effects (text TEXT)")
        store = PostgresStore(self.dsn, accept_loss=LOSS)
        store.create_schema()
        store.close()

    def execute(self, statement: str) -> list[Any]:
        """Run a statement, and give its rows."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def empty(self) -> None:
        """Let nothing be in it."""
        self.execute("TRUNCATE effects, stripe_events.events, stripe_events.keys")

    def advance(self, seconds: float) -> None:
        """Let all that is recorded be so much older."""
        older = ", ".join(
            f"{column} = {column} - {seconds}"
            for column in ("first_seen", "last_seen", "due", "lease_until")
        )
        self.execute(f"UPDATE stripe_events.events SET {older}")

    def refuse(self) -> None:
        """Cut all connections off, and let nobody connect."""
        self.server.execute(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS false")
        self.server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'"
        )

    def admit(self) -> None:
        """Let all connect."""
        self.server.execute(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS true")


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> Iterator[Database]:
    """Give a database for all cases."""
    database = Database(postgres_server)
    yield database
    postgres_server.drop_database(database.name)


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
