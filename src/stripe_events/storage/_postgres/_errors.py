"""From psycopg's errors to the library's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import errors

from stripe_events.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    from stripe_events.errors import StripeEventsError

ERRORS: Final = (psycopg.Error, UnicodeError)
"""What a statement raises; a text that UTF-8 cannot hold is refused by Python itself."""

MISSING: Final = (errors.UndefinedTable, errors.InvalidSchemaName, errors.UndefinedColumn)

CONFLICT: Final = (errors.SerializationFailure, errors.DeadlockDetected)
"""Somebody else was faster, and nothing was written."""

IN_THE_WAY: Final = (*CONFLICT, errors.LockNotAvailable)
"""Somebody else hinders a transaction of several verbs' steps; one by one they may do."""

_FIXES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (errors.InsufficientPrivilege, "grant the role USAGE on the schema and rights on its tables"),
    (errors.ReadOnlySqlTransaction, "the server is a standby, or read-only for this role"),
    (errors.LockNotAvailable, "another transaction holds the record: keep such transactions short"),
    (
        errors.SerializationFailure,
        "use READ COMMITTED: other levels fail when a heartbeat extends the lease meanwhile",
    ),
    (errors.DeadlockDetected, "two transactions waited for each other: try again"),
    (errors.QueryCanceled, "it took longer than statement_timeout, or was cancelled"),
    (
        errors.InFailedSqlTransaction,
        "a statement before it has failed: put what may fail into connection.transaction()",
    ),
    (
        errors.InvalidSqlStatementName,
        "behind PgBouncer, connections need prepare_threshold=None",
    ),
    (
        errors.DuplicatePreparedStatement,
        "behind PgBouncer, connections need prepare_threshold=None",
    ),
    (errors.AdminShutdown, "the server was stopped: try again"),
    (errors.CannotConnectNow, "the server starts or stops: try again"),
)


class BrokenError(Exception):
    """Say, within the store, that a connection broke: a new one may do."""


CLOSED: Final = "the store was closed"


def exhausted(size: int, timeout: float) -> str:
    """Say that a pool has lent all it has."""
    return (
        f"none of {size} connections became free in {timeout:g} s: raise max_connections, or "
        "shorten what handlers do in ctx.transaction()"
    )


def told(error: Exception) -> StripeEventsError:
    """Give what to raise from an error, with the cure where there is a known one."""
    if isinstance(error, MISSING):
        return ConfigurationError(
            "the ledger's tables are not there, or not up to date: call store.create_schema(), "
            "once per deployment, with a role that may create them"
        )
    fix = next((f" ({text})" for kind, text in _FIXES if isinstance(error, kind)), "")
    return StoreError(f"PostgreSQL: {_reason(error)}{fix}")


def _reason(error: Exception | str) -> str:
    """Give the first line: details may quote values."""
    diagnosis = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    lines = (diagnosis or str(error)).splitlines()
    return lines[0] if lines else type(error).__name__


def is_lost(
    connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any], error: Exception
) -> bool:
    """Tell whether another connection may do better: this one broke, or leads to a standby."""
    return connection.closed or isinstance(error, errors.ReadOnlySqlTransaction)


def uncommitted(
    connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any], error: Exception | str
) -> StoreError:
    """Give what to raise when a commit fails."""
    if connection.closed:
        return StoreError(
            "PostgreSQL: the connection broke at the commit, which may have been made or not"
        )
    return StoreError(f"PostgreSQL refused the commit, nothing was written: {_reason(error)}")
