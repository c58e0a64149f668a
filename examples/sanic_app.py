"""
Receive Stripe's webhooks in Sanic.

    STRIPE_WEBHOOK_SECRET=whsec_... python examples/sanic_app.py

Or `sanic examples.sanic_app:app`. Sanic serves `/stripe/` as well, and refuses other methods.
"""

import os
import socket

from sanic import Sanic

from stripe_events import EventRouter
from stripe_events.adapters.sanic import sanic_handler
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
async def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


app = Sanic("stripe_webhooks")
app.add_route(sanic_handler(router), "/stripe", methods=["POST"])


@app.before_server_stop
async def drain(*_: object) -> None:
    """At the end, wait for handlers; what still comes in is answered 503."""
    await router.aclose()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8000")))) as sock:
        print(f"http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
        app.run(sock=sock, single_process=True)
