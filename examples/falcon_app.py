"""
Receive Stripe's webhooks in Falcon.

    STRIPE_WEBHOOK_SECRET=whsec_... python examples/falcon_app.py

What was handled is kept in DATABASE, so that nothing is done twice.
"""

import os

import falcon
from waitress import create_server

from stripe_events import EventRouter
from stripe_events.adapters.falcon import falcon_sink
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)
app = falcon.App()


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


app.add_sink(falcon_sink(router), r"/stripe/?\Z")  # with and without a slash

if __name__ == "__main__":
    server = create_server(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
    print(f"http://127.0.0.1:{server.effective_port}", flush=True)
    server.run()
