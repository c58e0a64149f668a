"""
Receive Stripe's webhooks in Flask.

    STRIPE_WEBHOOK_SECRET=whsec_... gunicorn --chdir examples flask_app:app

What was handled is kept in DATABASE, so that nothing is done twice.
"""

import os

from flask import Flask

from stripe_events import EventRouter
from stripe_events.adapters.flask import flask_view
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)
app = Flask(__name__)


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


@app.get("/")
def home() -> str:
    """Stand for the rest of the app."""
    return "at your service"


# Stripe follows no redirects: /stripe and /stripe/ are the same.
app.add_url_rule("/stripe", view_func=flask_view(router), strict_slashes=False)
