"""
Receive Stripe's webhooks in Starlette.

    STRIPE_WEBHOOK_SECRET=whsec_... uvicorn starlette_app:app --app-dir examples

`webhooks` is an ASGI app. As endpoint of a `Route` it answers every method on its path; mounted,
it would be reached by a redirect, which Stripe does not follow. Starlette does the same about a
slash more or less at the end, so both paths are given.
"""

import os

from starlette.applications import Starlette
from starlette.routing import Route

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
app = Starlette(
    routes=[Route("/stripe", webhooks), Route("/stripe/", webhooks)],
    lifespan=webhooks.lifespan,  # at the end, wait for handlers
)

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
