"""What makes several statements one step."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Generator

Block: TypeAlias = "Callable[[sqlite3.Cursor], AbstractContextManager[None]]"


class transaction:  # noqa: N801 - stands beside savepoint
    """Make what a block writes a transaction; it waits for no other one."""

    # Not by @contextmanager, which takes as long as a statement.
    __slots__ = ("_cursor",)

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        """Take the cursor of the block."""
        self._cursor = cursor

    def __enter__(self) -> None:
        self._cursor.execute("BEGIN IMMEDIATE")

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is None:
            self._cursor.execute("COMMIT")
        elif self._cursor.connection.in_transaction:
            self._cursor.execute("ROLLBACK")


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
