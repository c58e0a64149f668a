"""
Where a sync store has its connections from.

A pool of its own is a shelf of idle connections and a limit, no more: it has no threads,
says at once why it cannot connect, and starts anew in the child of a fork. A connection
is taken for one operation, or for one transaction of a handler.
"""

from __future__ import annotations

import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

import psycopg
from psycopg.pq import TransactionStatus

from stripe_events._fork import start_anew_in_children
from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage._postgres._dsn import connector
from stripe_events.storage._postgres._errors import CLOSED, ERRORS, exhausted, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg_pool import ConnectionPool

Connection: TypeAlias = "psycopg.Connection[Any]"
Source: TypeAlias = "str | ConnectionPool[Any] | Callable[[], Connection]"

_KINDS = "a DSN, a psycopg_pool.ConnectionPool or a function that gives a new psycopg.Connection"


class Mode(NamedTuple):
    """What kind of transactions a connection begins, if any."""

    autocommit: bool
    level: psycopg.IsolationLevel | None


OURS: Final = Mode(autocommit=True, level=psycopg.IsolationLevel.READ_COMMITTED)


class Pool(Protocol):
    """What lends connections."""

    def take(self, *, fresh: bool) -> Connection:
        """Lend one; ``fresh``: those that lie idle are not to be trusted."""
        ...

    def give(self, connection: Connection) -> None:
        """Take it back; one that is closed is replaced."""
        ...

    def close(self) -> None:
        """Close what the store has opened."""
        ...


def pools(source: Source, size: int, timeout: float) -> tuple[Pool, Pool]:
    """
    Give the pool for the verbs, and one of a single connection for ``extend``.

    The second one connects by itself: leases are extended while all others are in use.
    """
    if isinstance(source, str):
        connect = connector(source)
        return OwnPool(connect, size, timeout), OwnPool(connect, 1, timeout)
    if callable(source):
        return OwnPool(source, size, timeout), OwnPool(source, 1, timeout)
    if not issubclass(getattr(source, "connection_class", object), psycopg.Connection):
        raise ConfigurationError(f"PostgresStore takes {_KINDS}, not {type(source).__name__}")
    return LentPool(source), OwnPool(partial(_like, source), 1, timeout)


def _like(pool: ConnectionPool[Any]) -> Connection:
    """Open a connection as the pool would."""
    conninfo = pool.conninfo() if callable(pool.conninfo) else pool.conninfo
    options = pool.kwargs() if callable(pool.kwargs) else pool.kwargs
    connection: Connection = pool.connection_class.connect(conninfo or "", **(options or {}))
    return connection


class OwnPool:
    """
    At most ``size`` connections, opened when they are needed.

    Whoever finds all in use waits for ``timeout`` seconds, then gets a StoreError.
    """

    def __init__(self, connect: Callable[[], Connection], size: int, timeout: float) -> None:
        """Connect to nothing yet."""
        self._connect = connect
        self._size = size
        self._timeout = timeout
        self._closed = False
        self._parents: list[deque[Connection]] = []
        self._idle: deque[Connection] = deque()
        self._free = threading.Semaphore(size)
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Keep what the parent of a fork has opened, so that nothing here closes it."""
        self._parents.append(self._idle)
        self._idle = deque()
        self._free = threading.Semaphore(self._size)

    def take(self, *, fresh: bool) -> Connection:
        """Lend the one that was used last, or a new one."""
        if self._closed:
            raise StoreError(CLOSED)
        if not self._free.acquire(timeout=self._timeout):
            raise StoreError(exhausted(self._size, self._timeout))
        try:
            if fresh:
                self._close_idle()
            return self._idle.pop() if self._idle else self._connected()
        except BaseException:
            self._free.release()
            raise

    def _connected(self) -> Connection:
        connection = self._connect()
        if not isinstance(connection, psycopg.Connection):  # pyright: ignore[reportUnnecessaryIsInstance] - users give what they like
            kind = type(connection).__name__
            raise ConfigurationError(f"PostgresStore takes {_KINDS}; this function gave a {kind}")
        _set(connection, OURS)
        return connection

    def give(self, connection: Connection) -> None:
        """Put it back on the shelf, unless it is closed or in the middle of something."""
        idle = connection.info.transaction_status == TransactionStatus.IDLE
        if idle and not self._closed:
            self._idle.append(connection)
        else:
            connection.close()
        self._free.release()

    def close(self) -> None:
        """Close those that are idle now, and those in use when they come back."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()


class LentPool:
    """A pool of the user's, who opens and closes it, and gets connections back as they were."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        """Ask nothing of it yet."""
        self._pool = pool
        self._before: dict[int, Mode] = {}

    def take(self, *, fresh: bool) -> Connection:
        """Lend one of its; let it look for broken ones before, if asked to."""
        if fresh:
            self._pool.check()
        connection: Connection = self._pool.getconn()
        self._before[id(connection)] = Mode(connection.autocommit, connection.isolation_level)
        _set(connection, OURS)
        return connection

    def give(self, connection: Connection) -> None:
        """Return it; one that is not idle is rolled back or discarded by the pool."""
        before = self._before.pop(id(connection))
        if connection.info.transaction_status == TransactionStatus.IDLE:
            _set(connection, before)
        self._pool.putconn(connection)

    def close(self) -> None:
        """Leave that to the user."""


def _set(connection: Connection, mode: Mode) -> None:
    """Neither is told to the server before a transaction begins."""
    if connection.autocommit != mode.autocommit:
        connection.autocommit = mode.autocommit
    if connection.isolation_level != mode.level:
        connection.isolation_level = mode.level


def taken(pool: Pool, *, fresh: bool) -> Connection:
    """Take a connection, in autocommit; where there is none, that is a StoreError."""
    try:
        return pool.take(fresh=fresh)
    except ERRORS as error:
        raise told(error) from error
