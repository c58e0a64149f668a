"""
The apps that are compared on one server: each reads the whole body and gives one answer.

``bare`` does no more than that. ``verified`` also does what nobody can do without, ``hmac``
and ``json.loads`` over the body: what remains of the server's speed after that is the most
that any adapter could leave. ``adapter`` is ours, around a router with one handler.
"""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.adapters_requests import SECRET
from stripe_events import EventRouter
from stripe_events.adapters.asgi import asgi_app
from stripe_events.adapters.wsgi import wsgi_app
from stripe_events.events import ChargeSucceeded

if TYPE_CHECKING:
    from collections.abc import Callable

    _Work: TypeAlias = Callable[[bytes, str], None]

__all__ = ["ANSWER", "asgi", "wsgi"]

ANSWER = b'{"outcome":"handled","event":"evt_1TestBench00000000000000"}'
"""The body of every answer."""

_HEADERS = [("content-type", "application/json"), ("content-length", str(len(ANSWER)))]
_KEY = SECRET.encode()


def wsgi(side: str) -> Any:
    """Give the WSGI app of a side."""
    match side:
        case "adapter":
            return wsgi_app(_router(_nothing))
        case "verified":
            return _wsgi(_check)
        case _:
            return _wsgi(_leave)


def asgi(side: str) -> Any:
    """Give the ASGI app of a side."""
    match side:
        case "adapter":
            return asgi_app(_router(_nothing_awaited))
        case "verified":
            return _asgi(_check)
        case _:
            return _asgi(_leave)


def _router(handler: Callable[[Any], object]) -> EventRouter:
    router = EventRouter(SECRET)
    router.on(ChargeSucceeded)(handler)
    return router


def _nothing(event: ChargeSucceeded) -> None:
    """Take the event and leave it alone."""


async def _nothing_awaited(event: ChargeSucceeded) -> None:
    """Take the event and leave it alone."""


def _wsgi(work: _Work) -> Any:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        work(body, environ["HTTP_STRIPE_SIGNATURE"])
        start_response("200 OK", _HEADERS)
        return [ANSWER]

    return app


def _asgi(work: _Work) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"  # servers take it that there is no lifespan
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        work(body, dict(scope["headers"])[b"stripe-signature"].decode())
        headers = [(name.encode(), value.encode()) for name, value in _HEADERS]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})

    return app


def _leave(body: bytes, signature: str) -> None:
    """Do nothing with either."""


def _check(body: bytes, signature: str) -> None:
    time, value = (item.partition("=")[2] for item in signature.split(","))
    expected = hmac.new(_KEY, b"%b.%b" % (time.encode(), body), "sha256").hexdigest()
    assert hmac.compare_digest(expected, value)
    json.loads(body)
