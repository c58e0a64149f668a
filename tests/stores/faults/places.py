"""Where a ledger is, with a table of effects beside it; small enough to be given to a process."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import psycopg

from stripe_events.storage import PostgresStore, SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

_CREATE = "CREATE TABLE effects (event TEXT, handler TEXT)"
_SELECT = "SELECT event, handler FROM effects"


class Place(NamedTuple):
    """A database: an SQLite file by its path, or one of a PostgreSQL by its DSN."""

    kind: Literal["sqlite", "postgres"]
    address: str

    def store(self, **options: Any) -> Any:
        """Give a store on it."""
        if self.kind == "postgres":
            return PostgresStore(self.address, **options)
        return SQLiteStore(self.address, **options)

    def create(self) -> None:
        """Make the tables."""
        if self.kind == "postgres":
            with closing(self.store()) as store:
                store.create_schema()
        with self.transaction() as connection:
            connection.execute(_CREATE)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Give a connection with a transaction, which is committed unless the block raises."""
        with closing(self.connect()) as connection:
            if self.kind == "sqlite":
                connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def connect(self) -> Any:
        """Give a connection that is none of the store's."""
        if self.kind == "postgres":
            return psycopg.connect(self.address)
        return sqlite3.connect(self.address, timeout=30, isolation_level=None)

    def effect(self, connection: Any, event: str, handler: str) -> Any:
        """Have an effect, on any connection; to be awaited on an async one."""
        sign = "%s" if self.kind == "postgres" else "?"
        return connection.execute(f"INSERT INTO effects VALUES ({sign}, {sign})", (event, handler))

    def effects(self) -> Counter[tuple[str, str]]:
        """Count what was committed, by event and handler."""
        with closing(self.connect()) as connection:
            return Counter(connection.execute(_SELECT).fetchall())
