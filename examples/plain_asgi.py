"""
Receive Stripe's webhooks in plain ASGI 3.

    STRIPE_WEBHOOK_SECRET=whsec_... uvicorn plain_asgi:app --app-dir examples

Limits: every path is served; only with lifespan does shutdown wait for every handler.
"""

from __future__ import annotations

import os
from typing import Any

from stripe_events import EventRouter, Outcome, WebhookResponse
from stripe_events.events import ChargeSucceeded, CustomerSubscriptionUpdated

MAX_BYTES = 1024 * 1024
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], max_body_bytes=MAX_BYTES)


@router.on(ChargeSucceeded)
async def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


@router.on(CustomerSubscriptionUpdated, changed="status")
def change_access(event: CustomerSubscriptionUpdated) -> None:
    """Print the old status and the new one, in a thread."""
    print("status:", event.data.previous.status, "->", event.data.object.status, flush=True)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer a request, or start-up and shutdown; websockets are refused."""
    if scope["type"] == "http":
        await answer(scope, receive, send)
    elif scope["type"] == "websocket":
        await send({"type": "websocket.close"})
    else:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await router.aclose()
        await send({"type": "lifespan.shutdown.complete"})


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Read the whole body and give it to the router, or go if the client goes."""
    response = WebhookResponse(Outcome.METHOD_NOT_ALLOWED)
    if scope["method"] == "POST":
        body, message = b"", {"more_body": True}
        while message.get("more_body") and len(body) <= MAX_BYTES:  # the router refuses more
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
        response = await router.ahandle(body, scope["headers"])
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
