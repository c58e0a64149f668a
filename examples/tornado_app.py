"""
Receive Stripe's webhooks in Tornado.

    STRIPE_WEBHOOK_SECRET=whsec_... python examples/tornado_app.py

`xsrf_cookies` may be on: Stripe has no such cookie and is not asked for one.
"""

import asyncio
import os
import signal

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from stripe_events import EventRouter
from stripe_events.adapters.tornado import tornado_handler
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
async def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


app = Application([(r"/stripe/?", tornado_handler(router))], xsrf_cookies=True)


async def main() -> None:
    """Serve until interrupted, then let what is under way end."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    sockets = bind_sockets(int(os.environ.get("PORT", "8000")), "127.0.0.1")
    server = HTTPServer(app)
    server.add_sockets(sockets)
    print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)
    await stopped.wait()
    server.stop()  # takes no more connections
    await router.aclose()  # others are answered 503 from here on
    await server.close_all_connections()


if __name__ == "__main__":
    asyncio.run(main())
