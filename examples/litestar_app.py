"""
Receive Stripe's webhooks in Litestar.

    STRIPE_WEBHOOK_SECRET=whsec_... granian --interface asgi --working-dir examples litestar_app:app

An ASGI handler of Litestar leaves the body, its size, the status and the methods to the router;
one by `@post` would answer 201. Litestar serves `/stripe/` as well.
"""

import os

from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send

from stripe_events import EventRouter
from stripe_events.adapters.asgi import asgi_app
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
async def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


webhooks = asgi_app(router)


@asgi("/stripe", copy_scope=True, exclude_from_csrf=True)  # Stripe signs its requests
async def stripe(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand a delivery to the router."""
    await webhooks(scope, receive, send)


app = Litestar([stripe], lifespan=[webhooks.lifespan])  # at the end, wait for handlers
