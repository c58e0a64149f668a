"""Sinks around a router, for Falcon's WSGI apps and for its ASGI apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from stripe_events.adapters._endpoint import Endpoint
from stripe_events.adapters.wsgi import wsgi_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from falcon import Request, Response, asgi

    from stripe_events.router import EventRouter

    class _Sink(Protocol):
        def __call__(self, req: Request, resp: Response, **kwargs: Any) -> None: ...

    class _AsyncSink(Protocol):
        async def __call__(
            self, req: asgi.Request, resp: asgi.Response | None, **kwargs: Any
        ) -> None: ...


__all__ = ["afalcon_sink", "falcon_sink"]


def falcon_sink(router: EventRouter | Endpoint) -> _Sink:
    r"""
    Make a sink of a router, for Falcon's WSGI apps.

    With both forms of its URL, and no other::

        app.add_sink(falcon_sink(router), r"/stripe/?\Z")

    What runs before the sink must leave the body alone: Falcon gives it once.

    Args:
        router: who handles; or an endpoint of another kind.

    Raises:
        ConfigurationError: the router has no secrets.
        AsyncStoreError, UsageError: its store or middleware is async.
    """
    app = wsgi_app(router)

    def sink(req: Request, resp: Response, **_: Any) -> None:
        body: list[bytes] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _: object = None, /
        ) -> Callable[[bytes], object]:
            resp.status = status
            resp.set_headers(headers)
            return body.append

        body.extend(app(req.env, start_response))
        resp.data = b"".join(body)

    return sink


def afalcon_sink(router: EventRouter | Endpoint) -> _AsyncSink:
    """
    Make a sink of a router, for Falcon's ASGI apps; see ``falcon_sink``.

    At shutdown, ``await router.aclose()`` in a middleware's ``process_shutdown``. A body in
    chunks that is cut off looks whole to Falcon; the signature tells.

    Raises:
        ConfigurationError: the router has no secrets.
    """
    endpoint = Endpoint.of(router, is_async=True)

    async def sink(
        req: asgi.Request,
        resp: asgi.Response | None,
        ws: object = None,  # noqa: ARG001 - without this name Falcon gives it as `resp`
        **_: Any,
    ) -> None:
        if resp is None:
            return  # Falcon closes the websocket
        response = endpoint.unread(req.method, req.headers)
        if response is None:
            body = await req.stream.read(endpoint.max_body_bytes + 1)
            response = endpoint.incomplete(body, req.headers)
            response = response or await endpoint.ahandle(body, req.headers)
        resp.status, resp.data = response.status, response.body
        resp.set_headers(response.headers)

    return sink
