"""
Receive Stripe's webhooks in Azure Functions: by HTTP, signed, or from Event Grid.

    STRIPE_WEBHOOK_SECRET=whsec_... func start

in a folder with a host.json, and this file as function_app.py. Stripe's URL is then
``/api/stripe``, with or without a slash at its end. What was handled is kept in DATABASE, so
that nothing is done twice; on more than one machine, take ``PostgresStore``.
"""

import os

import azure.functions as func

from stripe_events import EventRouter
from stripe_events.adapters.azure_functions import event_grid_handler, functions_handler
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)
app = func.FunctionApp()


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


# Anonymous: Stripe has no key of Azure's, its signature is what is checked.
app.route("stripe", auth_level=func.AuthLevel.ANONYMOUS)(functions_handler(router))
app.event_grid_trigger(arg_name="event")(event_grid_handler(router))
