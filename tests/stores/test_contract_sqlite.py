"""SQLiteStore keeps the contract, on real files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from stripe_events.storage import SQLiteStore
from stripe_events.testing import StoreContract, TransactionalStoreContract
from tests.stores.clock import Clock

if TYPE_CHECKING:
    from pathlib import Path


class TestSQLiteStore(StoreContract, TransactionalStoreContract):
    """All cases; a second handle is another store on the same file."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "ledger.db"
        self.clock = Clock()

    def make_store(self) -> SQLiteStore:
        """Give a store on a new file, which has a table of the user's too."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE effects (text TEXT)")
        return self.another(None)

    def another(self, store: object) -> SQLiteStore:
        """Give a store on the same file."""
        return SQLiteStore(self.path, synchronous="NORMAL", clock=self.clock)

    def advance(self, store: SQLiteStore, seconds: float) -> None:
        """Move the clock."""
        self.clock.now += seconds

    def break_database(self, store: SQLiteStore) -> None:
        """Put a directory in the place of the file."""
        self.path.rename(self.path.with_suffix(".away"))
        self.path.mkdir()

    def repair_database(self, store: SQLiteStore) -> None:
        """Put the file back."""
        self.path.rmdir()
        self.path.with_suffix(".away").rename(self.path)

    def write(self, connection: sqlite3.Connection, text: str) -> None:
        """Write a text into the user's table."""
        connection.execute("INSERT INTO effects VALUES (?)", (text,))

    def written(self, store: SQLiteStore) -> list[str]:
        """Read the user's table."""
        with closing(self.connect(store)) as connection:
            return [text for (text,) in connection.execute("SELECT text FROM effects")]

    def connect(self, store: SQLiteStore) -> sqlite3.Connection:
        """Give a connection that begins transactions by itself."""
        return sqlite3.connect(self.path)
