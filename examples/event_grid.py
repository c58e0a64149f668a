"""
Receive Stripe's events from Azure Event Grid, in an ASGI app.

    EVENT_GRID_KEY=... uvicorn --app-dir examples event_grid:app

Create the event subscription with a webhook, ``https://.../stripe``, and with a secret delivery
property ``x-event-grid-key`` that has the same value. What was handled is kept in DATABASE: a
batch comes again as a whole if one event in it fails.
"""

import os

from stripe_events import EventRouter
from stripe_events.adapters.asgi import asgi_app
from stripe_events.adapters.event_grid import event_grid
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

router = EventRouter(store=SQLiteStore(os.environ.get("DATABASE", "app.db")))


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


# A slash at the end makes no difference: /stripe/ is served as well.
app = asgi_app(event_grid(router, key=os.environ["EVENT_GRID_KEY"]), path="/stripe")
