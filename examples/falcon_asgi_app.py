"""
Receive Stripe's webhooks in Falcon, on ASGI.

    STRIPE_WEBHOOK_SECRET=whsec_... uvicorn falcon_asgi_app:app --app-dir examples

Falcon neither caps bodies nor tells of those that end early; the sink does. Its pattern serves
`/stripe/` as well: in a route, Falcon would not find it.
"""

import os
from collections.abc import Mapping
from typing import Any

from falcon.asgi import App

from stripe_events import EventRouter
from stripe_events.adapters.falcon import afalcon_sink
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
async def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


Scope = Mapping[str, Any]


class Drain:
    """Ends with the app."""

    async def process_shutdown(self, scope: Scope, event: Scope) -> None:  # noqa: ARG002
        """At the end, wait for handlers."""
        await router.aclose()


app = App(middleware=[Drain()])
app.add_sink(afalcon_sink(router), r"/stripe/?\Z")
