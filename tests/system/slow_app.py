"""An app of the handlers that wait at a gate, for any server of WSGI or ASGI."""

from __future__ import annotations

import os

from slow_handlers import add_slow_handlers

from stripe_events import EventRouter
from stripe_events.adapters.asgi import asgi_app
from stripe_events.adapters.wsgi import wsgi_app
from stripe_events.storage import SQLiteStore

router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=SQLiteStore(os.environ["DATABASE"]))
add_slow_handlers(router)
application = wsgi_app(router)
app = asgi_app(router)
