"""A handler for aiohttp's web server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from stripe_events.adapters._endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from stripe_events._messages import WebhookResponse
    from stripe_events.router import EventRouter

__all__ = ["aiohttp_handler", "aiohttp_lifespan"]


def aiohttp_handler(
    router: EventRouter | Endpoint,
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """
    Make a handler of a router: ``app.router.add_route("*", "/stripe{_:/?}", handler)``.

    aiohttp's ``client_max_size`` does not apply, the router's ``max_body_bytes`` does. A
    body that a middleware has read by ``await request.read()`` is used.

    Args:
        router: who handles; or an endpoint of another kind.

    Raises:
        ConfigurationError: the router has no secrets.
    """
    endpoint = Endpoint.of(router, is_async=True)

    async def webhook(request: web.Request) -> web.StreamResponse:
        response = await _respond(endpoint, request)
        return web.Response(body=response.body, status=response.status, headers=response.headers)

    return webhook


def aiohttp_lifespan(
    router: EventRouter,
) -> Callable[[web.Application], AsyncGenerator[None, None]]:
    """
    Open the router with the application, and let what is under way end with it.

    In this form aiohttp takes it: ``app.cleanup_ctx.append(aiohttp_lifespan(router))``.
    """

    async def lifespan(_: web.Application) -> AsyncGenerator[None, None]:
        router.open()
        yield
        await router.aclose()

    return lifespan


async def _respond(endpoint: Endpoint, request: web.Request) -> WebhookResponse:
    response = endpoint.unread(request.method, request.headers)
    if response is not None:
        return response
    try:
        body = await _read(request, endpoint.max_body_bytes)
    except Exception as error:  # noqa: BLE001 - the connection's, the parser's, the decoder's
        return endpoint.truncated(error)
    return await endpoint.ahandle(body, request.headers)


async def _read(request: web.Request, most: int) -> bytes:
    """Give the body, or a little more than ``most`` bytes of it."""
    if request.content.at_eof():
        return await request.read()  # empty, or kept from when it was read before
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > most:
            break
    return bytes(body)
