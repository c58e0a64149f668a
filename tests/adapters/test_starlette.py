"""Starlette: the ASGI app as an endpoint, and the view."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount, Route

from stripe_events import EventRouter
from stripe_events.adapters.asgi import asgi_app
from stripe_events.adapters.starlette import starlette_endpoint
from stripe_events.errors import ConfigurationError, UsageError
from tests.adapters.serving import PATHS, ServedContract, on_uvicorn, statuses
from tests.unit.deliveries import signed, snapshot
from tests.unit.waiting import aio, opened

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from starlette.requests import Request
    from starlette.responses import Response


class TestRoute(ServedContract):
    """The ASGI app as the endpoint of a route."""

    def server(
        self, router: EventRouter
    ) -> Callable[[socket.socket], AbstractAsyncContextManager[None]]:
        """Give Starlette on uvicorn."""
        return partial(on_uvicorn, Starlette(routes=[Route("/stripe", asgi_app(router))]))


class TestEndpoint(ServedContract):
    """The view as the endpoint of a route."""

    def server(
        self, router: EventRouter
    ) -> Callable[[socket.socket], AbstractAsyncContextManager[None]]:
        """Give Starlette on uvicorn."""
        view = starlette_endpoint(router)
        app = Starlette(routes=[Route("/stripe", view, methods=["POST"])])
        return partial(on_uvicorn, app)


def both(endpoint: Any, **options: Any) -> list[Route]:
    """Give the routes for a path with and without a slash at its end."""
    return [Route(path, endpoint, **options) for path in PATHS]


@pytest.mark.parametrize("root_path", ["", "/api"])
@pytest.mark.parametrize("kind", ["app", "view"])
def test_two_routes_serve_both_slashes(kind: str, root_path: str) -> None:
    """Starlette redirects from one to the other only where a route is missing."""
    with opened() as its_router:
        make: dict[str, Callable[[], list[Route]]] = {
            "app": lambda: both(asgi_app(its_router)),
            "view": lambda: both(starlette_endpoint(its_router), methods=["POST"]),
        }
        flat = statuses(Starlette(routes=make[kind]()), *PATHS, root_path=root_path)
        outer = Starlette(routes=[Mount("/hooks", routes=make[kind]())])
        inner = statuses(outer, *(f"/hooks{path}" for path in PATHS), root_path=root_path)
    assert [200] * 4 == flat + inner


def test_one_route_redirects_from_the_other_slash() -> None:
    """The trap that two routes avoid is still there."""
    with opened() as its_router:
        app = Starlette(routes=[Route("/stripe", asgi_app(its_router))])
        assert [200, 307] == statuses(app, *PATHS)


def test_a_mounted_app_is_reached_by_a_redirect() -> None:
    """So is this one, which makes a route the better place."""
    with opened() as its_router:
        app = Starlette(routes=[Mount("/stripe", asgi_app(its_router))])
        assert [307, 200] == statuses(app, *PATHS)


def test_a_body_that_a_middleware_has_kept_is_used() -> None:
    """``request.body()`` in front of the view leaves the body to it."""
    seen: list[bytes] = []

    async def look(request: Request, call_next: Any) -> Response:
        seen.append(await request.body())
        response: Response = await call_next(request)
        return response

    with opened() as its_router:
        app = Starlette(
            routes=both(starlette_endpoint(its_router), methods=["POST"]),
            middleware=[Middleware(BaseHTTPMiddleware, look)],
        )
        assert [200] == statuses(app, "/stripe")
    assert [signed(snapshot())[0]] == seen


def test_a_body_that_was_read_without_keeping_it_is_an_error_of_use() -> None:
    """The message says how to read it instead."""
    with opened() as its_router:
        view = starlette_endpoint(its_router)

        async def careless(request: Request) -> Response:
            async for _ in request.stream():
                pass
            return await view(request)

        app = Starlette(routes=[Route("/stripe", careless, methods=["POST"])])
        with pytest.raises(UsageError, match=r"await request\.body\(\)"):
            statuses(app, "/stripe")


async def answers(app: Any, messages: Sequence[dict[str, Any]]) -> list[int]:
    """Give the statuses that an ASGI app answers to a POST that comes in these messages."""
    incoming, sent = list(messages), []
    _, headers = signed(snapshot())

    async def receive() -> dict[str, Any]:
        return incoming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/stripe",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    await app(scope, receive, send)
    return [message["status"] for message in sent if "status" in message]


def test_a_client_that_goes_away_while_it_sends_is_not_handled() -> None:
    """Even if all that was signed has come: nobody knows whether it was all."""
    handled: list[object] = []
    with opened() as its_router:
        its_router.on_any(handled.append, name="any")
        app = Starlette(routes=[Route("/stripe", starlette_endpoint(its_router), methods=["POST"])])
        body, _ = signed(snapshot())
        come = {"type": "http.request", "body": body, "more_body": True}
        assert [400] == aio(answers(app, [come, {"type": "http.disconnect"}]))
    assert [] == handled


def test_a_body_is_not_read_further_than_the_limit() -> None:
    """The pieces after the one that is too much stay unread."""
    with opened(max_body_bytes=10) as its_router:
        app = Starlette(routes=[Route("/stripe", starlette_endpoint(its_router), methods=["POST"])])
        piece = {"type": "http.request", "body": b"12345678", "more_body": True}
        assert [413] == aio(answers(app, [piece, piece]))


def test_the_lifespan_of_the_app_opens_and_closes_the_router() -> None:
    """A mounted app is not told of start and stop, so the outer one tells the router."""

    async def live(its_router: EventRouter, app: Starlette) -> list[int]:
        async with app.router.lifespan_context(app):
            inside = await its_router.ahandle(*signed(snapshot()))
        return [inside.status, (await its_router.ahandle(*signed(snapshot()))).status]

    with opened() as its_router:
        webhooks = asgi_app(its_router)
        its_router.close()
        app = Starlette(routes=both(webhooks), lifespan=webhooks.lifespan)
        assert [503] == statuses(app, "/stripe")
        assert [200, 503] == aio(live(its_router, app))


def test_a_router_without_secrets_is_refused_when_the_view_is_made() -> None:
    """Not at the first delivery."""
    with pytest.raises(ConfigurationError):
        starlette_endpoint(EventRouter())
