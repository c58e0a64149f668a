"""SQLite stores whose transactions break one promise each; see ``test_broken_stores``."""

# ruff: noqa: D102 - the class tells what its methods do wrong
from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from stripe_events.errors import LostClaim, StaleSnapshot
from stripe_events.storage import SQLiteStore
from stripe_events.storage._results import NOTHING_NEW, Claim
from stripe_events.testing import TransactionalStoreContract
from tests.stores.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from stripe_events.storage._results import HandlerResult, Plan


class EffectCommitsFirst(SQLiteStore):
    """Commit the effect, then record the completion."""

    @contextmanager
    def transaction(
        self, claim: Claim, result: Callable[[], HandlerResult], joined: Plan = NOTHING_NEW
    ) -> Generator[sqlite3.Connection, None, None]:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            yield connection
        self.finish(claim, result(), joined)


class EveryStatementCommits(SQLiteStore):
    """Hand out a connection in autocommit."""

    @contextmanager
    def transaction(
        self, claim: Claim, result: Callable[[], HandlerResult], joined: Plan = NOTHING_NEW
    ) -> Generator[sqlite3.Connection, None, None]:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            yield connection
        self.finish(claim, result(), joined)


class UnfencedCommit(SQLiteStore):
    """Check the fence in verbs, and not before a commit."""

    def _finish_on(
        self, connection: sqlite3.Connection, claim: Claim, result: HandlerResult, joined: Plan
    ) -> list[Any]:
        found = connection.execute(
            "SELECT token, claim_id FROM stripe_events_events WHERE id = ?", (claim.id,)
        )
        ((token, claim_id),) = found.fetchall()
        return super()._finish_on(connection, Claim(*claim[:2], token, claim_id), result, joined)


class NoSecondLook(SQLiteStore):
    """Ask whether a snapshot is stale at the claim, and not at the commit."""

    def _finish_on(
        self, connection: sqlite3.Connection, claim: Claim, result: HandlerResult, joined: Plan
    ) -> list[Any]:
        try:
            return super()._finish_on(connection, claim, result, joined)
        except StaleSnapshot:
            unmarked = result._replace(outcome="skipped")
            return super()._finish_on(connection, claim, unmarked, joined)


class CommitsTwice(SQLiteStore):
    """Commit what a handler writes that was settled before."""

    def _finish_on(
        self, connection: sqlite3.Connection, claim: Claim, result: HandlerResult, joined: Plan
    ) -> list[Any]:
        try:
            return super()._finish_on(connection, claim, result, joined)
        except LostClaim as lost:
            if "settled" not in str(lost):
                raise
            return []


class FileContract(TransactionalStoreContract):
    """The cases of transactions, for a class of stores in a file."""

    def __init__(self, kind: type[SQLiteStore], folder: Path) -> None:
        """Take the class, and where files may be made."""
        self.kind = kind
        self.folder = folder
        self.files = 0

    def make_store(self) -> SQLiteStore:
        """Give a store on a new file, which has a table of the user's too."""
        self.files += 1
        self.clock = Clock()
        self.path = self.folder / f"{self.files}.db"
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE effects (text TEXT)")
        # Whoever waits for a block waits in vain: not for long.
        self.open = partial(
            self.kind, self.path, synchronous="NORMAL", busy_timeout=0.1, clock=self.clock
        )
        return self.open()

    def another(self, store: SQLiteStore) -> SQLiteStore:
        """Give a store on the same file."""
        return self.open()

    def advance(self, store: SQLiteStore, seconds: float) -> None:
        """Move the clock."""
        self.clock.now += seconds

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
