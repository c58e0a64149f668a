"""The ledger in PostgreSQL, by psycopg 3: the only package of the library that imports it."""

from __future__ import annotations

try:
    from stripe_events.storage._postgres._async import AsyncPostgresStore
    from stripe_events.storage._postgres._sync import PostgresStore
except ModuleNotFoundError as error:
    if error.name != "psycopg":
        raise
    raise ModuleNotFoundError(
        "PostgresStore needs psycopg 3: pip install 'stripe-events[postgres]'", name="psycopg"
    ) from error

__all__ = ["AsyncPostgresStore", "PostgresStore"]
