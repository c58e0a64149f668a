"""Each example, as its docstring says to start it, receives deliveries over a real socket."""

from __future__ import annotations

import json
import os
import queue
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from stripe_events.testing import sign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse

EXAMPLES = Path(__file__).parents[2] / "examples"
SECRET = "whsec_example"
LIMIT = 1024 * 1024
COMMANDS = {
    "plain_wsgi": [EXAMPLES / "plain_wsgi.py"],
    "plain_asgi": ["-m", "uvicorn", "plain_asgi:app", "--app-dir", EXAMPLES, "--port", "0"],
}
WAIT_SECONDS = 30


class Server:
    """A running example: its port, and what it prints."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Wait until it tells its address."""
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = int(self.wait_for(r"http://127\.0\.0\.1:(\d+)")[1])

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Give the match in the next printed line that has one."""
        while True:
            found = re.search(pattern, self._lines.get(timeout=WAIT_SECONDS))
            if found:
                return found

    def rest(self) -> str:
        """Interrupt it, wait for its end, and give what it has printed since."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(WAIT_SECONDS)
        self._reader.join()
        return "".join(self._lines.get() for _ in range(self._lines.qsize()))

    def request(
        self, method: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, HTTPResponse, bytes]:
        """Give status, response and body of one request."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)) as connection:
            connection.request(method, "/stripe", body, headers or {})
            response = connection.getresponse()
            return response.status, response, response.read()

    def status_of(self, raw: bytes, *, ends: bool = True) -> int:
        """Give the status for bytes that end here, or stay open, whatever they promise."""
        with socket.create_connection(("127.0.0.1", self.port), WAIT_SECONDS) as connection:
            connection.sendall(raw)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as answer:
                return int(answer.readline().split()[1])


@contextmanager
def started(example: str) -> Iterator[Server]:
    """Run an example in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", *COMMANDS[example]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "STRIPE_WEBHOOK_SECRET": SECRET, "PORT": "0"},
    )
    try:
        yield Server(process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Give each example in turn."""
    with started(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def wsgi() -> Iterator[Server]:
    """Give the WSGI example."""
    with started("plain_wsgi") as running:
        yield running


@pytest.fixture(scope="module")
def asgi() -> Iterator[Server]:
    """Give the ASGI example."""
    with started("plain_asgi") as running:
        yield running


def event(type_: str, resource: dict[str, Any], **more: Any) -> bytes:
    """Give an event as Stripe writes it."""
    data = {"object": resource, **more}
    return json.dumps({"id": "evt_1", "object": "event", "type": type_, "data": data}).encode()


CHARGE = event("charge.succeeded", {"object": "charge", "amount": 2000, "currency": "eur"})


def test_a_signed_delivery_runs_its_handler(server: Server) -> None:
    """The typed handler has read the charge when the answer comes."""
    status, response, body = server.request("POST", CHARGE, sign(CHARGE, SECRET))
    assert (200, "application/json") == (status, response.headers["Content-Type"])
    assert {"outcome": "handled", "event": "evt_1"} == json.loads(body)
    assert "2000 eur" == server.wait_for("paid: (.*)")[1]


def test_a_change_runs_the_handler_that_asked_for_it(server: Server) -> None:
    """The second handler of the example sees what was and what is."""
    body = event(
        "customer.subscription.updated",
        {"object": "subscription", "status": "active"},
        previous_attributes={"status": "trialing"},
    )
    assert 200 == server.request("POST", body, sign(body, SECRET))[0]
    assert "trialing -> active" == server.wait_for("status: (.*)")[1]


def test_a_bad_signature_is_refused(server: Server) -> None:
    """The sender learns the outcome, and nothing about the cause."""
    status, _, body = server.request("POST", CHARGE, sign(CHARGE, "whsec_another"))
    assert (400, {"outcome": "signature_invalid"}) == (status, json.loads(body))


def test_a_missing_signature_is_refused(server: Server) -> None:
    """A body alone proves nothing."""
    status, _, body = server.request("POST", CHARGE)
    assert (400, {"outcome": "signature_missing"}) == (status, json.loads(body))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_another_method_is_refused(server: Server, method: str) -> None:
    """The answer names the method that is allowed, and has no body where none may be."""
    status, response, body = server.request(method)
    expected = b"" if method == "HEAD" else b'{"outcome":"method_not_allowed"}'
    assert (405, "POST", expected) == (status, response.headers["Allow"], body)


def test_a_body_of_the_greatest_size_is_read_whole(server: Server) -> None:
    """A large event comes in many pieces, and its signature still holds."""
    body = CHARGE.ljust(LIMIT)
    assert 200 == server.request("POST", body, sign(body, SECRET))[0]
    server.wait_for("paid: 2000 eur")


def test_a_body_that_ends_early_is_not_handled(server: Server) -> None:
    """The next delivery is served, and nothing has run for the one that was cut off."""
    header = sign(CHARGE, SECRET)["Stripe-Signature"].encode()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nStripe-Signature: %b\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), WAIT_SECONDS) as connection:
        connection.sendall(head % (len(CHARGE) + 1, header) + CHARGE)
    other = event("charge.succeeded", {"object": "charge", "amount": 1, "currency": "usd"})
    assert 200 == server.request("POST", other, sign(other, SECRET))[0]
    assert "1 usd" == server.wait_for("paid: (.*)")[1]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"", 411),
        (b"Transfer-Encoding: chunked\r\n", 411),
        (b"Content-Length: abc\r\n", 400),
        (b"Content-Length: -5\r\n", 400),
        (b"Content-Length: \xb2\r\n", 400),
        (b"Content-Length: 100\r\n", 400),
        (b"Content-Length: 1048577\r\n", 413),
        (b"Content-Length: %b\r\n" % (b"9" * 5000), 413),
    ],
    ids=["none", "chunked", "word", "negative", "superscript", "short", "over", "absurd"],
)
def test_wsgi_refuses_a_length_it_cannot_trust(wsgi: Server, header: bytes, status: int) -> None:
    """No announced length can make the example wait, break or read without limit."""
    assert status == wsgi.status_of(b"POST / HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n{}")


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_wsgi_keeps_to_the_specification(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    """The standard library's validator accepts answer and refusal."""
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    application = validator(runpy.run_path(str(EXAMPLES / "plain_wsgi.py"))["application"])
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "QUERY_STRING": "", "CONTENT_LENGTH": "0"}
    setup_testing_defaults(environ)
    seen: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        seen.append(status)
        return lambda _: None

    with closing(application(environ, start_response)) as body:
        list(body)
    assert [{"POST": "400 Bad Request", "GET": "405 Method Not Allowed"}[method]] == seen


