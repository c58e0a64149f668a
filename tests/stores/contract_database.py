"""A PostgreSQL database that many runs use one after another, whose time can be moved."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg

from stripe_events.storage import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.stores.postgres_server import PostgresServer

LOSS: Final = ("synchronous_commit",)


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


@contextmanager
def lent(server: PostgresServer) -> Generator[Database, None, None]:
    """Make a database, and remove it in the end."""
    database = Database(server)
    yield database
    server.drop_database(database.name)
