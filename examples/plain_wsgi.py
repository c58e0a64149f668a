"""
Receive Stripe's webhooks in plain WSGI, at /stripe and /stripe/ alike.

    STRIPE_WEBHOOK_SECRET=whsec_... python examples/plain_wsgi.py

Or on a server for production:

    gunicorn --chdir examples plain_wsgi:application
"""

import os
from wsgiref.simple_server import make_server

from stripe_events import EventRouter
from stripe_events.adapters.wsgi import wsgi_app
from stripe_events.events import ChargeSucceeded, CustomerSubscriptionUpdated
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


@router.on(CustomerSubscriptionUpdated, changed="status", name="change_access")
def change_access(event: CustomerSubscriptionUpdated) -> None:
    """Print the old status and the new one."""
    print("status:", event.data.previous.status, "->", event.data.object.status, flush=True)


application = wsgi_app(router, path="/stripe")

if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), application) as server:
        print(f"http://127.0.0.1:{server.server_port}/stripe", flush=True)
        server.serve_forever()
