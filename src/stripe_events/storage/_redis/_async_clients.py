"""Where an async store has its clients from: each event loop has one of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

from redis import asyncio as aio
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from stripe_events._fork import start_anew_in_children
from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage._redis._clients import PATIENT, is_patient
from stripe_events.storage._redis._errors import CLOSED

if TYPE_CHECKING:
    from collections.abc import Callable

AsyncClient: TypeAlias = "aio.Redis | RedisCluster"
AsyncSource: TypeAlias = "str | aio.Redis | Callable[[], AsyncClient]"

_KINDS = "a URL, a redis.asyncio.Redis or a function that gives a new one, or a cluster's"


class AsyncClients:
    """
    The clients of a store, which it makes, in each event loop one.

    A client of the user's serves the loop that first uses it; others get one like it.
    """

    def __init__(self, source: AsyncSource, max_connections: int, timeout: float) -> None:
        """Connect to nothing yet."""
        self._lent: aio.Redis | None = None
        self._clients: dict[asyncio.AbstractEventLoop, AsyncClient] = {}
        self._parents: list[dict[asyncio.AbstractEventLoop, AsyncClient]] = []
        self._closed = False
        self._make: Callable[[], AsyncClient]
        if isinstance(source, str):
            self._make = _from_url(source, max_connections, timeout)
        elif isinstance(source, aio.Redis):
            self._lent = source
            self._make = _like(_checked(source))
        elif callable(source):
            self._make = source
        else:
            raise ConfigurationError(f"AsyncRedisStore takes {_KINDS}, not {type(source).__name__}")
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Keep what the parent of a fork has opened, so that nothing here closes it."""
        self._parents.append(self._clients)
        self._clients = {}

    async def get(self) -> AsyncClient:
        """Give the client of this event loop; clear those of loops that have ended."""
        if self._closed:
            raise StoreError(CLOSED)
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            for ended in [one for one in self._clients if one.is_closed()]:
                del self._clients[ended]
            client = self._clients[loop] = self._new()
        return client

    def _new(self) -> AsyncClient:
        if self._lent is not None and self._lent not in self._clients.values():
            return self._lent
        client: AsyncClient = _checked(self._make())
        return client

    async def drop_idle(self, client: AsyncClient) -> None:
        """Close the connections that nobody uses: they may be as broken as the last one."""
        if client is not self._lent and isinstance(client, aio.Redis):
            await client.connection_pool.disconnect(inuse_connections=False)

    async def close(self) -> None:
        """Close what the store has opened in this event loop; connections of others just end."""
        self._closed = True
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None and client is not self._lent:
            await client.aclose()
            if isinstance(client, aio.Redis):
                await client.connection_pool.disconnect()


def _from_url(url: str, size: int, timeout: float) -> Callable[[], AsyncClient]:
    def made() -> AsyncClient:
        retry = Retry(NoBackoff(), 0)  # the store knows what may be done again
        return aio.Redis(connection_pool=kind.from_url(url, retry=retry, **options))

    kind: Any = aio.BlockingConnectionPool  # redis-py leaves its types out here
    options: dict[str, Any] = {
        "max_connections": size,
        "timeout": timeout,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
    }
    try:
        kind.from_url(url, **options)
    except ValueError as error:
        raise ConfigurationError(f"AsyncRedisStore takes {_KINDS}: {error}") from error
    return made


def _like(client: aio.Redis) -> Callable[[], AsyncClient]:
    """Give what makes clients that connect as this one does."""

    def made() -> AsyncClient:
        pool = client.connection_pool
        kwargs = pool.connection_kwargs
        like = aio.BlockingConnectionPool(connection_class=pool.connection_class, **kwargs)
        return aio.Redis(connection_pool=like)

    return made


def _checked(client: Any) -> Any:
    if isinstance(client, RedisCluster):
        return client
    if not isinstance(client, aio.Redis):
        kind = type(client).__name__
        raise ConfigurationError(f"AsyncRedisStore takes {_KINDS}; this function gave a {kind}")
    if is_patient(client.connection_pool):
        raise ConfigurationError(PATIENT)
    return client
