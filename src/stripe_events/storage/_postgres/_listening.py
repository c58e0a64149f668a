"""
How a watch listens: by LISTEN, on a connection of its own.

NOTIFY takes a lock that all transactions of the server's databases share, from before its
commit until after it, and so makes them wait for one another's disk. So a hint is a transaction
of its own, after that of the event, which waits neither for a disk nor long for the lock
(https://www.recall.ai/blog/postgres-listen-notify-does-not-scale).
"""

from __future__ import annotations

import asyncio
import selectors
from contextlib import closing
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import psycopg

from stripe_events.storage._postgres._async_pools import alike
from stripe_events.storage._postgres._dsn import connector
from stripe_events.storage._postgres._pools import like
from stripe_events.storage._postgres._scripts import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from stripe_events.storage._postgres._async_pools import AsyncConnection, AsyncSource
    from stripe_events.storage._postgres._pools import Connection, Source
    from stripe_events.storage._postgres._tables import Tables
    from stripe_events.storage._watching import Sign

_NOTIFY: Final = (
    b"SELECT set_config('synchronous_commit', 'off', true), "
    b"set_config('lock_timeout', '100ms', true), pg_notify(%s, '')"
)


def channel_of(tables: Tables, scope: str) -> str:
    """Name the channel of a scope; names have at most 63 bytes."""
    return f"stripe_events_{sha256(f'{tables.meta} {scope}'.encode()).hexdigest()[:24]}"


def notify(channel: str) -> Statement:
    """Give what wakes those who listen to a channel."""
    return Statement(_NOTIFY, (channel,))


class PostgresLine:
    """
    See ``Line``.

    Args:
        connect: opens a connection.
        channel: on which workers are woken.
    """

    def __init__(self, connect: Callable[[], Connection], channel: str) -> None:
        """Listen to it, and to one of its own."""
        self._connect = connect
        self._own = f"{channel}_{uuid4().hex[:16]}"
        self._connection = connect()
        self._is_asked = False
        try:
            self._connection.autocommit = True
            self._connection.execute(f"LISTEN {channel}".encode())
            self._connection.execute(f"LISTEN {self._own}".encode())
            self._selector = selectors.DefaultSelector()
            self._selector.register(self._connection.fileno(), selectors.EVENT_READ)
        except BaseException:
            self._connection.close()
            raise

    def test(self) -> None:
        """See ``Line.test``."""
        with closing(self._connect()) as other:
            other.autocommit = True
            query, parameters, _ = notify(self._own)
            other.execute(query, parameters)

    def look(self) -> None:
        """See ``Line.look``."""
        self._connection.pgconn.send_query(b"SELECT 1")
        self._is_asked = True

    def heard(self, seconds: float) -> Collection[Sign]:
        """See ``Line.heard``."""
        signs: set[Sign] = set()
        if self._selector.select(seconds):
            connection = self._connection.pgconn
            connection.consume_input()
            while self._is_asked and not connection.is_busy():
                self._is_asked = connection.get_result() is not None
                signs.add("answer")
            # After that: what stands behind an answer is read when the answer was taken.
            while (notified := connection.notifies()) is not None:
                signs.add("test" if notified.relname == self._own.encode() else "hint")
        return signs

    def close(self) -> None:
        """See ``Line.close``."""
        self._selector.close()
        self._connection.close()


def connecting(source: Source) -> Callable[[], Connection]:
    """Give what opens a connection to where a sync store's source leads."""
    if isinstance(source, str):
        return connector(source)
    return source if callable(source) else partial(like, source)


def async_connecting(source: AsyncSource) -> Callable[[], Connection]:
    """Give the same for an async store's source: a sync connection."""
    if isinstance(source, str):
        return connector(source)
    connect: Any = source if callable(source) else partial(alike, source)
    return lambda: Borrowed(asyncio.run(_awaited(connect)))


async def _awaited(connect: Callable[[], Any]) -> AsyncConnection:
    connection: AsyncConnection = await connect()
    return connection


class Borrowed(psycopg.Connection[Any]):
    """What an async connection has opened, in the hands of a thread without an event loop."""

    def __init__(self, connection: AsyncConnection) -> None:
        """Take it over; closing this one closes that one."""
        super().__init__(connection.pgconn)
        self._lender = connection  # which complains if it is let go of before it is closed
