"""
Receive Stripe's webhooks in Google Cloud Functions: by HTTP, signed, or from Pub/Sub.

    STRIPE_WEBHOOK_SECRET=whsec_... functions-framework --target stripe

in a folder with this file as main.py; or ``--target stripe_event``, for a topic where something
else publishes Stripe's events. Every path is served, ``/stripe`` and ``/stripe/`` alike. What
was handled is kept in DATABASE, so that nothing is done twice; on more than one machine, take
``PostgresStore``.
"""

import os

import functions_framework

from stripe_events import EventRouter
from stripe_events.adapters.google_functions import functions_handler, pubsub_handler
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


stripe = functions_handler(router)
stripe_event = functions_framework.cloud_event(pubsub_handler(router))
