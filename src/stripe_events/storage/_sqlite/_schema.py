"""
The ledger's tables in an SQLite file, which may hold other people's tables as well.

All names begin with ``stripe_events_``. The version stands in a table of the ledger's
own, for ``PRAGMA user_version`` belongs to the application.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Final, NamedTuple

from stripe_events.storage._sqlite._blocks import transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

# Not by IN: for more than two values SQLite fills a table with them at each write.
READY: Final = "state <> 'done' AND state <> 'dead' AND state <> 'parked'"
WAITING: Final = "CASE state WHEN 'claimed' THEN lease_until ELSE due END"
"""Where ``READY`` holds, from when anybody may claim an event; the index needs these very words."""

RESTING: Final = "state <> 'done' AND state <> 'claimed'"
"""
What is looked for among millions that are done. What is claimed is not among it, so that
most events never come into its index.
"""

# New events are appended to tables and indexes alike, but for the one by id: a row that
# is claimed and finished stays in few pages. Types are plain, because converters that a
# user registers for theirs (`timestamp`, `bool`) act on every connection.
_FIRST: Final = (
    """
    CREATE TABLE stripe_events_events (
        row INTEGER PRIMARY KEY,
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        type TEXT NOT NULL,
        account TEXT,
        livemode INTEGER NOT NULL,
        created REAL NOT NULL,
        order_key TEXT,
        first_seen REAL NOT NULL,
        last_seen REAL NOT NULL,
        state TEXT NOT NULL,
        lane TEXT NOT NULL,
        due REAL,
        token INTEGER NOT NULL,
        claim_id TEXT NOT NULL,
        lease_until REAL NOT NULL,
        abandoned INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        handlers TEXT NOT NULL,
        refused TEXT NOT NULL,
        running TEXT NOT NULL,
        answer TEXT,
        out_of_order INTEGER NOT NULL,
        erased INTEGER NOT NULL,
        revision INTEGER NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX stripe_events_by_id ON stripe_events_events (scope, id)",
    "CREATE INDEX stripe_events_by_age ON stripe_events_events (scope, first_seen, id)",
    f"""
    CREATE INDEX stripe_events_resting ON stripe_events_events (scope, first_seen, id)
        WHERE {RESTING}
    """,
    f"""
    CREATE INDEX stripe_events_ready ON stripe_events_events (scope, {WAITING})
        WHERE {READY}
    """,
    """
    CREATE INDEX stripe_events_parked
        ON stripe_events_events (scope, order_key, created, first_seen, id)
        WHERE state = 'parked'
    """,
    "CREATE TABLE stripe_events_payloads (event INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
    """
    CREATE TABLE stripe_events_keys (
        scope TEXT NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        holder TEXT,
        newest REAL,
        revision INTEGER NOT NULL,
        PRIMARY KEY (scope, kind, key)
    ) WITHOUT ROWID
    """,
)

STEPS: Final[tuple[tuple[str, ...], ...]] = (_FIRST,)
"""What leads from each version to the next; version 0 is a file without a ledger."""

_META = """
    CREATE TABLE stripe_events_meta (ledger TEXT NOT NULL, version INTEGER NOT NULL)
"""
_HAS_META = "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = 'stripe_events_meta'"


class Identity(NamedTuple):
    """Which ledger a file holds, by a random id of its own, and in which version."""

    ledger: str
    version: int


def identify(cursor: sqlite3.Cursor) -> Identity | None:
    """Read it from the main file of a connection; None if it has no ledger."""
    if not cursor.execute(_HAS_META).fetchall():
        return None
    ((ledger, version),) = cursor.execute(
        "SELECT ledger, version FROM main.stripe_events_meta"
    ).fetchall()
    return Identity(ledger, version)


def prepare(connection: sqlite3.Connection, steps: Sequence[Sequence[str]] = STEPS) -> Identity:
    """
    Bring the tables to the version that ``steps`` lead to; newer ones stay as they are.

    Any number of processes may do this at the same time: one of them does the work.
    """
    cursor = sqlite3.Cursor(connection)
    found = identify(cursor)
    if found is not None and found.version >= len(steps):
        return found
    with transaction(cursor):
        return _migrate(cursor, steps)


def _migrate(cursor: sqlite3.Cursor, steps: Sequence[Sequence[str]]) -> Identity:
    found = identify(cursor)
    if found is None:
        found = Identity(os.urandom(16).hex(), 0)
        cursor.execute(_META)
        cursor.execute("INSERT INTO stripe_events_meta VALUES (?, ?)", found)
    if found.version >= len(steps):
        return found
    for step in steps[found.version :]:
        for statement in step:
            cursor.execute(statement)
    cursor.execute("UPDATE stripe_events_meta SET version = ?", (len(steps),))
    return found._replace(version=len(steps))
