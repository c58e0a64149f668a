"""
Receive Stripe's webhooks in plain WSGI.

    STRIPE_WEBHOOK_SECRET=whsec_... python examples/plain_wsgi.py

Limits: every path is served; a body without Content-Length, as proxies may send, gets 411.
"""

import os
from http import HTTPStatus
from wsgiref.simple_server import make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from stripe_events import EventRouter, Outcome, WebhookResponse
from stripe_events.events import ChargeSucceeded, CustomerSubscriptionUpdated

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
    response = answer(environ)
    status = f"{response.status} {HTTPStatus(response.status).phrase}"
    start_response(status, list(response.headers.items()))
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]


def answer(environ: WSGIEnvironment) -> WebhookResponse:
    """Read exactly as much as is announced, and give it to the router."""
    length = environ.get("CONTENT_LENGTH") or ""
    if environ["REQUEST_METHOD"] != "POST":
        return WebhookResponse(Outcome.METHOD_NOT_ALLOWED)
    if not length.isdecimal():  # some servers pass on any nonsense
        return WebhookResponse(Outcome.MALFORMED if length else Outcome.LENGTH_REQUIRED)
    if len(length) > len(str(MAX_BYTES)) or int(length) > MAX_BYTES:
        return WebhookResponse(Outcome.TOO_LARGE)  # unread: the client may see a reset instead
    if len(body := environ["wsgi.input"].read(int(length))) < int(length):
        return WebhookResponse(Outcome.MALFORMED)  # the client went away
    return router.handle(body, environ.get("HTTP_STRIPE_SIGNATURE"))


if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), application) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
