"""Where a sync store has its client from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from stripe_events._fork import start_anew_in_children
from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage._redis._errors import CLOSED

if TYPE_CHECKING:
    from collections.abc import Callable

Client: TypeAlias = "redis.Redis | RedisCluster"
Source: TypeAlias = "str | Client | Callable[[], Client]"

_KINDS = "a URL, a redis.Redis, a redis.cluster.RedisCluster or a function that gives one of these"


class Clients:
    """
    The client of a store: its own, by a URL or a function, or one of the user's.

    One of its own is made when it is first needed, and anew in the child of a fork.
    """

    def __init__(self, source: Source, max_connections: int, timeout: float) -> None:
        """Connect to nothing yet."""
        self._client: Client | None = None
        self._make: Callable[[], Client] | None = None
        self._parents: list[Client | None] = []
        self._closed = False
        if isinstance(source, str):
            self._make = _from_url(source, max_connections, timeout)
        elif isinstance(source, redis.Redis | RedisCluster):
            self._client = _checked(source)
        elif callable(source):
            self._make = source
        else:
            raise ConfigurationError(f"RedisStore takes {_KINDS}, not {type(source).__name__}")
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Keep what the parent of a fork has opened, so that nothing here closes it."""
        if self._make is not None:
            self._parents.append(self._client)
            self._client = None

    def get(self) -> Client:
        """Give the client; several threads may make one each at first, and one is kept."""
        if self._closed:
            raise StoreError(CLOSED)
        client = self._client
        if client is None:
            assert self._make is not None  # noqa: S101 - only then there is none
            client = self._client = _checked(self._make())
        return client

    def drop_idle(self) -> None:
        """Close the connections that nobody uses: they may be as broken as the last one."""
        if self._make is not None and isinstance(self._client, redis.Redis):
            self._client.connection_pool.disconnect(inuse_connections=False)

    def close(self) -> None:
        """Close what the store has opened."""
        self._closed = True
        if self._make is not None and self._client is not None:
            self._client.close()
            if isinstance(self._client, redis.Redis):
                self._client.connection_pool.disconnect()


def _from_url(url: str, size: int, timeout: float) -> Callable[[], Client]:
    def made() -> Client:
        return redis.Redis(connection_pool=kind.from_url(url, **options))

    kind: Any = redis.BlockingConnectionPool  # redis-py leaves its types out here
    options: dict[str, Any] = {
        "max_connections": size,
        "timeout": timeout,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),  # the store knows what may be done again
    }
    try:
        kind.from_url(url, **options)
    except ValueError as error:
        raise ConfigurationError(f"RedisStore takes {_KINDS}: {error}") from error
    return made


def _checked(client: Client) -> Client:
    if isinstance(client, RedisCluster):
        return client
    if not isinstance(client, redis.Redis):  # pyright: ignore[reportUnnecessaryIsInstance] - users give what they like
        kind = type(client).__name__
        raise ConfigurationError(f"RedisStore takes {_KINDS}; this function gave a {kind}")
    if is_patient(client.connection_pool):
        raise ConfigurationError(PATIENT)
    return client


PATIENT = (
    "this Redis client waits for ever for a server that does not answer, and so would "
    "deliveries: give it a socket_timeout (seconds)"
)


def is_patient(pool: Any) -> bool:
    """Tell whether connections of a pool, which is asked for none, wait without a limit."""
    return pool.connection_class(**pool.connection_kwargs).socket_timeout is None
