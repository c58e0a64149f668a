"""
How a watch listens: on a plain connection, by SUBSCRIBE to a server.

In a cluster any server will do, for each passes on what another one publishes. An async
store listens by a sync connection too, in the thread of the watch.
"""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import redis
from redis import asyncio as aio
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry
from redis.sentinel import SentinelConnectionPool

from stripe_events.errors import ConfigurationError
from stripe_events.storage._redis._clients import GivenClient, connector
from stripe_events.storage._redis._commands import packed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from stripe_events.storage._redis._async_clients import AsyncSource
    from stripe_events.storage._redis._clients import Asked, Source
    from stripe_events.storage._redis._commands import Word
    from stripe_events.storage._watching import Sign

_TAKEN: Final = frozenset(
    {
        "host",
        "port",
        "path",
        "db",
        "username",
        "password",
        "credential_provider",
        "client_name",
        "socket_timeout",
        "socket_connect_timeout",
        "socket_keepalive",
        "socket_keepalive_options",
        "socket_type",
    }
)
"""What is taken over of the user's client, besides all that TLS needs."""


class RedisLine:
    """
    See ``Line``.

    Args:
        connect: makes a connection, which connects when it is first used.
        channel: on which workers are woken.
    """

    def __init__(self, connect: Callable[[], Any], channel: bytes) -> None:
        """Subscribe to it, and to one of its own."""
        self._connect = connect
        self._own = b"%b:%b" % (channel, uuid4().hex.encode())
        self._connection = connect()
        try:
            self._send("SUBSCRIBE", channel, self._own)
            for _ in range(2):
                self._read()
        except BaseException:
            self.close()
            raise

    def test(self) -> None:
        """See ``Line.test``."""
        other = self._connect()
        try:
            other.send_packed_command([packed(("PUBLISH", self._own, ""))], check_health=False)
            other.read_response(disable_decoding=True)
        finally:
            other.disconnect()

    def look(self) -> None:
        """See ``Line.look``."""
        self._send("PING")

    def heard(self, seconds: float) -> Collection[Sign]:
        """See ``Line.heard``."""
        if not self._connection.can_read(timeout=seconds):
            return ()
        kind, name, *_ = self._read()
        sign: Sign = "answer"
        if kind == b"message":
            sign = "test" if name == self._own else "hint"
        return (sign,)

    def close(self) -> None:
        """See ``Line.close``."""
        self._connection.disconnect()

    def _send(self, *words: Word) -> None:
        self._connection.send_packed_command([packed(words)], check_health=False)

    def _read(self) -> Any:
        return self._connection.read_response(disable_decoding=True)


def connecting(source: Source, timeout: float, asked: Asked) -> Callable[[], Any]:
    """Give what makes a connection to where a sync store's source leads."""
    if isinstance(source, str):
        return _by_url(source, timeout)
    assert isinstance(asked, GivenClient)  # noqa: S101 - whatever is no URL is or makes a client
    return lambda: _like(asked.client())


def async_connecting(source: AsyncSource, timeout: float) -> Callable[[], Any]:
    """Give the same for an async store's source: a sync connection."""
    if isinstance(source, str):
        return _by_url(source, timeout)
    if isinstance(source, aio.Redis):
        return partial(_like_async, source)
    return lambda: _like_async(source())


def _by_url(url: str, timeout: float) -> Callable[[], Any]:
    connect = connector(redis.ConnectionPool, url, timeout, Retry(NoBackoff(), 0))
    return partial(connect, protocol=2)  # else messages come by callbacks


def _like(client: Any) -> Any:
    """Make a connection as a client has them, to any of a cluster's servers."""
    if isinstance(client, RedisCluster):
        cluster: Any = client
        client = cluster.get_redis_connection(random.choice(cluster.get_nodes()))  # noqa: S311
    pool: Any = client.connection_pool
    settings = dict(pool.connection_kwargs)
    if issubclass(type(pool), SentinelConnectionPool):
        settings["host"], settings["port"] = pool.get_master_address()
    return _plain(pool.connection_class, settings)


def _like_async(client: aio.Redis | AsyncRedisCluster) -> Any:
    if not isinstance(client, AsyncRedisCluster):
        pool: Any = client.connection_pool
        return _plain(pool.connection_class, pool.connection_kwargs)
    nodes = asyncio.run(_nodes(client))
    node = random.choice(nodes)  # noqa: S311 - any will do
    settings = {**node.connection_kwargs, "host": node.host, "port": node.port}
    return _plain(node.connection_class, settings)


async def _nodes(client: AsyncRedisCluster) -> list[Any]:
    async with client:
        nodes: list[Any] = client.get_nodes()
        return nodes


def _plain(kind: type[Any], settings: Mapping[str, Any]) -> Any:
    """Make a connection of the usual kind, whatever the user's does besides."""
    taken = {
        name: value for name, value in settings.items() if name in _TAKEN or name.startswith("ssl_")
    }
    if not taken.keys() & {"host", "path"}:  # as of an async client of Sentinel's
        raise ConfigurationError(f"{kind.__name__} does not tell to which server it connects")
    cls: type[Any] = redis.Connection
    if "path" in taken:
        cls = redis.UnixDomainSocketConnection
    elif issubclass(kind, redis.SSLConnection | aio.SSLConnection):
        cls = redis.SSLConnection
    return cls(**taken, protocol=2, retry=Retry(NoBackoff(), 0))
