"""
Receive Stripe's webhooks in Quart.

    STRIPE_WEBHOOK_SECRET=whsec_... hypercorn examples/quart_app.py:app

Quart needs no adapter. It refuses bodies over its MAX_CONTENT_LENGTH, 16 MB, and the router
those over `max_body_bytes`.
"""

import os

from quart import Quart, request

from stripe_events import EventRouter
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
async def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


app = Quart(__name__)


@app.post("/stripe", strict_slashes=False)  # else Quart redirects, and Stripe does not follow
async def stripe() -> tuple[bytes, int, dict[str, str]]:
    """Hand a delivery to the router."""
    it = await router.ahandle(await request.get_data(), request.headers)
    return it.body, it.status, it.headers


@app.after_serving
async def drain() -> None:
    """At the end, wait for handlers."""
    await router.aclose()


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8000")))
