"""
Receive Stripe's webhooks in Falcon, on ASGI.

    STRIPE_WEBHOOK_SECRET=whsec_... uvicorn falcon_asgi_app:app --app-dir examples

Falcon needs no adapter. It does not cap bodies, so as much is read as the router takes, and a
byte more, which it refuses.
"""

import os
from collections.abc import Mapping
from typing import Any

from falcon.asgi import App, Request, Response

from stripe_events import EventRouter
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
async def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


class Stripe:
    """Where Stripe's requests come in."""

    async def on_post(self, req: Request, resp: Response) -> None:
        """Hand a delivery to the router."""
        it = await router.ahandle(await req.stream.read(router.max_body_bytes + 1), req.headers)
        resp.status, resp.data = it.status, it.body
        resp.set_headers(it.headers)


Scope = Mapping[str, Any]


class Drain:
    """Ends with the app."""

    async def process_shutdown(self, scope: Scope, event: Scope) -> None:  # noqa: ARG002
        """At the end, wait for handlers."""
        await router.aclose()


app = App(middleware=[Drain()])
app.req_options.strip_url_path_trailing_slash = True  # else /stripe/ is not found
app.add_route("/stripe", Stripe())
