"""
Receive Stripe's webhooks in FastAPI.

    STRIPE_WEBHOOK_SECRET=whsec_... uvicorn fastapi_app:app --app-dir examples

`webhooks` is an ASGI app, so FastAPI leaves the body alone: no model, no 422. Mounted, it would
be reached by a redirect, which Stripe does not follow; FastAPI does the same about a slash more
or less at the end, so both paths are given. Where dependencies are to apply, use
`stripe_events.adapters.starlette.starlette_endpoint`.
"""

import os

from fastapi import FastAPI
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
app = FastAPI(
    routes=[Route("/stripe", webhooks), Route("/stripe/", webhooks)],
    lifespan=webhooks.lifespan,  # at the end, wait for handlers
)

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
