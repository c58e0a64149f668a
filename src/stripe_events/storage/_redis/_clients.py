"""
How a sync store talks to a server.

By a URL it has connections of its own: a shelf and a limit, no more, for a client of
redis-py spends more time on a command than the server does.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from stripe_events._fork import Lock, start_anew_in_children
from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage._redis._commands import packed
from stripe_events.storage._redis._errors import BROKEN, CLOSED, exhausted, is_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage._redis._commands import Word

Client: TypeAlias = "redis.Redis | RedisCluster"
Source: TypeAlias = "str | Client | Callable[[], Client]"

KINDS: Final = "a URL, a redis.Redis, a redis.cluster.RedisCluster or a function that makes one"

PATIENT: Final = (
    "this Redis client waits for ever for a server that does not answer, and so would "
    "deliveries: give it a socket_timeout (seconds)"
)


class Asked(Protocol):
    """What commands are sent to."""

    def ask(self, words: tuple[Word, ...]) -> Any:
        """Give the reply as it came; once more on a new connection if the first broke."""
        ...

    def ask_all(self, words: tuple[Word, ...]) -> list[Any]:
        """Ask each server that is written to; None stands for a refusal."""
        ...

    def close(self) -> None:
        """Close what the store has opened."""
        ...


def asked(source: Source, size: int, timeout: float) -> Asked:
    """Give what a source leads to; connect to nothing yet."""
    if isinstance(source, str):
        connect = connector(redis.ConnectionPool, source, timeout, Retry(NoBackoff(), 0))
        return OwnConnections(connect, size, timeout)
    if isinstance(source, redis.Redis | RedisCluster):
        return GivenClient(_checked(source))
    if callable(source):
        return GivenClient(None, source)
    raise ConfigurationError(f"RedisStore takes {KINDS}, not {type(source).__name__}")


def connector(kind: Any, url: str, timeout: float, retry: Any) -> Callable[..., Any]:
    """Give what makes connections, which connect when first used; it takes other settings too."""
    limits = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    try:
        pool = kind.from_url(url, retry=retry, **limits)
    except ValueError as error:
        raise ConfigurationError(
            f"{url.partition(':')[0]!r} is no URL of Redis: {error}"
        ) from error

    def connect(**others: Any) -> Any:
        return pool.connection_class(**{**pool.connection_kwargs, **others})

    return connect


class OwnConnections:
    """
    At most ``size`` connections, opened when they are needed; the last used is taken first.

    Whoever finds all in use waits for ``timeout`` seconds, then gets a StoreError.
    """

    def __init__(self, connect: Callable[[], Any], size: int, timeout: float) -> None:
        """Connect to nothing yet."""
        self._connect = connect
        self._size = size
        self._timeout = timeout
        self._closed = False
        self._parents: list[deque[Any]] = []
        self._begin()
        start_anew_in_children(self)

    def _begin(self) -> None:
        self._idle: deque[Any] = deque()
        self._free = threading.Semaphore(self._size)

    def start_anew(self) -> None:
        """Keep what the parent of a fork has opened, so that nothing here closes it."""
        self._parents.append(self._idle)
        self._begin()

    def ask(self, words: tuple[Word, ...]) -> Any:
        """See ``Asked.ask``."""
        if self._closed:
            raise StoreError(CLOSED)
        if not self._free.acquire(timeout=self._timeout):
            raise StoreError(exhausted(self._size, self._timeout))
        try:
            return self._ask(words)
        finally:
            self._free.release()

    def _ask(self, words: tuple[Word, ...]) -> Any:
        try:
            return self._told(self._taken(), words)
        except BROKEN:
            self._drop_idle()  # they may be as broken as that one
            return self._told(self._connect(), words)

    def _taken(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def _told(self, connection: Any, words: tuple[Word, ...]) -> Any:
        try:
            connection.send_packed_command([packed(words)])
            reply = connection.read_response(disable_decoding=True)
        except BaseException as error:
            if is_answer(error):
                self._idle.append(connection)
            else:
                connection.disconnect()
            raise
        self._idle.append(connection)
        return reply

    def ask_all(self, words: tuple[Word, ...]) -> list[Any]:
        """See ``Asked.ask_all``."""
        try:
            return [self.ask(words)]
        except redis.ResponseError:
            return [None]

    def close(self) -> None:
        """Close those that are idle; those in use are closed when nobody has them any more."""
        self._closed = True
        self._drop_idle()

    def _drop_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().disconnect()


class GivenClient:
    """
    A client of the user's, or one that a function makes when it is first needed.

    The latter is made again in the child of a fork, and closed; of the former, redis-py
    and the user take care.
    """

    def __init__(self, client: Client | None, make: Callable[[], Client] | None = None) -> None:
        """Make nothing yet."""
        self._client = client
        self._make = make
        self._making = Lock()
        self._parents: list[Client | None] = []
        self._closed = False
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Keep what the parent of a fork has opened, so that nothing here closes it."""
        if self._make is not None:
            self._parents.append(self._client)
            self._client = None

    def ask(self, words: tuple[Word, ...]) -> Any:
        """See ``Asked.ask``; how often it tries is the client's."""
        return self.client().execute_command(*words, NEVER_DECODE=True)

    def ask_all(self, words: tuple[Word, ...]) -> list[Any]:
        """See ``Asked.ask_all``."""
        client = self.client()
        targets: list[dict[str, Any]] = [{}]
        if isinstance(client, RedisCluster):
            targets = [{"target_nodes": node} for node in _primaries(client)]
        return [_allowed(client, words, target) for target in targets]

    def client(self) -> Any:
        """Give it, made if it is not yet there."""
        if self._closed:
            raise StoreError(CLOSED)
        if self._client is None and self._make is not None:
            self._make_once(self._make)
        return self._client

    def _make_once(self, make: Callable[[], Client]) -> None:
        with self._making:
            if self._client is None:
                self._client = _checked(make())

    def close(self) -> None:
        """Close what a function has made."""
        self._closed = True
        if self._make is not None and self._client is not None:
            self._client.close()


def _primaries(cluster: Any) -> list[Any]:
    primaries: list[Any] = cluster.get_primaries()
    return primaries


def _allowed(client: Any, words: tuple[Word, ...], target: dict[str, Any]) -> Any:
    try:
        return client.execute_command(*words, **target)
    except redis.ResponseError:
        return None


def _checked(client: Any) -> Client:
    if isinstance(client, RedisCluster):
        return client
    if not isinstance(client, redis.Redis):
        raise ConfigurationError(f"RedisStore takes {KINDS}; this one gave {client!r}")
    if is_patient(client.connection_pool):
        raise ConfigurationError(PATIENT)
    return client


def is_patient(pool: Any) -> bool:
    """Tell whether connections of a pool, which is asked for none, wait without a limit."""
    return pool.connection_class(**pool.connection_kwargs).socket_timeout is None
