"""
A view for Starlette and FastAPI, for routes that have dependencies, tags or a name.

Without any, ``asgi_app`` of ``stripe_events.adapters.asgi`` is the endpoint of a route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from stripe_events.adapters._endpoint import Endpoint
from stripe_events.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stripe_events._messages import WebhookResponse
    from stripe_events.router import EventRouter

__all__ = ["starlette_endpoint"]


def starlette_endpoint(
    router: EventRouter | Endpoint,
) -> Callable[[Request], Awaitable[Response]]:
    """
    Make a view of a router: ``api.add_api_route("/stripe", view, methods=["POST"])``.

    A slash more or less in the path is a redirect, which Stripe does not follow: add the
    route for both. The view raises UsageError if something has read the body's stream
    and kept nothing; ``await request.body()`` keeps it.

    Args:
        router: who handles; or an endpoint of another kind.

    Raises:
        ConfigurationError: the router has no secrets.
    """
    endpoint = Endpoint.of(router, is_async=True)

    async def webhook(request: Request) -> Response:
        """Take a delivery from Stripe."""
        response = await _respond(endpoint, request)
        return Response(response.body, response.status, response.headers)

    return webhook


async def _respond(endpoint: Endpoint, request: Request) -> WebhookResponse:
    response = endpoint.unread(request.method, request.headers.raw)
    if response is not None:
        return response
    try:
        body = await _read(request, endpoint.max_body_bytes)
    except ClientDisconnect as error:
        return endpoint.truncated(error)
    return await endpoint.ahandle(body, request.headers.raw)


async def _read(request: Request, most: int) -> bytes:
    """Give the body, or a little more than ``most`` bytes of it."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                break
    except RuntimeError as error:
        raise UsageError(
            "something has read the body of this request as a stream before; "
            "read it there by `await request.body()`, which keeps it"
        ) from error
    return bytes(body)
