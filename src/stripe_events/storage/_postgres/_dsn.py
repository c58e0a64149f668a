"""How the store connects by itself, where it is given a DSN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from stripe_events.errors import ConfigurationError
from stripe_events.storage._postgres._limits import AsyncLimitedConnection, LimitedConnection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# Seconds, but for tcp_user_timeout, which takes milliseconds: what a server that is cut off
# may cost before it counts as gone.
_DEFAULTS: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "fallback_application_name": "stripe-events",
}

_PREPARE_AFTER: Final = 3
_PID: Final = b"SELECT pg_backend_pid()"


def bounded(dsn: str) -> str:
    """Add a limit to what the DSN leaves unlimited; a ConfigurationError if it is none."""
    try:
        given = conninfo_to_dict(dsn)
        missing = {name: value for name, value in _DEFAULTS.items() if name not in given}
        return make_conninfo(dsn, **missing)
    except psycopg.ProgrammingError:  # whose text quotes what may be a password
        raise ConfigurationError(
            "this is no DSN of PostgreSQL, as postgresql://user@host/database"
        ) from None


def connector(dsn: str) -> Callable[[], psycopg.Connection[Any]]:
    """
    Give what opens a connection.

    Statements are prepared only where the server itself answers. A pooler such as
    PgBouncer gives the session to others between transactions; it is known by the process
    id that it announces, which is not the server's.
    """
    conninfo = bounded(dsn)

    def connect() -> psycopg.Connection[Any]:
        connection = LimitedConnection.connect(conninfo, autocommit=True, prepare_threshold=None)
        row = connection.execute(_PID).fetchone()
        if row == (connection.info.backend_pid,):
            connection.prepare_threshold = _PREPARE_AFTER
        return connection

    return connect


def async_connector(dsn: str) -> Callable[[], Awaitable[psycopg.AsyncConnection[Any]]]:
    """Give the same for async connections."""
    conninfo = bounded(dsn)

    async def connect() -> psycopg.AsyncConnection[Any]:
        connection = await AsyncLimitedConnection.connect(
            conninfo, autocommit=True, prepare_threshold=None
        )
        row = await (await connection.execute(_PID)).fetchone()
        if row == (connection.info.backend_pid,):
            connection.prepare_threshold = _PREPARE_AFTER
        return connection

    return connect
