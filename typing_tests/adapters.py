"""What adapters are made of and give."""

from __future__ import annotations

from typing import Any, assert_type
from wsgiref.types import WSGIApplication

from stripe_events import EventRouter, WebhookResponse
from stripe_events.adapters import Endpoint
from stripe_events.adapters.asgi import ASGIApp, asgi_app
from stripe_events.adapters.wsgi import wsgi_app

router = EventRouter("whsec_test")
endpoint = Endpoint.of(router)

assert_type(wsgi_app(router), WSGIApplication)
assert_type(wsgi_app(endpoint, path="/stripe"), WSGIApplication)
assert_type(asgi_app(router), ASGIApp)
assert_type(endpoint.unread("POST", {}), WebhookResponse | None)
assert_type(endpoint.handle(b"", [(b"name", b"value")]), WebhookResponse)

wsgi_app("whsec_test")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def run(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert_type(await endpoint.ahandle(b"", None), WebhookResponse)
    await asgi_app(router)(scope, receive, send)
    async with asgi_app(router).lifespan():
        pass
