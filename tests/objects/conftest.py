"""The SDK as the yardstick, and a server on loopback that plays Stripe's API."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import stripe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "whsec_test"


def _construct(raw: dict[str, Any], **data: Any) -> Any:
    event = {"id": "evt_1", "object": "event", "type": "x", "data": {"object": raw, **data}}
    body = json.dumps(event)
    now = int(time.time())
    digest = hmac.new(SECRET.encode(), f"{now}.{body}".encode(), hashlib.sha256).hexdigest()
    construct: Any = stripe.Webhook.construct_event
    return construct(body, f"t={now},v1={digest}", SECRET).data.object


@pytest.fixture(scope="session")
def sdk_build() -> Callable[[dict[str, Any]], Any]:
    """Give what ``stripe.Webhook.construct_event`` makes of a resource in a signed body."""
    return _construct


class Request(NamedTuple):
    """One request as it arrived."""

    line: str
    headers: dict[str, str]


class StripeServer(NamedTuple):
    """An API on loopback: ``answers`` by path, ``requests`` as they came."""

    address: str
    answers: dict[str, Any]
    requests: list[Request]


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        """Write down the request; answer by its path, 404 where there is no answer."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Request(self.requestline, headers))
        answer = self.server.answers.get(self.path.partition("?")[0])
        body = json.dumps(answer or {"error": {"message": "no such path"}}).encode()
        self.send_response(200 if answer else 404)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Request-Id", f"req_{len(self.server.seen)}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Be silent."""


@contextmanager
def _running(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def stripe_server() -> Iterator[StripeServer]:
    """Run a server that answers what a test puts into ``answers``, whatever the query."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.answers, server.seen = {}, []
    with _running(server):
        address = f"http://127.0.0.1:{server.server_port}"
        yield StripeServer(address, server.answers, server.seen)
