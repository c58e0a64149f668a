"""
Receive Stripe's webhooks in aiohttp.

    STRIPE_WEBHOOK_SECRET=whsec_... python examples/aiohttp_app.py

aiohttp's limit of 1 MiB for a body does not apply: the router has its own, `max_body_bytes`.
"""

import os
import socket

from aiohttp import web

from stripe_events import EventRouter
from stripe_events.adapters.aiohttp import aiohttp_handler, aiohttp_lifespan
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
async def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


app = web.Application()
app.router.add_route("*", "/stripe{slash:/?}", aiohttp_handler(router))  # both paths, any method
app.cleanup_ctx.append(aiohttp_lifespan(router))  # at the end, wait for handlers


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8000")))) as sock:
        print(f"http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
        web.run_app(app, sock=sock)
