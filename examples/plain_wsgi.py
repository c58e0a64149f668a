"""
Receive Stripe's webhooks in plain WSGI.

    STRIPE_WEBHOOK_SECRET=whsec_... python examples/plain_wsgi.py

Limits: every path is served; a body without Content-Length, as proxies may send, gets 411.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import TYPE_CHECKING
from wsgiref.simple_server import make_server

from stripe_events import EventRouter
from stripe_events.events import ChargeSucceeded, CustomerSubscriptionUpdated

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

MAX_BYTES = 1024 * 1024
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], max_body_bytes=MAX_BYTES)


@router.on(ChargeSucceeded)
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


@router.on(CustomerSubscriptionUpdated, changed="status")
def change_access(event: CustomerSubscriptionUpdated) -> None:
    """Print the old status and the new one."""
    print("status:", event.data.previous.status, "->", event.data.object.status, flush=True)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answer one request, on any path."""
    length, body = environ.get("CONTENT_LENGTH") or "", b""
    headers = [("Content-Type", "text/plain"), ("Content-Length", "0"), ("Allow", "POST")]
    if environ["REQUEST_METHOD"] != "POST":
        status = 405
    elif not length.isdecimal():
        status = 400 if length else 411  # some servers pass on any nonsense
    elif len(length) > len(str(MAX_BYTES)) or int(length) > MAX_BYTES:
        status = 413  # unread: the client may see a reset instead
    elif len(sent := environ["wsgi.input"].read(int(length))) < int(length):
        status = 400  # the client went away
    else:
        response = router.handle(sent, environ.get("HTTP_STRIPE_SIGNATURE"))
        status, headers, body = response.status, list(response.headers.items()), response.body
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [body]


if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), application) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
