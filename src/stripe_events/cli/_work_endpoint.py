"""The HTTP endpoint by which a supervisor asks how a worker is."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Final, cast

from stripe_events.cli._work_arguments import Address
from stripe_events.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator

    from stripe_events.cli._work_health import Health

_POLL_SECONDS: Final = 0.2
"""How soon the server notices that it is to stop."""

_PATHS: Final = ("/", "/healthz")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, where: Address, health: Health) -> None:
        self.health = health
        self.address_family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
        super().__init__(where, _Request)

    def server_bind(self) -> None:
        """Bind without asking DNS for this machine's name, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "", self.server_address[1]


class _Request(BaseHTTPRequestHandler):
    timeout = 5  # seconds that a connection may say nothing

    def do_GET(self) -> None:
        """Say how the worker is."""
        if self.path.partition("?")[0] not in _PATHS:
            self._answer(404, b'{"error": "ask for /healthz"}\n')
            return
        finding = cast("_Server", self.server).health.look()
        self._answer(200 if finding.why is None else 503, f"{finding.text()}\n".encode())

    def version_string(self) -> str:
        """Say no more than what it is."""
        return "stripe-events"

    do_HEAD = do_GET  # noqa: N815 - as above

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: supervisors ask every few seconds."""

    def log_error(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing of connections that say nothing."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def serving(where: Address, health: Health) -> Generator[Address]:
    """
    Serve in a thread while the block runs; gives where, with the port in the place of 0.

    Raises:
        UsageError: nobody can listen there.
    """
    try:
        server = _Server(where, health)
    except OSError as error:
        msg = f"--health {where}: {error.strerror or error}"
        raise UsageError(msg) from error
    with server:
        thread = threading.Thread(
            target=server.serve_forever,
            args=(_POLL_SECONDS,),
            name="stripe-events-health",
            daemon=True,
        )
        thread.start()
        try:
            yield Address(where.host, server.server_port)
        finally:
            server.shutdown()
            thread.join()