def test_asgi_reads_a_chunked_body(asgi: Server) -> None:
    """Pieces without an announced length make one body."""
    pieces = [CHARGE[:10], CHARGE[10:50], CHARGE[50:]]
    assert 200 == asgi.request("POST", iter(pieces), sign(CHARGE, SECRET))[0]


def test_asgi_stops_reading_at_the_limit(asgi: Server) -> None:
    """A body that never ends is answered as soon as it is too long."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"
    assert 413 == asgi.status_of(head + b" " * (LIMIT + 1), ends=False)


def test_asgi_answers_startup_and_shutdown() -> None:
    """The server learns that the app is ready, and that it has ended, without an error."""
    with started("plain_asgi") as server:
        assert 200 == server.request("POST", CHARGE, sign(CHARGE, SECRET))[0]
        printed = server.rest()
    assert "Application shutdown complete." in printed
    assert "Traceback" not in printed
    assert 0 == server.process.returncode


async def messages_of(app: Any, scope: str, *received: dict[str, Any]) -> list[Any]:
    """Give what an ASGI app sends for a scope in which it receives these messages."""
    incoming, sent = list(received), []

    async def receive() -> dict[str, Any]:
        return incoming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app({"type": scope}, receive, send)
    return sent


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_asgi_closes_the_router_at_shutdown(
    monkeypatch: pytest.MonkeyPatch, anyio_backend: str
) -> None:
    """Handlers have ended when the app says so; later deliveries are put off."""
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    example = runpy.run_path(str(EXAMPLES / "plain_asgi.py"))
    messages = await messages_of(
        example["app"], "lifespan", {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    )
    assert [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}] == (
        messages
    )
    assert 503 == (await example["router"].ahandle(CHARGE, sign(CHARGE, SECRET))).status


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_asgi_refuses_websockets(monkeypatch: pytest.MonkeyPatch, anyio_backend: str) -> None:
    """What is no HTTP request is closed at once."""
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    app = runpy.run_path(str(EXAMPLES / "plain_asgi.py"))["app"]
    assert [{"type": "websocket.close"}] == await messages_of(app, "websocket")
