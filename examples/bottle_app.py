"""
Receive Stripe's webhooks in Bottle.

    STRIPE_WEBHOOK_SECRET=whsec_... python examples/bottle_app.py

What was handled is kept in DATABASE, so that nothing is done twice.
"""

import os

from bottle import Bottle
from cheroot.wsgi import Server

from stripe_events import EventRouter
from stripe_events.adapters.wsgi import wsgi_app
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)
app = Bottle()


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


@app.get("/")
def home() -> str:
    """Stand for the rest of the app."""
    return "at your service"


app.mount("/stripe", wsgi_app(router))  # /stripe and /stripe/; hooks must leave the body alone

if __name__ == "__main__":
    server = Server(("127.0.0.1", int(os.environ.get("PORT", "8000"))), app)
    server.prepare()
    print(f"http://127.0.0.1:{server.bind_addr[1]}", flush=True)
    try:
        server.serve()
    finally:
        server.stop()
