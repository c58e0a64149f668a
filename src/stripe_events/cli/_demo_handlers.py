"""
The handlers of the demonstration, written as an application's would be.

Each says through ``ctx.logger`` what it did, from values that it read off the typed
event: that is how the demonstration knows that it ran.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from stripe_events._event import UnknownEvent, UnknownNotification
from stripe_events.events import (
    ChargeSucceeded,
    CustomerSubscriptionUpdated,
    InvoicePaid,
    PaymentIntentSucceeded,
    PayoutFailed,
)
from stripe_events.notifications import V2CoreAccountCreated
from stripe_events.router import EventRouter

if TYPE_CHECKING:
    from stripe_events._delivery.context import Context
    from stripe_events._event import AnyEvent

handlers = EventRouter()
"""A collection: the router that includes it brings the secrets."""


@handlers.on(ChargeSucceeded)
def send_receipt(event: ChargeSucceeded, ctx: Context) -> None:
    """Read a charge."""
    charge = event.data.object
    ctx.logger.info("%s %s", charge.amount, charge.currency)


@handlers.on(InvoicePaid)
def credit_account(event: InvoicePaid, ctx: Context) -> None:
    """Read an invoice."""
    invoice = event.data.object
    ctx.logger.info("%s %s", invoice.amount_paid, invoice.currency)


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
    """Fail, as a service may on which a handler depends."""
    ctx.logger.info("%s", event.data.object.id)
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
