"""
What an adapter adds, in process, to the call of the router that it makes.

Both sides get the same signed body and the same fifteen headers, in the form in which
servers give them to this adapter. Under asyncio both sides run on one running loop.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any

from benchmarks.adapters_requests import PATH, SECRET, Request, lambda_event, signed
from benchmarks.figures import Figure
from benchmarks.rounds import compare
from stripe_events import EventRouter
from stripe_events.adapters.asgi import asgi_app
from stripe_events.adapters.aws_lambda import lambda_handler
from stripe_events.adapters.wsgi import wsgi_app
from stripe_events.events import ChargeSucceeded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["measure"]

_MOST_US = 25.0
_AT_ONCE = 20


def measure(rounds: int) -> list[Figure]:
    """Compare each adapter with its router, in so many rounds."""
    request = signed(behind_proxy=True)
    return [_wsgi(request, rounds), _asgi(request, rounds), _lambda(request, rounds)]


def _figure(
    adapter: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    rounds: int,
    calls: int = 1,
) -> Figure:
    timing = compare(ours, theirs, rounds)
    mine, other = timing.ours_us / calls, timing.theirs_us / calls
    measured = f"{mine - other:.1f} us   {mine:.1f} - {other:.1f} us"
    passed = mine - other <= _MOST_US
    return Figure(f"{adapter}, a call", f"at most {_MOST_US:g} us", measured, passed)


def _wsgi(request: Request, rounds: int) -> Figure:
    router = EventRouter(SECRET)
    router.on(ChargeSucceeded)(_nothing)
    app, stream = wsgi_app(router), BytesIO(request.body)
    environ = _environ(request, stream)

    def call() -> bytes:
        stream.seek(0)
        return b"".join(app(environ, _start_response))

    assert call() == router.handle(*request).body
    return _figure("wsgi_app", call, lambda: router.handle(*request), rounds)


def _environ(request: Request, stream: BytesIO) -> dict[str, Any]:
    headers = {f"HTTP_{name.upper().replace('-', '_')}": v for name, v in request.headers.items()}
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": PATH,
        "QUERY_STRING": "",
        "SERVER_NAME": "example.com",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": headers.pop("HTTP_CONTENT_TYPE"),
        "CONTENT_LENGTH": headers.pop("HTTP_CONTENT_LENGTH"),
        **headers,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": stream,
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def _asgi(request: Request, rounds: int) -> Figure:
    router = EventRouter(SECRET)
    router.on(ChargeSucceeded)(_nothing_awaited)
    app, scope = asgi_app(router), _scope(request)
    message = {"type": "http.request", "body": request.body, "more_body": False}

    async def receive() -> dict[str, Any]:
        return message

    async def call() -> None:
        await app(scope, receive, _send)

    async def bare() -> None:
        await router.ahandle(request.body, scope["headers"])

    with asyncio.Runner() as runner:
        ours, theirs = (lambda side=side: runner.run(_repeat(side)) for side in (call, bare))
        return _figure("asgi_app", ours, theirs, rounds, _AT_ONCE)


def _scope(request: Request) -> dict[str, Any]:
    headers = [(n.lower().encode(), v.encode()) for n, v in request.headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 443),
        "client": ("127.0.0.1", 50_000),
        "scheme": "https",
        "method": "POST",
        "root_path": "",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": headers,
        "state": {},
    }


def _lambda(request: Request, rounds: int) -> Figure:
    router = EventRouter(SECRET)
    router.on(ChargeSucceeded)(_nothing)
    handler, event, context = lambda_handler(router), lambda_event(request), _Context()
    body, headers = event["body"], event["headers"]

    answer = handler(event, context)
    assert answer is not None
    assert answer["statusCode"] == HTTPStatus.OK
    return _figure(
        "lambda_handler",
        lambda: handler(event, context),
        lambda: router.handle(body, headers),
        rounds,
    )


class _Context:
    """What Lambda gives beside the event, as far as it is asked."""

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds that this invocation has left."""
        return 29_000


async def _repeat(call: Callable[[], Awaitable[None]]) -> None:
    for _ in range(_AT_ONCE):
        await call()


def _nothing(event: ChargeSucceeded) -> None:
    """Take the event and leave it alone."""


async def _nothing_awaited(event: ChargeSucceeded) -> None:
    """Take the event and leave it alone."""


def _start_response(status: str, *_: Any) -> Callable[[bytes], object]:
    assert status == "200 OK"
    return bytes


async def _send(message: dict[str, Any]) -> None:
    assert message.get("status", HTTPStatus.OK) == HTTPStatus.OK
