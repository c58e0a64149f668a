"""What the WSGI app reads, and what it answers without reading."""

from __future__ import annotations

import io
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from stripe_events import EventRouter
from stripe_events.adapters.asgi import asgi_app
from stripe_events.adapters.wsgi import wsgi_app
from stripe_events.errors import (
    AsyncStoreError,
    ConfigurationError,
    LengthRequired,
    MalformedPayload,
    PayloadTooLarge,
    UsageError,
)
from stripe_events.observers import Rejected
from stripe_events.storage import MemoryStore
from tests.unit.both_ways import pass_through_async
from tests.unit.deliveries import router, signed, snapshot
from tests.unit.recorded import AsyncMemoryStore

MOST = 100_000
CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked"}
ENDS = {"wsgi.input_terminated": True}


class Input:
    """What a server lets apps read: at most ``step`` bytes at once, and how much was read."""

    def __init__(
        self, body: bytes, step: int = 1_000_000, *, error: Exception | None = None
    ) -> None:
        """Hold a body; after it comes the error, or nothing."""
        self._body = io.BytesIO(body)
        self._step = step
        self._error = error
        self.asked: list[int] = []

    def read(self, size: int) -> bytes:
        """Give a part."""
        self.asked.append(size)
        part = self._body.read(min(size, self._step))
        if not part and size and self._error is not None:
            raise self._error
        return part


def call(
    app: Any, stream: Any, headers: dict[str, str] | None = None, **environ: Any
) -> tuple[int, dict[str, str], bytes]:
    """Call the app as a server does."""
    environ = {"REQUEST_METHOD": "POST", "wsgi.input": stream} | environ
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": v for name, v in (headers or {}).items()}
    setup_testing_defaults(environ)
    started: list[Any] = []
    body = b"".join(app(environ, lambda *arguments: started.append(arguments)))
    ((status, pairs),) = started
    return int(status.split()[0]), dict(pairs), body


def serving(**options: Any) -> tuple[EventRouter, list[Any], list[Any]]:
    """Give a router, the payloads it has handled, and the errors it has refused."""
    serves = router(max_body_bytes=MOST, **options)
    handled: list[Any] = []
    refused: list[Any] = []
    serves.on_any(name="any")(lambda event: handled.append(dict(event.payload)))
    serves.observe(Rejected)(lambda record: refused.append(type(record.error)))
    return serves, handled, refused


LONG = snapshot(note="x" * 70_000)


