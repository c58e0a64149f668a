"""What the ASGI app reads and sends, message by message."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from stripe_events import EventRouter
from stripe_events.adapters.asgi import asgi_app
from stripe_events.errors import ConfigurationError, MalformedPayload, PayloadTooLarge
from stripe_events.observers import Received, Rejected
from stripe_events.storage import MemoryStore
from tests.unit.deliveries import router, signed, snapshot
from tests.unit.recorded import AsyncMemoryStore
from tests.unit.waiting import aio, closed_in_the_end, reached

MOST = 1_000
GONE = {"type": "http.disconnect"}


class Server:
    """What a server gives to an app and gets from it."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        """Hold the messages that the app receives; after the last one it waits."""
        self.messages = list(messages)
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        """Give the next message."""
        if not self.messages:
            await asyncio.Event().wait()
        return self.messages.pop(0)

    async def send(self, message: dict[str, Any]) -> None:
        """Take a message."""
        self.sent.append(message)

    def answer(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """Give the one answer that was sent."""
        start, body = self.sent
        assert ("http.response.start", "http.response.body") == (start["type"], body["type"])
        return start["status"], dict(start["headers"]), body["body"]


def part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    """Give a message with a part of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


def scope(headers: Any = (), **fields: Any) -> dict[str, Any]:
    """Give the scope of a request, with headers as servers write them."""
    pairs = headers.items() if isinstance(headers, dict) else headers
    raw = [(name.lower().encode(), value.encode()) for name, value in pairs]
    return {"type": "http", "method": "POST", "path": "/", "headers": raw, **fields}


def serving(**options: Any) -> tuple[EventRouter, list[Any], list[Any]]:
    """Give a router, the payloads it has handled, and the errors it has refused."""
    serves = closed_in_the_end(router(**options))
    handled: list[Any] = []
    refused: list[Any] = []

    @serves.on_any(name="any")
    async def handle(event: Any) -> None:
        handled.append(dict(event.payload))

    serves.observe(Rejected)(lambda record: refused.append(type(record.error)))
    return serves, handled, refused


def call(app: Any, asked: dict[str, Any], *messages: dict[str, Any]) -> Server:
    """Call the app once, and give the server that did."""
    server = Server(*messages)
    aio(app(asked, server.receive, server.send))
    return server


@pytest.mark.parametrize("size", [1, 7, 65_536])
@pytest.mark.parametrize("ends", ["with the last part", "with an empty part"])
def test_parts_of_a_body_are_put_together(size: int, ends: str) -> None:
    """Servers cut bodies as they like; some say the end in a message of its own."""
    serves, handled, _ = serving()
    body, headers = signed(snapshot())
    parts = [part(body[i : i + size]) for i in range(0, len(body), size)]
    if ends == "with an empty part":
        parts.append({"type": "http.request"})
    else:
        parts[-1]["more_body"] = False
    server = call(asgi_app(serves), scope(headers), *parts)
    assert (200, [snapshot()]) == (server.answer()[0], handled)


def test_a_message_without_its_optional_keys_is_an_empty_body() -> None:
    """Both have a default."""
    serves, _, _ = serving()
    server = call(asgi_app(serves), scope(), {"type": "http.request"})
    assert (400, b'{"outcome":"signature_missing"}') == server.answer()[::2]


@pytest.mark.parametrize("parts", [0, 1, 3])
def test_a_client_that_goes_away_while_it_sends_is_not_answered(parts: int) -> None:
    """Nobody would read it, and half a body is no delivery."""
    serves, handled, refused = serving()
    received: list[Any] = []
    serves.observe(Received)(received.append)
    body, headers = signed(snapshot())
    cut = [part(body[i : i + 5]) for i in range(0, 5 * parts, 5)]
    server = call(asgi_app(serves), scope(headers), *cut, GONE)
    assert ([], [], [], []) == (server.sent, handled, refused, received)


