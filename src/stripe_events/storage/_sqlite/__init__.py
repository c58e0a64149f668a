"""
A ledger in an SQLite file, by the standard library alone.

``_schema`` makes the tables, ``_reads`` and ``_writes`` perform the operations of the
verbs on a cursor, ``_connections`` and ``_waiting`` say on which connection and when,
``_guard`` is the connection that a handler's transaction gets, and ``_store`` puts them
together.
"""

from stripe_events.storage._sqlite._store import SQLiteStore

__all__ = ["SQLiteStore"]
