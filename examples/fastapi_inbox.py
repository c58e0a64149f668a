"""
Answer Stripe as soon as an event is recorded, and work in the background of a FastAPI app.

    STRIPE_WEBHOOK_SECRET=whsec_... uvicorn fastapi_inbox:app --app-dir examples

The worker begins with the app, and at its end lets handlers finish. Each process of the app
has one, and any number may share the ledger; on several machines take ``AsyncPostgresStore``.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route

from stripe_events import EventRouter
from stripe_events.adapters.asgi import asgi_app
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore
from stripe_events.worker import Worker

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store, delivery="inbox")
webhooks = asgi_app(router)


@router.on(ChargeSucceeded, name="send_receipt")
async def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say; what fails is tried again, later and later."""
    charge = event.data.object
    print(f"paid: {charge.amount} {charge.currency}", flush=True)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Take deliveries and work on them; at the end, finish what has begun."""
    async with webhooks.lifespan(app), Worker(router):
        yield


app = FastAPI(routes=[Route("/stripe", webhooks), Route("/stripe/", webhooks)], lifespan=lifespan)

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
