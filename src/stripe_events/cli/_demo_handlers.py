"""
The router of the demonstration and its handlers, written as an application's would be.

Each says through ``ctx.logger`` what it did, from values that it read off the typed
event: that is how the demonstration knows that it ran.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Final

from stripe_events._event import UnknownEvent, UnknownNotification
from stripe_events._selectors import EventHandler
from stripe_events.events import (
    ChargeSucceeded,
    CheckoutSessionCompleted,
    CustomerSubscriptionUpdated,
    InvoicePaid,
    PaymentIntentSucceeded,
    PayoutFailed,
)
from stripe_events.notifications import V2CoreAccountCreated
from stripe_events.observers import Busy
from stripe_events.router import EventRouter

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events._delivery.context import Context
    from stripe_events._event import AnyEvent
    from stripe_events.storage import SQLiteStore

BUSY_WAIT: Final = 0.5
"""Seconds that a delivery waits for another one of the same event, before it is refused."""

LEASE_OF_THE_KILLED: Final = 0.3
"""Less than that, so that one that waits takes over from a process that was killed."""

_PATIENCE: Final = 10.0
"""Seconds that a handler waits for what surely comes."""

ACCOUNTS: Final = "CREATE TABLE accounts (balance INTEGER); INSERT INTO accounts VALUES (0)"

handlers = EventRouter()
"""A collection: the router that includes it brings secrets and store."""


def demo_router(
    secret: str,
    store: SQLiteStore,
    *,
    lease: float = 30.0,
    before_commit: Callable[[], object] = lambda: None,
) -> EventRouter:
    """Give a router with all handlers; ``store`` is in the file that has the accounts."""
    router = EventRouter(secret, store=store, lease=lease, busy_wait=BUSY_WAIT)
    router.include(handlers)
    fulfil_order = FulfilOrder()
    router.register(fulfil_order, name="fulfil_order")
    router.observe(Busy)(fulfil_order.end)
    router.register(CreditAccount(store, before_commit), name="credit_account")
    return router


@handlers.on(ChargeSucceeded)
def send_receipt(event: ChargeSucceeded, ctx: Context) -> None:
    """Read a charge."""
    charge = event.data.object
    ctx.logger.info("%s %s", charge.amount, charge.currency)


class CreditAccount(EventHandler[InvoicePaid]):
    """Add what was paid to a balance, exactly once."""

    def __init__(self, store: SQLiteStore, before_commit: Callable[[], object]) -> None:
        """Take the store in whose file the accounts are."""
        self._store = store
        self._before_commit = before_commit

    def __call__(self, event: InvoicePaid, ctx: Context) -> None:
        """Commit the new balance together with "this handler is done"."""
        invoice = event.data.object
        with ctx.transaction(self._store) as connection:
            connection.execute("UPDATE accounts SET balance = balance + ?", (invoice.amount_paid,))
            ((balance,),) = connection.execute("SELECT balance FROM accounts")
            ctx.logger.info("%s %s, balance %s", invoice.amount_paid, invoice.currency, balance)
            self._before_commit()


class FulfilOrder(EventHandler[CheckoutSessionCompleted]):
    """Take so long that a second delivery of the event is refused meanwhile."""

    def __init__(self) -> None:
        """Wait for none yet."""
        self._may_end = threading.Event()

    def __call__(self, event: CheckoutSessionCompleted, ctx: Context) -> None:
        """Read a session, slowly."""
        self._may_end.wait(_PATIENCE)
        ctx.logger.info("%s", event.data.object.id)

    def end(self, _: Busy) -> None:
        """Be told that the other delivery was refused."""
        self._may_end.set()


@handlers.on(CustomerSubscriptionUpdated, changed="status")
def change_access(event: CustomerSubscriptionUpdated, ctx: Context) -> None:
    """Compare a subscription with what it was."""
    ctx.logger.info("%s -> %s", event.data.previous.status, event.data.object.status)


@handlers.on(PaymentIntentSucceeded)
async def ship_order(event: PaymentIntentSucceeded, ctx: Context) -> None:
    """Let the loop turn once, to be async in earnest."""
    await asyncio.sleep(0)
    ctx.logger.info("%s", event.data.object.id)


@handlers.on(V2CoreAccountCreated)
def greet_account(event: V2CoreAccountCreated, ctx: Context) -> None:
    """Read a thin event, which names the resource and does not carry it."""
    account = event.related_object
    ctx.logger.info("%s", account.id if account else "no account")


@handlers.on(PayoutFailed)
def call_bank(event: PayoutFailed, ctx: Context) -> None:
    """Fail at first, as a service may on which a handler depends."""
    ctx.logger.info("%s", event.data.object.id)
    if ctx.attempt == 1:
        raise ConnectionError("bank offline")


@handlers.on(PayoutFailed)
def tell_owner(event: PayoutFailed, ctx: Context) -> None:
    """Run although another handler of the same event has failed."""
    ctx.logger.info("%s", event.data.object.id)


def is_unknown(event: AnyEvent) -> bool:
    """Tell whether the event's type is newer than this release."""
    return isinstance(event, (UnknownEvent, UnknownNotification))


@handlers.fallback(where=is_unknown)
def look_closer(event: AnyEvent, ctx: Context) -> None:
    """Take what no handler is registered for, here only what nobody knows."""
    ctx.logger.info("%s", type(event).__name__)
