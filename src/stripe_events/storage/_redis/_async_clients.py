"""How an async store talks to a server: in each event loop by connections of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

import redis
from redis import asyncio as aio
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from stripe_events._fork import start_anew_in_children
from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage._redis._clients import PATIENT, connector, is_patient
from stripe_events.storage._redis._commands import packed
from stripe_events.storage._redis._errors import BROKEN, CLOSED, exhausted, is_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from stripe_events.storage._redis._commands import Word

AsyncClient: TypeAlias = "aio.Redis | RedisCluster"
AsyncSource: TypeAlias = "str | aio.Redis | Callable[[], AsyncClient]"

KINDS: Final = "a URL, a redis.asyncio.Redis, or a function that makes one or a cluster's"


class AsyncAsked(Protocol):
    """What commands are sent to; see ``Asked``."""

    async def ask(self, words: tuple[Word, ...]) -> Any:
        """Give the reply as it came; once more on a new connection if the first broke."""
        ...

    async def ask_all(self, words: tuple[Word, ...]) -> list[Any]:
        """Ask each server that is written to; None stands for a refusal."""
        ...

    async def close(self) -> None:
        """Close what the store has opened."""
        ...


def async_asked(source: AsyncSource, size: int, timeout: float) -> AsyncAsked:
    """Give what a source leads to; connect to nothing yet."""
    if isinstance(source, str):
        connect = connector(aio.ConnectionPool, source, timeout, Retry(NoBackoff(), 0))
        return OwnAsyncConnections(connect, size, timeout)
    if isinstance(source, aio.Redis):
        return GivenAsyncClients(_checked(source), lambda: _like(source))
    if callable(source):
        return GivenAsyncClients(None, source)
    raise ConfigurationError(f"AsyncRedisStore takes {KINDS}, not {type(source).__name__}")


class _Shelf(NamedTuple):
    """What was opened in an event loop."""

    idle: deque[Any]
    free: asyncio.Semaphore


class OwnAsyncConnections:
    """At most ``size`` connections in each event loop; see ``OwnConnections``."""

    def __init__(self, connect: Callable[[], Any], size: int, timeout: float) -> None:
        """Connect to nothing yet."""
        self._connect = connect
        self._size = size
        self._timeout = timeout
        self._closed = False
        self._parents: list[dict[asyncio.AbstractEventLoop, _Shelf]] = []
        self._shelves: dict[asyncio.AbstractEventLoop, _Shelf] = {}
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Keep what the parent of a fork has opened, so that nothing here closes it."""
        self._parents.append(self._shelves)
        self._shelves = {}

    async def ask(self, words: tuple[Word, ...]) -> Any:
        """See ``Asked.ask``."""
        if self._closed:
            raise StoreError(CLOSED)
        shelf = self._shelf()
        if shelf.free.locked():
            await self._wait_for(shelf)
        else:
            await shelf.free.acquire()
        try:
            return await self._ask(shelf.idle, words)
        finally:
            shelf.free.release()

    async def _wait_for(self, shelf: _Shelf) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await shelf.free.acquire()
        except TimeoutError as error:
            raise StoreError(exhausted(self._size, self._timeout)) from error

    async def _ask(self, idle: deque[Any], words: tuple[Word, ...]) -> Any:
        try:
            return await _told(idle.pop() if idle else self._connect(), idle, words)
        except BROKEN:
            await _drop(idle)  # they may be as broken as that one
            return await _told(self._connect(), idle, words)

    async def ask_all(self, words: tuple[Word, ...]) -> list[Any]:
        """See ``Asked.ask_all``."""
        try:
            return [await self.ask(words)]
        except redis.ResponseError:
            return [None]

    async def close(self) -> None:
        """Close those that are idle; those in use are closed when nobody has them any more."""
        self._closed = True
        while self._shelves:
            loop, shelf = self._shelves.popitem()
            await _in(loop, partial(_drop, shelf.idle))

    def _shelf(self) -> _Shelf:
        """Give the one of this event loop; let go of those of loops that have ended."""
        loop = asyncio.get_running_loop()
        shelf = self._shelves.get(loop)
        if shelf is None:
            self._shelves = {
                one: kept for one, kept in self._shelves.items() if not one.is_closed()
            }
            shelf = self._shelves[loop] = _Shelf(deque(), asyncio.Semaphore(self._size))
        return shelf


async def _told(connection: Any, idle: deque[Any], words: tuple[Word, ...]) -> Any:
    try:
        await connection.send_packed_command([packed(words)])
        reply = await connection.read_response(disable_decoding=True)
    except BaseException as error:
        if is_answer(error):
            idle.append(connection)
        else:
            await connection.disconnect(nowait=True)
        raise
    idle.append(connection)
    return reply


async def _drop(idle: deque[Any]) -> None:
    with suppress(IndexError):
        while True:
            await idle.pop().disconnect()


class GivenAsyncClients:
    """
    A client of the user's for the loop that first uses it, and others like it elsewhere.

    Or those that a function makes, one in each event loop. What is made is closed.
    """

    def __init__(self, lent: AsyncClient | None, make: Callable[[], AsyncClient]) -> None:
        """Make nothing yet."""
        self._lent = lent
        self._make = make
        self._clients: dict[asyncio.AbstractEventLoop, Any] = {}
        self._parents: list[dict[asyncio.AbstractEventLoop, Any]] = []
        self._closed = False
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Keep what the parent of a fork has opened, so that nothing here closes it."""
        self._parents.append(self._clients)
        self._clients = {}

    async def ask(self, words: tuple[Word, ...]) -> Any:
        """See ``Asked.ask``; how often it tries is the client's."""
        return await self._client().execute_command(*words, NEVER_DECODE=True)

    async def ask_all(self, words: tuple[Word, ...]) -> list[Any]:
        """See ``Asked.ask_all``."""
        client = self._client()
        targets: list[dict[str, Any]] = [{}]
        if isinstance(client, RedisCluster):
            await client.initialize()
            targets = [{"target_nodes": node} for node in client.get_primaries()]
        return [await _allowed(client, words, target) for target in targets]

    def _client(self) -> Any:
        if self._closed:
            raise StoreError(CLOSED)
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            in_use = self._lent is None or self._lent in self._clients.values()
            client = self._clients[loop] = _checked(self._make()) if in_use else self._lent
        return client

    async def close(self) -> None:
        """Close what was made."""
        self._closed = True
        while self._clients:
            loop, client = self._clients.popitem()
            if client is not self._lent:
                await _in(loop, client.aclose)


async def _in(
    loop: asyncio.AbstractEventLoop, close: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Close something in the event loop that it belongs to, unless that has ended already."""
    if loop is asyncio.get_running_loop():
        await close()
    elif loop.is_running():
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(close(), loop))


async def _allowed(client: Any, words: tuple[Word, ...], target: dict[str, Any]) -> Any:
    try:
        return await client.execute_command(*words, **target)
    except redis.ResponseError:
        return None


def _like(client: aio.Redis) -> AsyncClient:
    """Make a client that connects as this one does."""
    pool = client.connection_pool
    kwargs = pool.connection_kwargs
    like = aio.ConnectionPool(connection_class=pool.connection_class, **kwargs)
    return aio.Redis.from_pool(like)


def _checked(client: Any) -> Any:
    if isinstance(client, RedisCluster):
        return client
    if not isinstance(client, aio.Redis):
        raise ConfigurationError(f"AsyncRedisStore takes {KINDS}; this one gave {client!r}")
    if is_patient(client.connection_pool):
        raise ConfigurationError(PATIENT)
    return client
