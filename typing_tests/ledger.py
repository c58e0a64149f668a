"""What type checkers know about ledgers: stores, own transactions, options. Never run."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, assert_type

from stripe_events import Context, EventRouter
from stripe_events._recording import Rescued
from stripe_events._registry import Skip
from stripe_events.events import ChargeSucceeded, InvoicePaid
from stripe_events.observers import Overdue
from stripe_events.storage import (
    AsyncEventStore,
    AsyncInboxStore,
    AsyncLedgerStore,
    AsyncPostgresStore,
    AsyncTransactionalStore,
    CheckedStore,
    EventStore,
    InboxStore,
    LedgerStore,
    MemoryStore,
    PostgresStore,
    SQLiteStore,
    TransactionalStore,
    WatchableStore,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    import psycopg

memory = MemoryStore()
sqlite = SQLiteStore("app.db")
postgres = PostgresStore("postgresql://")
async_postgres = AsyncPostgresStore("postgresql://")

EventRouter("whsec_x", store=memory)
EventRouter("whsec_x", store=postgres)
EventRouter("whsec_x", store=async_postgres, order_by="object", order_inline=True)
EventRouter("whsec_x", store=None, scope="billing", lease=10.0, busy_wait=0.5, max_abandoned=3)
EventRouter("whsec_x", store=object())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
EventRouter("whsec_x", store=sqlite, order_by="customer")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
router = EventRouter("whsec_x", store=sqlite, order_by=lambda event: event.id, order_inline=True)


def every_store_has_all_protocols() -> None:
    inbox: list[InboxStore] = [memory, sqlite, postgres]
    ledger: list[LedgerStore] = [memory, sqlite, postgres]
    _inline: list[EventStore] = [*inbox, *ledger]
    later_inbox: AsyncInboxStore = async_postgres
    later_ledger: AsyncLedgerStore = async_postgres
    _later_inline: list[AsyncEventStore] = [later_inbox, later_ledger]
    _own: TransactionalStore[sqlite3.Connection] = sqlite
    _theirs: TransactionalStore[psycopg.Connection[Any]] = postgres
    _awaited: AsyncTransactionalStore[psycopg.AsyncConnection[Any]] = async_postgres
    _waking: list[WatchableStore] = [memory, sqlite, postgres, async_postgres]
    _checked: CheckedStore = sqlite


def sync_and_async_stores_are_told_apart() -> None:
    _inline: EventStore = async_postgres  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    _later: AsyncEventStore = sqlite  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    _own: TransactionalStore[Any] = memory  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


@router.on(InvoicePaid)
def credit(event: InvoicePaid, ctx: Context) -> None:
    with ctx.transaction(sqlite) as connection:
        assert_type(connection, sqlite3.Connection)
    with ctx.transaction(postgres) as connection:
        assert_type(connection, "psycopg.Connection[Any]")
    assert_type(ctx.attempt, int)
    assert_type(ctx.out_of_order, bool)
    assert_type(ctx.idempotency_key, str)


@router.on(InvoicePaid, name="awaited")
async def credit_later(event: InvoicePaid, ctx: Context) -> None:
    async with ctx.transaction(async_postgres) as connection:
        assert_type(connection, "psycopg.AsyncConnection[Any]")
    with ctx.transaction(sqlite) as connection:
        assert_type(connection, sqlite3.Connection)


def a_sync_handler_cannot_use_an_async_store(ctx: Context) -> None:
    with ctx.transaction(async_postgres):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass


async def a_sync_store_is_not_awaited(ctx: Context) -> None:
    async with ctx.transaction(sqlite):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass


def a_store_without_transactions_has_no_block(ctx: Context) -> None:
    ctx.transaction(memory)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


def a_connection_is_completed_on(
    ctx: Context, own: sqlite3.Connection, theirs: psycopg.Connection[Any]
) -> None:
    assert_type(ctx.complete_on(own), None)
    assert_type(ctx.complete_on(theirs), None)
    ctx.complete_on("app.db")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


async def an_async_connection_is_awaited(
    ctx: Context, connection: psycopg.AsyncConnection[Any]
) -> None:
    waiting: Awaitable[None] = ctx.complete_on(connection)
    await waiting


@router.on(ChargeSucceeded, name="a", formerly="b", stale="skip")
def renamed(event: ChargeSucceeded) -> None: ...


@router.on(ChargeSucceeded, name="c", formerly=["d", "e"], stale=Skip(group="charges"))
def grouped(event: ChargeSucceeded) -> None: ...


@router.on(ChargeSucceeded, name="f", stale="drop")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUntypedFunctionDecorator]
def misspelt(event: ChargeSucceeded) -> None: ...


@router.on(ChargeSucceeded, name="g", formerly=7)  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUntypedFunctionDecorator]
def numbered(event: ChargeSucceeded) -> None: ...


async def acting_has_types() -> None:
    router.retire("a", "b")
    assert_type(router.rescue(), Rescued)
    assert_type(await router.arescue(time_limit=60.0), Rescued)
    assert_type(router.overdue(grace=60.0), Overdue)
    assert_type(await router.aoverdue(), Overdue)
    assert_type(router.scope, str)
