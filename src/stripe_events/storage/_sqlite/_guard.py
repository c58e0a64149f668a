"""
The connection that a block of ``transaction()`` gets.

What the block writes and the completion of its handler are to be one commit. Whatever
would commit, roll back or go on behind the store's back is refused: the methods by name,
SQL by SQLite's own authorizer, so that no spelling of it slips through.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from stripe_events.errors import UsageError
from stripe_events.storage._sqlite._connections import LedgerConnection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stripe_events.storage._sqlite._connections import Connections

_WHY = (
    "{} is refused in a transaction() block: its writes and the handler's completion are"
    " committed together when the block ends, and rolled back when it raises"
)
_OVER = "the transaction() block of this connection is over: use it only inside the block"
_FORKED = "the transaction() block of this connection belongs to the parent process"
_ENDED = "a statement has rolled back the whole transaction: nothing can be added to it"


class Guard:
    """
    What a connection may do at this moment.

    It is apart from the connection, which holds its authorizer: a cycle through SQLite
    is never collected.
    """

    def __init__(self) -> None:
        """Begin before the block."""
        self.phase: Literal["before", "in", "after", "over"] = "before"
        self.refused = ""
        self.process = os.getpid()

    def allows(self, action: int, argument: str | None, *_: object) -> int:
        """Be SQLite's authorizer, asked while a statement is prepared."""
        if self.phase == "in" and action == sqlite3.SQLITE_TRANSACTION:
            self.refused = argument or "BEGIN"
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    def check(self, connection: sqlite3.Connection) -> None:
        """
        See that a statement would belong to the block.

        Raises:
            UsageError: it would not.
        """
        if self.phase == "over":
            raise UsageError(_OVER)
        if self.process != os.getpid():
            raise UsageError(_FORKED)
        if self.phase == "in" and not connection.in_transaction:
            raise UsageError(_ENDED)


class GuardedCursor(sqlite3.Cursor):
    """A cursor that executes within the block only."""

    def __init__(self, connection: GuardedConnection) -> None:
        """Belong to the block of a connection."""
        super().__init__(connection)
        self._guard = connection.guard

    def execute(self, sql: str, parameters: Any = (), /) -> GuardedCursor:
        """Execute a statement that does not end the transaction."""
        self._guard.check(self.connection)
        try:
            super().execute(sql, parameters)
        except sqlite3.DatabaseError as error:
            _explain(self._guard, error)
            raise
        return self

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> GuardedCursor:
        """Execute a statement for each of several parameters."""
        self._guard.check(self.connection)
        try:
            super().executemany(sql, parameters)
        except sqlite3.DatabaseError as error:
            _explain(self._guard, error)
            raise
        return self

    def executescript(self, _script: str, /) -> NoReturn:
        """Refuse: it commits before it begins."""
        _refuse(self._guard, self.connection, "executescript()")


class GuardedConnection(LedgerConnection):
    """A connection for one block."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what ``sqlite3.connect`` gives."""
        super().__init__(*args, **kwargs)
        self.guard = Guard()
        super().set_authorizer(self.guard.allows)

    def cursor(self, factory: Any = GuardedCursor) -> Any:
        """Give a cursor, within the block."""
        self.guard.check(self)
        return super().cursor(factory)

    def execute(self, sql: str, parameters: Any = (), /) -> GuardedCursor:
        """Execute a statement on a new cursor: the base would take a plain one."""
        cursor: GuardedCursor = self.cursor()
        return cursor.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> GuardedCursor:
        """Execute a statement for each of several parameters, in the same way."""
        cursor: GuardedCursor = self.cursor()
        return cursor.executemany(sql, parameters)

    def commit(self) -> NoReturn:
        """Refuse."""
        _refuse(self.guard, self, "commit()")

    def rollback(self) -> NoReturn:
        """Refuse."""
        _refuse(self.guard, self, "rollback()")

    def executescript(self, _script: str, /) -> NoReturn:
        """Refuse: it commits before it begins."""
        _refuse(self.guard, self, "executescript()")

    def close(self) -> NoReturn:
        """Refuse."""
        _refuse(self.guard, self, "close()")

    def set_authorizer(self, authorizer_callback: Any) -> NoReturn:  # noqa: ARG002 - its name in the base
        """Refuse: the store has set its own."""
        _refuse(self.guard, self, "set_authorizer()")

    def __enter__(self) -> NoReturn:
        _refuse(self.guard, self, "'with connection:', which commits,")

    def begin(self) -> None:
        """Begin the transaction; the block follows."""
        sqlite3.Cursor(self).execute("BEGIN IMMEDIATE")
        self.guard.phase = "in"

    def conclude(self) -> None:
        """Commit, when the block has ended well and the completion is written."""
        self.guard.phase = "after"
        sqlite3.Cursor(self).execute("COMMIT")

    def retire(self, connections: Connections) -> None:
        """Roll back what is not committed, and close."""
        self.guard.phase = "over"
        if self.guard.process != os.getpid():
            return
        try:
            # A cursor that still has rows to give would keep a closed connection's lock.
            super().rollback()
        finally:
            connections.discard(self)


def _refuse(guard: Guard, connection: sqlite3.Connection, what: str) -> NoReturn:
    guard.check(connection)
    raise UsageError(_WHY.format(what))


def _explain(guard: Guard, error: sqlite3.DatabaseError) -> None:
    refused, guard.refused = guard.refused, ""
    if refused:
        raise UsageError(_WHY.format(refused)) from error
