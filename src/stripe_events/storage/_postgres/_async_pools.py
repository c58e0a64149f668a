"""
Where an async store has its connections from; see ``_pools``.

What a pool of its own has opened belongs to the event loop that asked for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import psycopg
from psycopg.pq import TransactionStatus

from stripe_events._fork import start_anew_in_children
from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage._postgres._dsn import async_connector
from stripe_events.storage._postgres._errors import CLOSED, ERRORS, exhausted, told
from stripe_events.storage._postgres._pools import OURS, Mode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from psycopg_pool import AsyncConnectionPool

AsyncConnection: TypeAlias = "psycopg.AsyncConnection[Any]"
AsyncSource: TypeAlias = "str | AsyncConnectionPool[Any] | Callable[[], Awaitable[AsyncConnection]]"

_KINDS = (
    "a DSN, a psycopg_pool.AsyncConnectionPool or a function that gives a new "
    "psycopg.AsyncConnection, awaited"
)


class AsyncPool(Protocol):
    """What lends connections; see ``Pool``."""

    async def take(self, *, fresh: bool) -> AsyncConnection:
        """Lend one; ``fresh``: those that lie idle are not to be trusted."""
        ...

    async def give(self, connection: AsyncConnection) -> None:
        """Take it back; one that is closed is replaced."""
        ...

    async def close(self) -> None:
        """Close what the store has opened."""
        ...


def async_pools(source: AsyncSource, size: int, timeout: float) -> tuple[AsyncPool, AsyncPool]:
    """Give the pool for the verbs, and one of a single connection for ``extend``."""
    if isinstance(source, str):
        connect = async_connector(source)
        return OwnAsyncPool(connect, size, timeout), OwnAsyncPool(connect, 1, timeout)
    if callable(source):
        return OwnAsyncPool(source, size, timeout), OwnAsyncPool(source, 1, timeout)
    if not issubclass(getattr(source, "connection_class", object), psycopg.AsyncConnection):
        raise ConfigurationError(f"AsyncPostgresStore takes {_KINDS}, not {type(source).__name__}")
    return LentAsyncPool(source), OwnAsyncPool(partial(alike, source), 1, timeout)


async def alike(pool: AsyncConnectionPool[Any]) -> AsyncConnection:
    """Open a connection as the pool would."""
    conninfo = await _asked(pool.conninfo)
    options = await _asked(pool.kwargs)
    connection: AsyncConnection = await pool.connection_class.connect(
        conninfo or "", **(options or {})
    )
    return connection


async def _asked(value: Any) -> Any:
    given = value() if callable(value) else value
    return await given if isawaitable(given) else given


class _Shelf(NamedTuple):
    """What was opened in an event loop."""

    loop: asyncio.AbstractEventLoop
    idle: deque[AsyncConnection]
    free: asyncio.Semaphore


class OwnAsyncPool:
    """At most ``size`` connections in each event loop; see ``OwnPool``."""

    def __init__(
        self, connect: Callable[[], Awaitable[AsyncConnection]], size: int, timeout: float
    ) -> None:
        """Connect to nothing yet."""
        self._connect = connect
        self._size = size
        self._timeout = timeout
        self._closed = False
        self._parents: list[list[_Shelf]] = []
        self._shelves: list[_Shelf] = []
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Keep what the parent of a fork has opened, so that nothing here closes it."""
        self._parents.append(self._shelves)
        self._shelves = []

    async def take(self, *, fresh: bool) -> AsyncConnection:
        """Lend the one that was used last, or a new one."""
        if self._closed:
            raise StoreError(CLOSED)
        shelf = await self._shelf()
        if shelf.free.locked():
            await self._wait_for(shelf)
        else:
            await shelf.free.acquire()
        try:
            if fresh:
                await _close_idle(shelf)
            return shelf.idle.pop() if shelf.idle else await self._connected()
        except BaseException:
            shelf.free.release()
            raise

    async def _wait_for(self, shelf: _Shelf) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await shelf.free.acquire()
        except TimeoutError as error:
            raise StoreError(exhausted(self._size, self._timeout)) from error

    async def _connected(self) -> AsyncConnection:
        connection = await self._connect()
        if not isinstance(connection, psycopg.AsyncConnection):  # pyright: ignore[reportUnnecessaryIsInstance] - users give what they like
            kind = type(connection).__name__
            raise ConfigurationError(
                f"AsyncPostgresStore takes {_KINDS}; this function gave a {kind}"
            )
        await _set(connection, OURS)
        return connection

    async def give(self, connection: AsyncConnection) -> None:
        """Put it back on the shelf, unless it is closed or in the middle of something."""
        shelf = await self._shelf()
        idle = connection.pgconn.transaction_status == TransactionStatus.IDLE
        if idle and not self._closed:
            shelf.idle.append(connection)
        else:
            await connection.close()
        shelf.free.release()

    async def close(self) -> None:
        """Close those that are idle now, and those in use when they come back."""
        self._closed = True
        for shelf in self._shelves:
            await _close_idle(shelf)

    async def _shelf(self) -> _Shelf:
        """Give the one of this event loop; clear those of loops that have ended."""
        loop = asyncio.get_running_loop()
        for shelf in self._shelves:
            if shelf.loop is loop:
                return shelf
        for ended in [shelf for shelf in self._shelves if shelf.loop.is_closed()]:
            await _close_idle(ended)
            self._shelves.remove(ended)
        shelf = _Shelf(loop, deque(), asyncio.Semaphore(self._size))
        self._shelves.append(shelf)
        return shelf


async def _close_idle(shelf: _Shelf) -> None:
    while shelf.idle:
        await shelf.idle.pop().close()


class LentAsyncPool:
    """A pool of the user's, who opens and closes it, and gets connections back as they were."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        """Ask nothing of it yet."""
        self._pool = pool
        self._before: dict[int, Mode] = {}

    async def take(self, *, fresh: bool) -> AsyncConnection:
        """Lend one of its; let it look for broken ones before, if asked to."""
        if fresh:
            await self._pool.check()
        connection: AsyncConnection = await self._pool.getconn()
        self._before[id(connection)] = Mode(connection.autocommit, connection.isolation_level)
        await _set(connection, OURS)
        return connection

    async def give(self, connection: AsyncConnection) -> None:
        """Return it; one that is not idle is rolled back or discarded by the pool."""
        before = self._before.pop(id(connection))
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            await _set(connection, before)
        await self._pool.putconn(connection)

    async def close(self) -> None:
        """Leave that to the user."""


async def _set(connection: AsyncConnection, mode: Mode) -> None:
    """Neither is told to the server before a transaction begins."""
    if connection.autocommit != mode.autocommit:
        await connection.set_autocommit(mode.autocommit)
    if connection.isolation_level != mode.level:
        await connection.set_isolation_level(mode.level)


async def ataken(pool: AsyncPool, *, fresh: bool) -> AsyncConnection:
    """Take a connection; see ``taken``."""
    try:
        return await pool.take(fresh=fresh)
    except ERRORS as error:
        raise told(error) from error
