"""
Connections of this process to the ledger's file.

Each verb takes one for itself and returns it: threads share none, and no thread is
bound to one. Around a fork there are none; see ``_forking``.
"""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from stripe_events._fork import start_anew_in_children
from stripe_events.errors import StoreError
from stripe_events.storage._sqlite._forking import Usage
from stripe_events.storage._sqlite._schema import STEPS, prepare
from stripe_events.storage._sqlite._waiting import patiently

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

_MOST_IDLE: Final = 8


class LedgerConnection(sqlite3.Connection):
    """
    A connection that knows where it belongs.

    ``generation`` of connections, as they are closed together; ``ledger``: the random id
    of the ledger; ``file``: which one it has open.
    """

    generation: int
    ledger: str
    file: tuple[int, int] | None


ConnectionT = TypeVar("ConnectionT", bound=LedgerConnection)


class Connections:
    """
    Idle connections, the last used on top, and the making of new ones.

    Args:
        path: of the file, absolute.
        synchronous: ``FULL`` or ``NORMAL``.
        busy_timeout: for how many seconds the making of a connection waits for others.
    """

    def __init__(self, path: str, synchronous: str, busy_timeout: float) -> None:
        """Open nothing yet."""
        self._path = path
        self._synchronous = synchronous
        self._busy_timeout = busy_timeout
        self._generation = 0
        self._idle: list[LedgerConnection] = []
        self._all: set[LedgerConnection] = set()
        self._usage = Usage(self.close)
        weakref.finalize(self, _close_all, self._idle, self._all)
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Have no connections, and keep those of the parent as they are."""
        self._usage.start_anew(inherited=bool(self._all))
        self._generation += 1
        _never_close(self._all)
        self._all.clear()
        self._idle.clear()

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it is returned."""
        self._generation += 1
        _close_all(self._idle, self._all)

    @contextmanager
    def one(self) -> Generator[LedgerConnection, None, None]:
        """Lend a connection; one whose block raises is not lent again."""
        connection = self.take()
        try:
            yield connection
        except BaseException:
            self.discard(connection)
            raise
        self.give_back(connection)

    def take(self) -> LedgerConnection:
        """Give a connection that is the caller's, until it gives it back or discards it."""
        self._usage.begin()
        try:
            return self._pop() or self._open(LedgerConnection)
        except BaseException:
            self._usage.end()
            raise

    def open(self, kind: type[ConnectionT]) -> ConnectionT:
        """Make a connection of this class; the caller discards it."""
        self._usage.begin()
        try:
            return self._open(kind)
        except BaseException:
            self._usage.end()
            raise

    def give_back(self, connection: LedgerConnection) -> None:
        """Take a connection back that did not fail."""
        if connection.generation != self._generation or len(self._idle) >= _MOST_IDLE:
            self.discard(connection)
            return
        self._idle.append(connection)
        self._usage.end()

    def discard(self, connection: LedgerConnection) -> None:
        """Close a connection that was taken or opened."""
        _close(connection, self._all)
        self._usage.end()

    def _pop(self) -> LedgerConnection | None:
        file = _identity(self._path)
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if connection.file == file:
                return connection
            # Another file has taken its place: what is written here would be lost.
            _close(connection, self._all)
        return None

    def _open(self, kind: type[ConnectionT]) -> ConnectionT:
        if self._usage.inherited:
            raise StoreError(
                f"{self._path}: this process was forked while its parent was using the file, so"
                " SQLite's locks do not hold here: fork earlier, or close the store before"
            )
        connection = sqlite3.connect(
            self._path, timeout=0, isolation_level=None, check_same_thread=False, factory=kind
        )
        try:
            deadline = time.monotonic() + self._busy_timeout
            patiently(partial(self._set_up, connection, self._generation), deadline)
        except BaseException:
            sqlite3.Connection.close(connection)
            raise
        self._all.add(connection)
        return connection

    def _set_up(self, connection: LedgerConnection, generation: int) -> None:
        ((mode,),) = connection.execute("PRAGMA journal_mode = WAL").fetchall()
        if mode != "wal":
            raise StoreError(f"{self._path}: SQLite cannot keep a write-ahead log there ({mode})")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        # On macOS nothing else reaches the disk itself.
        connection.execute("PRAGMA fullfsync = ON")
        # What is erased is to be gone from the file as well.
        connection.execute("PRAGMA secure_delete = ON")
        found = prepare(connection)
        if found.version > len(STEPS):
            raise StoreError(
                f"{self._path}: its ledger is of version {found.version}, this stripe-events"
                f" knows versions up to {len(STEPS)}: update stripe-events"
            )
        connection.generation = generation
        connection.ledger = found.ledger
        connection.file = _identity(self._path)


def _identity(path: str) -> tuple[int, int] | None:
    """Tell a file from one that takes its place; None if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path would cost more than the call
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _close_all(idle: list[LedgerConnection], everyone: set[LedgerConnection]) -> None:
    while idle:
        try:
            connection = idle.pop()
        except IndexError:  # another thread was faster
            return
        _close(connection, everyone)


def _close(connection: LedgerConnection, everyone: set[LedgerConnection]) -> None:
    everyone.discard(connection)
    sqlite3.Connection.close(connection)


def _never_close(connections: Iterable[LedgerConnection]) -> None:
    """
    Keep connections from being closed in this process, even when it ends.

    A reference that nobody ever gives back is the only way: all others are cleared at exit.
    """
    for connection in connections:
        from ctypes import py_object, pythonapi

        pythonapi.Py_IncRef(py_object(connection))
