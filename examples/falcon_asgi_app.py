"""
Receive Stripe's webhooks in Falcon, on ASGI.

    STRIPE_WEBHOOK_SECRET=whsec_... uvicorn falcon_asgi_app:app --app-dir examples

Falcon needs no adapter. It neither caps bodies nor tells of those that end early, so as much is
read as the router takes, and a byte more, which it refuses, and the length is compared.
"""

import os
from collections.abc import Mapping
from typing import Any

from falcon.asgi import App, Request, Response

from stripe_events import EventRouter
from stripe_events.adapters import Endpoint
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
async def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


endpoint = Endpoint.of(router, is_async=True)


class Stripe:
    """Where Stripe's requests come in."""

    async def on_post(self, req: Request, resp: Response) -> None:
        """Hand a delivery to the router."""
        it = endpoint.unread(req.method, req.headers)
        if it is None:
            body = await req.stream.read(endpoint.max_body_bytes + 1)
            it = endpoint.incomplete(body, req.headers)
            it = it or await endpoint.ahandle(body, req.headers)
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
