"""Servers on an event loop in a thread of its own, at a free port of loopback; and requests."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from anyio.from_thread import start_blocking_portal

from stripe_events.testing import AdapterContract, AdapterRequest, AdapterResponse
from tests.unit.deliveries import signed, snapshot
from tests.unit.waiting import LIMIT, aio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from contextlib import AbstractAsyncContextManager

    from stripe_events import EventRouter

__all__ = [
    "PATHS",
    "ServedContract",
    "cut_off",
    "deliver",
    "on_uvicorn",
    "posting",
    "request",
    "served",
    "statuses",
]

PATHS = ("/stripe", "/stripe/")
"""Stripe follows no redirect from one to the other."""


@contextmanager
def served(server: Callable[[socket.socket], AbstractAsyncContextManager[None]]) -> Iterator[int]:
    """Serve at a port for as long as a block lasts, in another thread."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(server(listening)),
    ):
        yield listening.getsockname()[1]


@asynccontextmanager
async def on_uvicorn(app: Any, listening: socket.socket, **options: Any) -> AsyncIterator[None]:
    """Serve an ASGI app, as ``served`` wants it."""
    server = _Uvicorn(uvicorn.Config(app, log_config=None, **options))
    serving = asyncio.create_task(server.serve([listening]))
    beginning = asyncio.create_task(server.begun.wait())
    await asyncio.wait({serving, beginning}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        server.ending.set()
        await serving


class _Uvicorn(uvicorn.Server):
    """Tells when it serves, and ends at once, not a tenth of a second later."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Take what is to be served."""
        super().__init__(config)
        self.begun, self.ending = asyncio.Event(), asyncio.Event()

    async def main_loop(self) -> None:
        """Wait for the end."""
        await self.on_tick(0)
        self.begun.set()
        await self.ending.wait()


def request(
    port: int,
    method: str,
    headers: Iterable[tuple[str, str]],
    body: bytes | Iterable[bytes] = b"",
    path: str = "/stripe",
) -> AdapterResponse:
    """Send a request; pieces of a body go in chunks, without an announced length."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=LIMIT)) as connection:
        connection.putrequest(method, path)
        for name, value in headers:
            connection.putheader(name, value)
        is_whole = isinstance(body, bytes)
        if is_whole and (body or method == "POST"):
            connection.putheader("Content-Length", str(len(body)))
        if not is_whole:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(body or None, encode_chunked=not is_whole)
        response = connection.getresponse()
        return AdapterResponse(response.status, dict(response.getheaders()), response.read())


def deliver(port: int, delivery: tuple[bytes, dict[str, str]], path: str = "/stripe") -> int:
    """Send a body and its headers, and give the status."""
    body, headers = delivery
    return request(port, "POST", headers.items(), body, path).status


@contextmanager
def posting(
    port: int, delivery: tuple[bytes, dict[str, str]], *, short: int = 0, head: bytes = b""
) -> Iterator[socket.socket]:
    """
    Send a delivery and hold the connection for a block.

    Args:
        port: where to send it.
        delivery: body and headers.
        short: how many bytes at the end of the body are not sent, though announced.
        head: a header, instead of the announced length.
    """
    body, headers = delivery
    lines = [b"POST /stripe HTTP/1.1", b"Host: x", head or b"Content-Length: %d" % len(body)]
    lines += [f"{name}: {value}".encode() for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", port), LIMIT) as connection:
        connection.sendall(b"\r\n".join([*lines, b"", body[: len(body) - short]]))
        yield connection


def cut_off(port: int, delivery: tuple[bytes, dict[str, str]]) -> bytes:
    """Send a delivery without its last byte, go away, and give what was answered, if anything."""
    with posting(port, delivery, short=1) as connection:
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return answer.readline()


def statuses(app: Any, *paths: str, root_path: str = "", payload: object = None) -> list[int]:
    """Deliver to each path, which begins with the root; follow no redirect, as Stripe does."""

    async def post() -> list[int]:
        transport = httpx.ASGITransport(app, root_path=root_path)
        body, headers = signed(payload or snapshot())
        headers["Content-Type"] = "application/json; charset=utf-8"
        async with httpx.AsyncClient(transport=transport, base_url="http://it") as client:
            return [
                (await client.post(root_path + path, content=body, headers=headers)).status_code
                for path in paths
            ]

    found: list[int] = aio(post())
    return found


class ServedContract(AdapterContract):
    """The contract over sockets; a subclass gives ``server``."""

    def server(
        self, router: EventRouter
    ) -> Callable[[socket.socket], AbstractAsyncContextManager[None]]:
        """Give a server with the adapter at /stripe, as ``served`` wants it."""
        raise NotImplementedError

    def start(self, router: EventRouter) -> tuple[ExitStack, int]:
        """Start a thread with a server."""
        stack = ExitStack()
        return stack, stack.enter_context(served(self.server(router)))

    def send(self, app: tuple[ExitStack, int], request_: AdapterRequest) -> AdapterResponse:
        """Send it over a connection of its own."""
        return request(app[1], request_.method, request_.headers, request_.body)

    def stop(self, app: tuple[ExitStack, int]) -> None:
        """Stop the server and its thread."""
        app[0].close()
