"""Makes the tables of a ledger, and tells whether this code can work with those that are there."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from stripe_events.errors import ConfigurationError
from stripe_events.storage._postgres._migrations import MIGRATIONS
from stripe_events.storage._postgres._scripts import Script, Statement
from stripe_events.storage._postgres._tables import plain, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events.storage._postgres._migrations import Migration
    from stripe_events.storage._postgres._tables import Tables


def created(tables: Tables, migrations: Sequence[Migration] = MIGRATIONS) -> Script[None]:
    """
    Bring the tables to the newest version, in a transaction of the caller's.

    Whoever comes at the same time waits, and then finds it done. Needs no right to create
    anything where nothing is to be done. Tables of newer code stay as they are.
    """
    lock = f"stripe_events {plain(tables.meta)}"
    yield Statement(b"SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (lock,))
    version = yield from _version(tables)
    if version == 0 and tables.schema is not None:
        yield from _create_schema(tables.schema)
    for migration in migrations[version:]:
        for statement in migration.statements(tables):
            yield Statement(statement.encode())
    compatible = max(migration.compatible for migration in migrations)
    if version == 0:
        insert = f"INSERT INTO {tables.meta} (ledger, version, compatible) VALUES (%s, %s, %s)"  # noqa: S608 - names are quoted
        yield Statement(insert.encode(), (uuid.uuid4().hex, len(migrations), compatible))
    elif version < len(migrations):
        update = f"UPDATE {tables.meta} SET version = %s, compatible = %s"  # noqa: S608
        yield Statement(update.encode(), (len(migrations), compatible))


def _version(tables: Tables) -> Script[int]:
    exists = b"SELECT to_regclass(%s) IS NOT NULL"
    if (yield Statement(exists, (plain(tables.meta),))) == [(False,)]:
        return 0
    ((version,),) = yield Statement(f"SELECT version FROM {tables.meta}".encode())  # noqa: S608
    return int(version)


def _create_schema(schema: str) -> Script[None]:
    exists = b"SELECT to_regnamespace(%s) IS NOT NULL"
    if (yield Statement(exists, (plain(quoted(schema)),))) == [(False,)]:
        yield Statement(f"CREATE SCHEMA {quoted(schema)}".encode())


def ledger_id(tables: Tables, version: int = len(MIGRATIONS)) -> Script[str]:
    """
    Give the random id of the ledger.

    Raises:
        ConfigurationError: ``version`` of the code cannot work with the tables.
    """
    select = f"SELECT ledger, version, compatible FROM {tables.meta}"  # noqa: S608
    ((ledger, there, compatible),) = yield Statement(select.encode())
    if there < version:
        raise ConfigurationError(
            f"the ledger's tables have version {there}, and this code needs {version}: "
            "call store.create_schema() before the new code runs; the old code goes on working"
        )
    if compatible > version:
        raise ConfigurationError(
            f"the ledger's tables have version {there}, which code of version {version} "
            "cannot work with: deploy the newer stripe-events"
        )
    return str(ledger)
