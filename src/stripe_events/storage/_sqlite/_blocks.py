"""What makes several statements one step."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Generator

Block: TypeAlias = "Callable[[sqlite3.Cursor], AbstractContextManager[None]]"


@contextmanager
def transaction(cursor: sqlite3.Cursor) -> Generator[None, None, None]:
    """Make what the block writes a transaction; it waits for no other one."""
    cursor.execute("BEGIN IMMEDIATE")
    try:
        yield
        cursor.execute("COMMIT")
    except BaseException:
        if cursor.connection.in_transaction:
            cursor.execute("ROLLBACK")
        raise


@contextmanager
def savepoint(cursor: sqlite3.Cursor) -> Generator[None, None, None]:
    """Make what the block writes one step in a transaction that is open."""
    cursor.execute("SAVEPOINT stripe_events")
    try:
        yield
    except BaseException:
        # SQLite may have rolled back everything, as it does when the disk is full.
        if cursor.connection.in_transaction:
            cursor.execute("ROLLBACK TO stripe_events")
            cursor.execute("RELEASE stripe_events")
        raise
    cursor.execute("RELEASE stripe_events")
