"""
An ASGI 3 app around a router, for any ASGI server, and to mount in any ASGI framework.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

from asyncio import CancelledError
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from stripe_events._messages import Outcome, WebhookResponse
from stripe_events.adapters._endpoint import Endpoint
from stripe_events.adapters._path import checked, elsewhere

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from stripe_events.router import EventRouter

    _Message: TypeAlias = Any  # frameworks and type stubs have a type of their own, each
    _Receive: TypeAlias = Callable[[], Awaitable[_Message]]
    _Send: TypeAlias = Callable[[_Message], Awaitable[None]]

__all__ = ["ASGIApp", "asgi_app"]


def asgi_app(
    router: EventRouter | Endpoint, *, path: str | None = None, drain: float = 30.0
) -> ASGIApp:
    """
    Make an ASGI app of a router.

    It can be the whole app, mounted in another one, or the endpoint of a Starlette
    ``Route``, which serves its path without a redirect. A client that goes away while it
    sends is not answered; one that goes away later cancels nothing: the handlers run on.
    So they do where a server or middleware cancels the request, which is answered 503 then.

    Args:
        router: who handles; or an endpoint of another kind.
        path: the only path that is served, with the one where the app is mounted in
            front, as ``/hooks/stripe``; a slash at its end makes no difference. None
            serves every path that comes here.
        drain: for how many seconds the end of the lifespan waits for handlers; async ones
            are cancelled then, and have 5 s to clean up. Whatever ends the process by
            force should wait longer than the server's own patience and this together.

    Raises:
        ConfigurationError: the router has no secrets, or ``path`` does not begin with ``/``.
    """
    return ASGIApp(Endpoint.of(router, is_async=True), checked(path), drain)


class ASGIApp:
    """
    What ``asgi_app`` makes: an ASGI app, and the lifespan for the app that it is mounted in.

    An outermost app is told by its server when it starts and stops. A mounted one is not:
    give the outer app its ``lifespan``.
    """

    def __init__(self, endpoint: Endpoint, path: str | None, drain: float) -> None:
        """Be made by ``asgi_app``."""
        self._endpoint = endpoint
        self._path = path
        self._drain = drain

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer one request, or the server's start and stop; websockets are refused."""
        match scope["type"]:
            case "http":
                await self._answer(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close"})
            case other:
                msg = f"stripe_events serves http, not {other}"
                raise RuntimeError(msg)  # as the specification asks for what is not known

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncGenerator[None, None]:  # noqa: ARG002
        """
        Open the router for as long as a block lasts, then let what is under way end.

        In this form frameworks take it: ``FastAPI(lifespan=webhooks.lifespan)``.

        Raises:
            UsageError: what ``EventRouter.open`` raises.
        """
        self._endpoint.router.open()
        try:
            yield
        finally:
            await self._endpoint.router.aclose(wait=self._drain)

    async def _live(self, receive: _Receive, send: _Send) -> None:
        await receive()
        try:
            self._endpoint.router.open()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._endpoint.router.aclose(wait=self._drain)
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        response = elsewhere(self._path, _whole_path(scope))
        response = response or self._endpoint.unread(scope["method"], scope["headers"])
        if response is None:
            body = await _read(receive, self._endpoint.max_body_bytes)
            if body is None:
                return
            try:
                response = await self._endpoint.ahandle(body, scope["headers"])
            except CancelledError:  # the server waits no longer, the handlers run on
                with suppress(Exception):
                    await _send(WebhookResponse(Outcome.DRAINING), send)
                raise
        await _send(response, send, is_head=scope["method"] == "HEAD")


async def _read(receive: _Receive, most: int) -> bytes | None:
    """Give the body, or a little more than ``most`` bytes of it; None if the client went away."""
    message = await receive()
    chunks: list[bytes] = []
    size = 0
    while message["type"] != "http.disconnect":
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > most or not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()
    return None


async def _send(response: WebhookResponse, send: _Send, *, is_head: bool = False) -> None:
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else response.body})


def _whole_path(scope: _Message) -> str:
    # Newer servers and Starlette repeat the mount in the path, others leave it out.
    root, path = scope.get("root_path", ""), scope["path"]
    return str(path if path == root or path.startswith(f"{root}/") else root + path)
