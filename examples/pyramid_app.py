"""
Receive Stripe's webhooks in Pyramid.

    STRIPE_WEBHOOK_SECRET=whsec_... python examples/pyramid_app.py

What was handled is kept in DATABASE, so that nothing is done twice.
"""

import os

from pyramid.config import Configurator
from pyramid.wsgi import wsgiapp
from waitress import create_server

from stripe_events import EventRouter
from stripe_events.adapters.wsgi import wsgi_app
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


with Configurator() as config:
    config.set_default_csrf_options(require_csrf=True)
    # With and without a slash; Stripe signs its requests, so it needs no token.
    config.add_route("stripe", "/stripe{slash:/?}")
    config.add_view(wsgiapp(wsgi_app(router)), route_name="stripe", require_csrf=False)
    app = config.make_wsgi_app()

if __name__ == "__main__":
    server = create_server(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
    print(f"http://127.0.0.1:{server.effective_port}", flush=True)
    server.run()
