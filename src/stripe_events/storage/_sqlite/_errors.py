"""What errors of SQLite mean for whoever has to mend them."""

from __future__ import annotations

import sqlite3
from typing import Final

from stripe_events.errors import StoreError
from stripe_events.storage._sqlite._waiting import Locked, primary_code

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


class Explaining:
    """
    Turn every error of SQLite in a block into a ``StoreError``; may be entered any number of times.

    The error names the file and the cure, and has the original as its cause.
    """

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        """Take the path of the file."""
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is None:
            return
        if isinstance(error, Locked):
            raise StoreError(f"{self._path}: {_LOCKED} ({error})") from error
        if isinstance(error, sqlite3.Error):
            raise StoreError(f"{self._path}: {_explanation(error)} ({error})") from error
        if isinstance(error, UnicodeEncodeError):
            raise StoreError(f"{self._path}: a text has no UTF-8 form ({error.reason})") from error


def _explanation(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY_SNAPSHOT:
        return _READ_BEFORE
    return _CAUSES.get(primary_code(error) or 0, "SQLite refused")
