"""What errors of SQLite mean for whoever has to mend them."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from stripe_events.errors import StoreError
from stripe_events.storage._sqlite._waiting import Locked, primary_code

if TYPE_CHECKING:
    from collections.abc import Generator

_LOCKED: Final = (
    "it is locked: another connection has been writing for too long. Keep transactions short,"
    " or raise busy_timeout"
)
_READ_BEFORE: Final = (
    "others have written since this transaction began by reading: begin it with BEGIN IMMEDIATE"
)
_CAUSES: Final = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: "this process may not write it, or its directory, where"
    " SQLite keeps two files beside it: grant both",
    sqlite3.SQLITE_IOERR: "the disk failed, or is full: look at it. Network filesystems"
    " are not supported",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore a backup",
    sqlite3.SQLITE_FULL: "the disk is full: make room",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: its directory must exist, and this process"
    " must be allowed to write there",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database: give the path of one, or of a file"
    " that does not exist yet",
}


@contextmanager
def explained(path: str) -> Generator[None, None, None]:
    """
    Turn every error of SQLite into a ``StoreError`` that names the file and the cure.

    Raises:
        StoreError: the original is its cause.
    """
    try:
        yield
    except Locked as error:
        raise StoreError(f"{path}: {_LOCKED} ({error})") from error
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {_explanation(error)} ({error})") from error
    except UnicodeEncodeError as error:
        raise StoreError(f"{path}: a text has no UTF-8 form ({error.reason})") from error


def _explanation(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY_SNAPSHOT:
        return _READ_BEFORE
    return _CAUSES.get(primary_code(error) or 0, "SQLite refused")
