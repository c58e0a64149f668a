"""
Where a sync store has its connections from.

A pool of its own is a shelf of idle connections and a limit, no more: it has no threads,
says at once why it cannot connect, and starts anew in the child of a fork. A connection
is taken for one operation, or for one transaction of a handler.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
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
    return LentPool(source), OwnPool(partial(like, source), 1, timeout)


def like(pool: ConnectionPool[Any]) -> Connection:
    """Open a connection as the pool would."""
    conninfo = pool.conninfo() if callable(pool.conninfo) else pool.conninfo
    options = pool.kwargs() if callable(pool.kwargs) else pool.kwargs
    connection: Connection = pool.connection_class.connect(conninfo or "", **(options or {}))
    return connection


class OwnPool:
    """
    At most ``size`` connections, opened when they are needed; the last used is lent first.

    Whoever finds all in use waits for ``timeout`` seconds, then gets a StoreError.
    """

    def __init__(self, connect: Callable[[], Connection], size: int, timeout: float) -> None:
        """Connect to nothing yet."""
        self._connect = connect
        self._size = size
        self._timeout = timeout
        self._closed = False
        self._parents: list[deque[Connection | None]] = []
        self._begin()
        start_anew_in_children(self)

    def _begin(self) -> None:
        # Each is a connection that is idle, or None: leave to open one.
        self._places: deque[Connection | None] = deque([None] * self._size)
        self._returned = threading.Condition()
        self._waiting = 0

    def start_anew(self) -> None:
        """Keep what the parent of a fork has opened, so that nothing here closes it."""
        self._parents.append(self._places)
        self._begin()

    def take(self, *, fresh: bool) -> Connection:
        """Lend the one that was used last, or a new one."""
        if self._closed:
            raise StoreError(CLOSED)
        if fresh:
            self._close_idle()
        taken: list[Connection | None] = []
        if not self._took(taken):
            self._wait_for(taken)
        (connection,) = taken
        return self._connected() if connection is None else connection

    def _took(self, into: list[Connection | None]) -> bool:
        try:
            into.append(self._places.pop())
        except IndexError:
            return False
        return True

    def _wait_for(self, into: list[Connection | None]) -> None:
        with self._returned:
            self._waiting += 1
            try:
                if not self._returned.wait_for(partial(self._took, into), self._timeout):
                    raise StoreError(exhausted(self._size, self._timeout))
            finally:
                self._waiting -= 1

    def _connected(self) -> Connection:
        try:
            connection = _checked(self._connect())
            _set(connection, OURS)
        except BaseException:
            self._return(None)
            raise
        return connection

    def give(self, connection: Connection) -> None:
        """Take it back, unless it is closed or in the middle of something."""
        if connection.pgconn.transaction_status == TransactionStatus.IDLE and not self._closed:
            self._return(connection)
        else:
            connection.close()
            self._return(None)

    def _return(self, place: Connection | None) -> None:
        self._places.append(place)
        if self._waiting:
            with self._returned:
                self._returned.notify()

    def idle(self) -> list[Connection]:
        """Give those that are open and not in use."""
        return [connection for connection in self._places.copy() if connection is not None]

    def close(self) -> None:
        """Close those that are idle now, and those in use when they come back."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        for connection in self.idle():
            with suppress(ValueError):  # somebody has taken it
                self._places.remove(connection)
                connection.close()
                self._return(None)


def _checked(given: Connection) -> Connection:
    if not isinstance(given, psycopg.Connection):  # pyright: ignore[reportUnnecessaryIsInstance] - users give what they like
        kind = type(given).__name__
        raise ConfigurationError(f"PostgresStore takes {_KINDS}; this function gave a {kind}")
    return given


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
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
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
