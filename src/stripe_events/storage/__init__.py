"""
Ledgers: where recorded events are kept, and what holds on each.

``MemoryStore`` for tests, ``SQLiteStore`` for one machine; for many ``PostgresStore`` and
``AsyncPostgresStore`` (extra ``postgres``), ``RedisStore`` and ``AsyncRedisStore`` (extra
``redis``), ``DynamoDBStore`` (extra ``dynamodb``). The protocols are for those who bring
their own; ``stripe_events.testing`` has the contract that a store must pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stripe_events.storage._dynamodb import DynamoDBStore as DynamoDBStore
    from stripe_events.storage._extras import AsyncBatchStore as AsyncBatchStore
    from stripe_events.storage._extras import BatchStore as BatchStore
    from stripe_events.storage._extras import CheckedStore as CheckedStore
    from stripe_events.storage._extras import PolledStore as PolledStore
    from stripe_events.storage._extras import Watch as Watch
    from stripe_events.storage._extras import WatchableStore as WatchableStore
    from stripe_events.storage._memory import MemoryStore as MemoryStore
    from stripe_events.storage._postgres import AsyncPostgresStore as AsyncPostgresStore
    from stripe_events.storage._postgres import PostgresStore as PostgresStore
    from stripe_events.storage._protocols import AsyncEventStore as AsyncEventStore
    from stripe_events.storage._protocols import AsyncInboxStore as AsyncInboxStore
    from stripe_events.storage._protocols import AsyncLedgerStore as AsyncLedgerStore
    from stripe_events.storage._protocols import (
        AsyncTransactionalStore as AsyncTransactionalStore,
    )
    from stripe_events.storage._protocols import EventStore as EventStore
    from stripe_events.storage._protocols import InboxStore as InboxStore
    from stripe_events.storage._protocols import LedgerStore as LedgerStore
    from stripe_events.storage._protocols import TransactionalStore as TransactionalStore
    from stripe_events.storage._records import ErrorRecord as ErrorRecord
    from stripe_events.storage._records import EventRecord as EventRecord
    from stripe_events.storage._records import HandlerRecord as HandlerRecord
    from stripe_events.storage._redis import AsyncRedisStore as AsyncRedisStore
    from stripe_events.storage._redis import RedisStore as RedisStore
    from stripe_events.storage._results import Arrival as Arrival
    from stripe_events.storage._results import Changed as Changed
    from stripe_events.storage._results import Claim as Claim
    from stripe_events.storage._results import Claimed as Claimed
    from stripe_events.storage._results import Code as Code
    from stripe_events.storage._results import Ending as Ending
    from stripe_events.storage._results import Enqueued as Enqueued
    from stripe_events.storage._results import Expired as Expired
    from stripe_events.storage._results import Finished as Finished
    from stripe_events.storage._results import HandlerResult as HandlerResult
    from stripe_events.storage._results import Held as Held
    from stripe_events.storage._results import Plan as Plan
    from stripe_events.storage._results import PlannedHandler as PlannedHandler
    from stripe_events.storage._results import Query as Query
    from stripe_events.storage._results import Refused as Refused
    from stripe_events.storage._results import Release as Release
    from stripe_events.storage._results import Settled as Settled
    from stripe_events.storage._results import StoredEvent as StoredEvent
    from stripe_events.storage._results import Taken as Taken
    from stripe_events.storage._results import Undecided as Undecided
    from stripe_events.storage._results import Unwanted as Unwanted
    from stripe_events.storage._sqlite import SQLiteStore as SQLiteStore

# In which module each name is, so that no store loads another one's database.
_PLACES = {
    "AsyncBatchStore": "_extras",
    "AsyncEventStore": "_protocols",
    "AsyncInboxStore": "_protocols",
    "AsyncLedgerStore": "_protocols",
    "AsyncPostgresStore": "_postgres",
    "AsyncRedisStore": "_redis",
    "AsyncTransactionalStore": "_protocols",
    "Arrival": "_results",
    "Changed": "_results",
    "BatchStore": "_extras",
    "CheckedStore": "_extras",
    "Claim": "_results",
    "Claimed": "_results",
    "Code": "_results",
    "DynamoDBStore": "_dynamodb",
    "Ending": "_results",
    "Enqueued": "_results",
    "ErrorRecord": "_records",
    "EventRecord": "_records",
    "EventStore": "_protocols",
    "Expired": "_results",
    "Finished": "_results",
    "HandlerRecord": "_records",
    "HandlerResult": "_results",
    "Held": "_results",
    "InboxStore": "_protocols",
    "LedgerStore": "_protocols",
    "MemoryStore": "_memory",
    "Plan": "_results",
    "PlannedHandler": "_results",
    "PolledStore": "_extras",
    "PostgresStore": "_postgres",
    "Query": "_results",
    "RedisStore": "_redis",
    "Refused": "_results",
    "Release": "_results",
    "SQLiteStore": "_sqlite",
    "Settled": "_results",
    "StoredEvent": "_results",
    "Taken": "_results",
    "TransactionalStore": "_protocols",
    "Undecided": "_results",
    "Unwanted": "_results",
    "Watch": "_extras",
    "WatchableStore": "_extras",
}

__all__ = [
    "Arrival",
    "AsyncBatchStore",
    "AsyncEventStore",
    "AsyncInboxStore",
    "AsyncLedgerStore",
    "AsyncPostgresStore",
    "AsyncRedisStore",
    "AsyncTransactionalStore",
    "BatchStore",
    "Changed",
    "CheckedStore",
    "Claim",
    "Claimed",
    "Code",
    "DynamoDBStore",
    "Ending",
    "Enqueued",
    "ErrorRecord",
    "EventRecord",
    "EventStore",
    "Expired",
    "Finished",
    "HandlerRecord",
    "HandlerResult",
    "Held",
    "InboxStore",
    "LedgerStore",
    "MemoryStore",
    "Plan",
    "PlannedHandler",
    "PolledStore",
    "PostgresStore",
    "Query",
    "RedisStore",
    "Refused",
    "Release",
    "SQLiteStore",
    "Settled",
    "StoredEvent",
    "Taken",
    "TransactionalStore",
    "Undecided",
    "Unwanted",
    "Watch",
    "WatchableStore",
]


def __getattr__(name: str) -> Any:
    """Load a name from its module when it is first asked for."""
    place = _PLACES.get(name)
    if place is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{place}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Show what can be had."""
    return list(__all__)
