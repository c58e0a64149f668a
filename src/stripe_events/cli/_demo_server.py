"""
A WSGI server on loopback around one router, for as long as a ``with`` block lasts.

It is for the demonstration: it listens on a free port of 127.0.0.1 only and serves
every path. Leaving the block waits for open requests and closes every socket.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from socket import SHUT_WR
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from stripe_events.adapters.wsgi import wsgi_app

if TYPE_CHECKING:
    from collections.abc import Generator

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

    def finish(self) -> None:
        """Read what the app left unread, or the client might see a reset before the answer."""
        with suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(SHUT_WR)
            while self.rfile.read1():
                pass
        super().finish()


@contextmanager
def serving(router: EventRouter) -> Generator[int, None, None]:
    """Serve the router in threads; gives the port."""
    with make_server("127.0.0.1", 0, wsgi_app(router), _Server, _Request) as server:
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