def test_reading_ends_with_the_limit() -> None:
    """The rest of a body that is too long stays with the server."""
    serves, _, refused = serving(max_body_bytes=MOST)
    server = Server(*(part(b"x" * 100) for _ in range(100)))
    aio(asgi_app(serves)(scope(), server.receive, server.send))
    assert (413, [PayloadTooLarge]) == (server.answer()[0], refused)
    assert 100 - (MOST // 100 + 1) == len(server.messages)


@pytest.mark.parametrize(
    ("length", "status", "error"),
    [(str(MOST + 1), 413, PayloadTooLarge), ("abc", 400, MalformedPayload)],
)
def test_a_wrong_length_is_refused_unread(length: str, status: int, error: type[Any]) -> None:
    """As it is announced, it need not be read."""
    serves, _, refused = serving(max_body_bytes=MOST)
    server = call(asgi_app(serves), scope({"Content-Length": length}))
    assert (status, [error]) == (server.answer()[0], refused)


def test_another_method_is_refused_unread() -> None:
    """The answer names the method that is allowed; one to HEAD has no body."""
    serves, _, _ = serving()
    get = call(asgi_app(serves), scope(method="GET")).answer()
    head = call(asgi_app(serves), scope(method="HEAD")).answer()
    assert (405, b"POST") == (get[0], get[1][b"allow"])
    assert (*get[:2], b"") == head
    assert str(len(get[2])).encode() == get[1][b"content-length"]


def test_repeated_headers_are_all_looked_at() -> None:
    """Servers give each of them as a pair."""
    serves, handled, _ = serving()
    body, headers = signed(snapshot())
    time, _, good = headers["Stripe-Signature"].partition(",")
    pairs = [("stripe-signature", f"{time},v1={'0' * 64}"), ("stripe-signature", good)]
    call(asgi_app(serves), scope(pairs), part(body, more=False))
    assert [snapshot()] == handled


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("", "/hooks/stripe"),
        ("", "/hooks/stripe/"),
        ("/hooks", "/hooks/stripe"),
        ("/hooks", "/stripe"),
        ("/hooks/stripe", "/hooks/stripe"),
        ("/hooks/stripe", "/hooks/stripe/"),
        ("/hooks/stripe", "/"),
    ],
)
@pytest.mark.parametrize("served", [None, "/hooks/stripe", "/hooks/stripe/"])
def test_it_serves_its_path_wherever_it_is_mounted(
    root: str, path: str, served: str | None
) -> None:
    """Some servers repeat the mount in the path, some do not; a slash at the end is no matter."""
    serves, handled, _ = serving()
    body, headers = signed(snapshot())
    asked = scope(headers, root_path=root, path=path)
    call(asgi_app(serves, path=served), asked, part(body, more=False))
    assert [snapshot()] == handled


@pytest.mark.parametrize("path", ["/", "/hooks", "/hooks/stripes", "/stripe"])
def test_no_other_path_is_served(path: str) -> None:
    """What is not there is not read."""
    serves, _, _ = serving()
    server = call(asgi_app(serves, path="/hooks/stripe"), scope(path=path))
    assert (404, b'{"outcome":"not_found"}') == server.answer()[::2]


def test_a_root_is_no_part_of_a_longer_name() -> None:
    """``/st`` is not where ``/stripe`` is mounted."""
    serves, _, _ = serving()
    asked = scope(root_path="/st", path="/stripe", method="GET")
    assert 405 == call(asgi_app(serves, path="/st/stripe"), asked).answer()[0]


def test_a_websocket_is_closed() -> None:
    """Before it is accepted, so that the client is refused."""
    server = call(asgi_app(router()), {"type": "websocket"}, {"type": "websocket.connect"})
    assert [{"type": "websocket.close"}] == server.sent


def test_another_protocol_is_an_error() -> None:
    """As the specification asks, for servers to know."""
    with pytest.raises(RuntimeError, match="not mqtt"):
        call(asgi_app(router()), {"type": "mqtt"})


STARTUP, SHUTDOWN = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}


def test_the_server_is_told_of_start_and_stop() -> None:
    """The stop comes after all that was under way."""
    serves, _, _ = serving()
    server = call(asgi_app(serves), {"type": "lifespan"}, STARTUP, SHUTDOWN)
    assert ["lifespan.startup.complete", "lifespan.shutdown.complete"] == [
        message["type"] for message in server.sent
    ]
    body, headers = signed(snapshot())
    assert 503 == call(asgi_app(serves), scope(headers), part(body, more=False)).answer()[0]


