"""
A WSGI server on loopback around one router, for as long as a ``with`` block lasts.

It is for the demonstration: it listens on a free port of 127.0.0.1 only and serves
every path. Leaving the block waits for open requests and closes every socket.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http import HTTPStatus
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from stripe_events._messages import MAX_BODY_BYTES, Outcome, WebhookResponse

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from stripe_events.router import EventRouter

_POLL_SECONDS = 0.02
"""How soon the server notices that it is to stop."""

_SILENCE_SECONDS = 5
"""How long a connection may say nothing, so that none can keep the server from ending."""


class _Server(ThreadingMixIn, WSGIServer):
    def server_bind(self) -> None:
        """Bind without asking DNS for this machine's name, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
        self.setup_environ()


class _Request(WSGIRequestHandler):
    timeout = _SILENCE_SECONDS
    # wsgiref writes head and body apart; the second would wait 40 ms for the client's ACK.
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the table tells of each request."""


@contextmanager
def serving(router: EventRouter) -> Generator[int, None, None]:
    """Serve the router in threads; gives the port."""
    with make_server("127.0.0.1", 0, _application(router), _Server, _Request) as server:
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _application(router: EventRouter) -> WSGIApplication:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = _answer(router, environ)
        status = HTTPStatus(response.status)
        start_response(f"{status.value} {status.phrase}", list(response.headers.items()))
        return [response.body]

    return application


def _answer(router: EventRouter, environ: WSGIEnvironment) -> WebhookResponse:
    if environ["REQUEST_METHOD"] != "POST":
        return WebhookResponse(Outcome.METHOD_NOT_ALLOWED)
    try:
        length = int(environ["CONTENT_LENGTH"])
    except ValueError:  # also an absent one, which wsgiref gives as ""
        return WebhookResponse(Outcome.LENGTH_REQUIRED)
    # One byte over the limit is enough for the router to refuse the body, and reading
    # never goes past what was announced: wsgiref would wait for more.
    body = environ["wsgi.input"].read(max(0, min(length, MAX_BODY_BYTES + 1)))
    return router.handle(body, environ.get("HTTP_STRIPE_SIGNATURE"))
