"""
Receive Stripe's webhooks in plain ASGI 3, at /stripe and /stripe/ alike.

    STRIPE_WEBHOOK_SECRET=whsec_... uvicorn plain_asgi:app --app-dir examples

Any other ASGI server does as well. Its shutdown waits for handlers that still run.
"""

import os

from stripe_events import EventRouter
from stripe_events.adapters.asgi import asgi_app
from stripe_events.events import ChargeSucceeded, CustomerSubscriptionUpdated
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
async def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


@router.on(CustomerSubscriptionUpdated, changed="status", name="change_access")
def change_access(event: CustomerSubscriptionUpdated) -> None:
    """Print the old status and the new one, in a thread."""
    print("status:", event.data.previous.status, "->", event.data.object.status, flush=True)


app = asgi_app(router, path="/stripe")