@pytest.mark.parametrize("step", [1, 7, 65_536])
@pytest.mark.parametrize("payload", [snapshot(), LONG], ids=["short", "long"])
def test_short_reads_are_put_together(step: int, payload: Any) -> None:
    """A server gives what has come so far; the length says when it is all."""
    serves, handled, _ = serving()
    body, headers = signed(payload)
    stream = Input(body + b"the next request", max(step, len(body) // 500))
    status, *_ = call(wsgi_app(serves), stream, headers, CONTENT_LENGTH=str(len(body)))
    assert (200, [payload]) == (status, handled)


def test_nothing_is_asked_for_beyond_the_length() -> None:
    """A server that keeps the connection open would wait for ever."""
    serves, _, _ = serving()
    body, headers = signed(LONG)
    stream = Input(body, 1_000)
    call(wsgi_app(serves), stream, headers, CONTENT_LENGTH=str(len(body)))
    left = len(body)
    for asked in stream.asked:
        assert 0 < asked <= left
        left -= min(asked, 1_000)
    assert 0 == left


def test_a_body_that_ends_early_is_refused_unverified() -> None:
    """Half a body is never taken for a forged one."""
    serves, handled, refused = serving()
    body, headers = signed(snapshot())
    status, _, answer = call(
        wsgi_app(serves), Input(body[:-1]), headers, CONTENT_LENGTH=str(len(body))
    )
    assert (400, b'{"outcome":"malformed"}') == (status, answer)
    assert ([], [MalformedPayload]) == (handled, refused)


@pytest.mark.parametrize("error", [OSError("reset"), ValueError("closed"), Exception("odd")])
@pytest.mark.parametrize("environ", [{"CONTENT_LENGTH": "10"}, ENDS], ids=["length", "chunked"])
def test_an_error_of_the_server_while_reading_is_answered(
    error: Exception, environ: dict[str, Any]
) -> None:
    """Servers have errors of their own for clients that go away."""
    serves, _, refused = serving()
    status, *_ = call(wsgi_app(serves), Input(b"{", error=error), **environ)
    assert (400, [MalformedPayload]) == (status, refused)


@pytest.mark.parametrize("length", [None, ""])
def test_a_terminated_input_is_read_to_its_end(length: str | None) -> None:
    """A server that decodes chunks says that the input ends."""
    serves, handled, _ = serving()
    body, headers = signed(LONG)
    given = {} if length is None else {"CONTENT_LENGTH": length}
    status, *_ = call(wsgi_app(serves), Input(body, 999), headers, **ENDS, **CHUNKED, **given)
    assert (200, [LONG]) == (status, handled)


def test_a_terminated_input_is_read_no_further_than_the_limit() -> None:
    """However much is sent in chunks, a byte more than the limit is enough to refuse it."""
    serves, _, refused = serving()
    stream = Input(b"x" * 10 * MOST)
    status, *_ = call(wsgi_app(serves), stream, **ENDS, **CHUNKED)
    assert (413, [PayloadTooLarge], MOST + 1) == (status, refused, sum(stream.asked))


@pytest.mark.parametrize("length", [{}, {"CONTENT_LENGTH": ""}])
def test_chunks_that_nobody_ends_are_refused_unread(length: dict[str, str]) -> None:
    """A read could hang; the proxy is to say the length."""
    serves, _, refused = serving()
    stream = Input(b"")
    status, *_ = call(wsgi_app(serves), stream, **CHUNKED, **length)
    assert (411, [LengthRequired], []) == (status, refused, stream.asked)


def test_no_length_and_no_chunks_is_no_body() -> None:
    """A request that announces nothing has sent nothing."""
    serves, _, _ = serving()
    stream = Input(b"")
    status, _, answer = call(wsgi_app(serves), stream)
    assert (400, b'{"outcome":"signature_missing"}', []) == (status, answer, stream.asked)


@pytest.mark.parametrize(
    "length", ["abc", "-5", "+5", "5.0", "1e3", " 5", "0x5", "\xb2", "٣", "5, 5"]
)
def test_a_length_that_is_none_is_refused_unread(length: str) -> None:
    """Some servers pass on any nonsense."""
    serves, _, refused = serving()
    stream = Input(b"12345")
    status, *_ = call(wsgi_app(serves), stream, CONTENT_LENGTH=length)
    assert (400, [MalformedPayload], []) == (status, refused, stream.asked)


@pytest.mark.parametrize("length", [str(MOST + 1), "9" * 5_000])
def test_a_length_over_the_limit_is_refused_unread(length: str) -> None:
    """Also one with more digits than Python reads."""
    serves, _, refused = serving()
    stream = Input(b"x" * (MOST + 1))
    status, *_ = call(wsgi_app(serves), stream, CONTENT_LENGTH=length)
    assert (413, [PayloadTooLarge], []) == (status, refused, stream.asked)


def test_zeros_in_front_of_a_length_change_nothing() -> None:
    """They are odd, but say how long the body is."""
    serves, handled, _ = serving()
    body, headers = signed(snapshot())
    call(wsgi_app(serves), Input(body), headers, CONTENT_LENGTH=f"00{len(body)}")
    assert [snapshot()] == handled


def test_another_method_is_refused_unread() -> None:
    """The answer names the method that is allowed."""
    serves, _, _ = serving()
    stream = Input(b"x" * 10)
    status, headers, _ = call(wsgi_app(serves), stream, REQUEST_METHOD="PUT", CONTENT_LENGTH="10")
    assert (405, "POST", []) == (status, headers["allow"], stream.asked)


def test_head_is_answered_without_a_body() -> None:
    """Its headers are those that GET would have."""
    serves, _, _ = serving()
    status, headers, body = call(wsgi_app(serves), Input(b""), REQUEST_METHOD="HEAD")
    _, of_get, body_of_get = call(wsgi_app(serves), Input(b""), REQUEST_METHOD="GET")
    assert (405, b"", of_get) == (status, body, headers)
    assert str(len(body_of_get)) == of_get["content-length"]


@pytest.mark.parametrize(
    ("script", "path"),
    [
        ("", "/hooks/stripe"),
        ("", "/hooks/stripe/"),
        ("/hooks", "/stripe"),
        ("/hooks/stripe", ""),
        ("/hooks/stripe", "/"),
    ],
)
@pytest.mark.parametrize("served", [None, "/hooks/stripe", "/hooks/stripe/"])
def test_it_serves_its_path_wherever_it_is_mounted(
    script: str, path: str, served: str | None
) -> None:
    """A slash at the end makes no difference, for Stripe follows no redirect."""
    serves, handled, _ = serving()
    body, headers = signed(snapshot())
    status, *_ = call(
        wsgi_app(serves, path=served),
        Input(body),
        headers,
        CONTENT_LENGTH=str(len(body)),
        SCRIPT_NAME=script,
        PATH_INFO=path,
    )
    assert (200, [snapshot()]) == (status, handled)


@pytest.mark.parametrize(
    "path", ["/", "/hooks", "/hooks/stripe/more", "/hooks/stripes", "/HOOKS/stripe"]
)
def test_no_other_path_is_served(path: str) -> None:
    """What is not there is not read."""
    serves, handled, _ = serving()
    body, headers = signed(snapshot())
    stream = Input(body)
    app = wsgi_app(serves, path="/hooks/stripe")
    length = str(len(body))
    status, _, answer = call(app, stream, headers, CONTENT_LENGTH=length, PATH_INFO=path)
    assert (404, b'{"outcome":"not_found"}') == (status, answer)
    assert ([], []) == (handled, stream.asked)


@pytest.mark.parametrize("path", ["stripe", "", "/größe"])
@pytest.mark.parametrize("adapter", [wsgi_app, asgi_app])
def test_a_path_that_nobody_could_ask_for_is_refused(adapter: Any, path: str) -> None:
    """When the app is made, for it would answer 404 to everything."""
    with pytest.raises(ConfigurationError, match="such as '/stripe'"):
        adapter(router(), path=path)


def test_without_a_path_every_path_is_served() -> None:
    """Whoever mounts it has chosen the path."""
    serves, _, _ = serving()
    assert 405 == call(wsgi_app(serves), Input(b""), REQUEST_METHOD="GET", PATH_INFO="/any")[0]


def test_a_router_that_verifies_nothing_is_refused_when_the_app_is_made() -> None:
    """Not at the first delivery."""
    with pytest.raises(ConfigurationError, match="no secrets"):
        wsgi_app(EventRouter())


def test_a_store_that_is_awaited_is_refused_when_the_app_is_made() -> None:
    """The error names its twin."""
    with pytest.raises(AsyncStoreError, match="async adapter; in threads, use"):
        wsgi_app(router(store=AsyncMemoryStore(MemoryStore())))


def test_async_middleware_is_refused_when_the_app_is_made() -> None:
    """In threads nobody could await it."""
    serves = router()
    serves.on_any(name="any")(lambda event: None)
    serves.middleware(pass_through_async)
    with pytest.raises(UsageError, match="async middleware"):
        wsgi_app(serves)


def test_handlers_may_be_registered_after_the_app_is_made() -> None:
    """The app stands where the framework wants it, handlers are imported later."""
    serves = router()
    app = wsgi_app(serves)
    handled: list[str] = []
    serves.on("charge.succeeded", name="late")(lambda event: handled.append(event.id))
    body, headers = signed(snapshot())
    call(app, Input(body), headers, CONTENT_LENGTH=str(len(body)))
    assert ["evt_1"] == handled


def test_what_a_handler_exits_with_passes_through() -> None:
    """Whoever ends the process does so."""
    serves = router()

    def leave(event: object) -> None:
        raise SystemExit(3)

    serves.on_any(name="leave")(leave)
    body, headers = signed(snapshot())
    with pytest.raises(SystemExit):
        call(wsgi_app(serves), Input(body), headers, CONTENT_LENGTH=str(len(body)))
