"""
Receive Stripe's events from a Pub/Sub push subscription, in plain WSGI.

    PUSH_AUDIENCE=https://.../stripe PUSH_EMAIL=push@... python examples/pubsub_push.py

The subscription authenticates with the service account of that address; checking its token
needs ``google-auth`` and ``requests``. What was handled is kept in DATABASE: Pub/Sub may
deliver a message twice.
"""

import os
from wsgiref.simple_server import make_server

from stripe_events import EventRouter
from stripe_events.adapters.pubsub import pubsub_push
from stripe_events.adapters.wsgi import wsgi_app
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

AUDIENCE = os.environ["PUSH_AUDIENCE"]
EMAIL = os.environ["PUSH_EMAIL"]
router = EventRouter(store=SQLiteStore(os.environ.get("DATABASE", "app.db")))


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


def authorize(token: str) -> bool:
    """Tell whether Google made a token for this subscription."""
    from google.auth.transport.requests import Request
    from google.oauth2.id_token import verify_oauth2_token

    claims = verify_oauth2_token(token, Request(), audience=AUDIENCE)
    return claims["email_verified"] is True and claims["email"] == EMAIL


# A slash at the end makes no difference: /stripe/ is served as well.
application = wsgi_app(pubsub_push(router, authorize=authorize), path="/stripe")

if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), application) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
