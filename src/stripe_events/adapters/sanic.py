"""A handler for Sanic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sanic.response import HTTPResponse, raw
from sanic.views import stream  # pyright: ignore[reportUnknownVariableType] - it has no types

from stripe_events.adapters._endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Coroutine

    from sanic.request import Request

    from stripe_events._messages import WebhookResponse
    from stripe_events.router import EventRouter

__all__ = ["sanic_handler"]


def sanic_handler(
    router: EventRouter | Endpoint,
) -> Callable[[Request], Coroutine[Any, Any, HTTPResponse]]:
    """
    Make a handler of a router: ``app.add_route(handler, "/stripe", methods=["POST"])``.

    Sanic's ``REQUEST_MAX_SIZE`` does not apply, the router's ``max_body_bytes`` does. To
    let handlers end with the server, ``await router.aclose()`` in ``before_server_stop``.

    Args:
        router: who handles; or an endpoint of another kind.

    Raises:
        ConfigurationError: the router has no secrets.
    """
    endpoint = Endpoint.of(router, is_async=True)

    async def stripe_webhook(request: Request) -> HTTPResponse:
        response = await _respond(endpoint, request)
        return raw(response.body, response.status, response.headers)

    stream(stripe_webhook)  # type: ignore[no-untyped-call]  # a mark: it reads
    return stripe_webhook


async def _respond(endpoint: Endpoint, request: Request) -> WebhookResponse:
    headers = request.headers
    response = endpoint.unread(request.method, headers)
    if response is not None:
        return response
    body = request.body or await _read(request, endpoint.max_body_bytes)
    return endpoint.incomplete(body, headers) or await endpoint.ahandle(body, headers)


async def _read(request: Request, most: int) -> bytes:
    """Give the body, or a little more than ``most`` bytes of it."""
    body = bytearray()
    async for chunk in cast("AsyncIterable[bytes]", request.stream):
        body += chunk
        if len(body) > most:
            break
    return bytes(body)