def test_a_router_opens_again_with_the_next_lifespan() -> None:
    """A test client starts and stops the same app for each test."""
    serves, handled, _ = serving()
    app = asgi_app(serves)
    body, headers = signed(snapshot())
    for times in (1, 2):

        async def live() -> Server:
            async with app.lifespan():
                server = Server(part(body, more=False))
                await app(scope(headers), server.receive, server.send)
                return server

        assert (200, times) == (aio(live()).answer()[0], len(handled))
        assert 503 == call(app, scope(headers), part(body, more=False)).answer()[0]


def test_a_router_that_cannot_start_fails_the_servers_start() -> None:
    """What would show at the first delivery is said at once."""
    serves = router(store=MemoryStore())
    serves.on("charge.succeeded")(lambda event: None)
    server = Server(STARTUP)
    with pytest.raises(Exception, match="name="):
        aio(asgi_app(serves)({"type": "lifespan"}, server.receive, server.send))
    (message,) = server.sent
    assert "lifespan.startup.failed" == message["type"]
    assert "name=" in message["message"]


def test_a_request_that_is_cancelled_cancels_no_handler() -> None:
    """A server that waits no longer stops the answer, which is 503 then, not the work."""
    serves = router(store=AsyncMemoryStore(MemoryStore()))
    body, headers = signed(snapshot())

    async def run() -> list[Any]:
        begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
        seen: list[str] = []

        @serves.on("charge.succeeded", name="slow")
        async def slow(event: Any) -> None:
            begun.set()
            await go_on.wait()
            seen.append(event.id)
            done.set()

        server = Server(part(body, more=False))
        request = asyncio.create_task(asgi_app(serves)(scope(headers), server.receive, server.send))
        await begun.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        go_on.set()
        await done.wait()
        await serves.aclose()
        return [*seen, server.answer()[0]]

    assert ["evt_1", 503] == aio(run())


def test_a_cancelled_request_stays_cancelled_where_nobody_reads_the_answer() -> None:
    """Whatever the server raises then."""
    serves, _, _ = serving()
    body, headers = signed(snapshot())

    async def send(message: Any) -> None:
        raise OSError("gone")

    async def run() -> bool:
        begun, never = asyncio.Event(), asyncio.Event()

        @serves.on("charge.succeeded", name="slow")
        async def slow(event: Any) -> None:
            begun.set()
            await never.wait()

        server = Server(part(body, more=False))
        request = asyncio.create_task(asgi_app(serves)(scope(headers), server.receive, send))
        await begun.wait()
        request.cancel()
        await asyncio.wait([request])
        await serves.aclose(wait=0)
        return request.cancelled()

    assert aio(run())


def test_a_sync_handler_does_not_block_the_loop() -> None:
    """While it runs in its thread, the same loop serves others."""
    serves = router()
    go_on = threading.Event()
    serves.on("charge.succeeded", name="slow")(lambda event: reached(go_on))
    serves.on("charge.failed", name="quick")(lambda event: go_on.set())
    app = asgi_app(serves)

    async def run() -> list[int]:
        servers = []
        for type_ in ("charge.succeeded", "charge.failed"):
            body, headers = signed(snapshot(type_))
            server = Server(part(body, more=False))
            servers.append((server, app(scope(headers), server.receive, server.send)))
        await asyncio.gather(*(answering for _, answering in servers))
        await serves.aclose()
        return [server.answer()[0] for server, _ in servers]

    assert [200, 200] == aio(run())


def test_a_store_that_is_awaited_is_served() -> None:
    """Here is the place for it."""
    serves, handled, _ = serving(store=AsyncMemoryStore(MemoryStore()))
    body, headers = signed(snapshot())
    app = asgi_app(serves)
    answers = [call(app, scope(headers), part(body, more=False)).answer() for _ in range(2)]
    assert [
        b'{"outcome":"handled","event":"evt_1"}',
        b'{"outcome":"duplicate","event":"evt_1"}',
    ] == [answer[2] for answer in answers]
    assert [snapshot()] == handled


def test_a_router_that_verifies_nothing_is_refused_when_the_app_is_made() -> None:
    """Not at the first delivery."""
    with pytest.raises(ConfigurationError, match="no secrets"):
        asgi_app(EventRouter())
