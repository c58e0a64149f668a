"""FastAPI: the ASGI app as an endpoint, and the view where dependencies are to apply."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Request
from starlette.routing import Route

from stripe_events.adapters.asgi import asgi_app
from stripe_events.adapters.starlette import starlette_endpoint
from tests.adapters.serving import PATHS, ServedContract, on_uvicorn, statuses
from tests.unit.deliveries import signed, snapshot
from tests.unit.waiting import aio, opened

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from stripe_events import EventRouter


class TestEndpoint(ServedContract):
    """The view as a route of the API."""

    def server(
        self, router: EventRouter
    ) -> Callable[[socket.socket], AbstractAsyncContextManager[None]]:
        """Give FastAPI on uvicorn."""
        app = FastAPI()
        app.add_api_route("/stripe", starlette_endpoint(router), methods=["POST"])
        return partial(on_uvicorn, app)


def by_routes(its_router: EventRouter) -> FastAPI:
    """Give the app of the example."""
    webhooks = asgi_app(its_router)
    return FastAPI(routes=[Route(path, webhooks) for path in PATHS])


def by_add_route(its_router: EventRouter) -> FastAPI:
    """Add to an app that is there."""
    app, webhooks = FastAPI(), asgi_app(its_router)
    for path in PATHS:
        app.add_route(path, webhooks)  # type: ignore[arg-type]  # it works, it is not declared
    return app


def by_api_router(its_router: EventRouter) -> FastAPI:
    """Include an APIRouter that has the ASGI app."""
    webhooks = asgi_app(its_router)
    app = FastAPI()
    app.include_router(APIRouter(routes=[Route(path, webhooks) for path in PATHS]))
    return app


def by_api_routes(its_router: EventRouter) -> FastAPI:
    """Include an APIRouter that has the view."""
    app, api, view = FastAPI(), APIRouter(), starlette_endpoint(its_router)
    for path in PATHS:
        api.add_api_route(path, view, methods=["POST"])
    app.include_router(api)
    return app


def by_mounted_app(its_router: EventRouter) -> FastAPI:
    """Mount an app that has the routes."""
    app = FastAPI()
    app.mount("", by_routes(its_router))
    return app


@pytest.mark.parametrize("root_path", ["", "/api"])
@pytest.mark.parametrize(
    "make", [by_routes, by_add_route, by_api_router, by_api_routes, by_mounted_app]
)
def test_both_slashes_are_served(make: Callable[[EventRouter], FastAPI], root_path: str) -> None:
    """No arrangement of two routes redirects, with FastAPI's ``redirect_slashes`` as it is."""
    with opened() as its_router:
        assert [200, 200] == statuses(make(its_router), *PATHS, root_path=root_path)


@pytest.mark.parametrize("make", [asgi_app, starlette_endpoint])
def test_both_slashes_are_served_below_a_prefix(make: Callable[[EventRouter], Any]) -> None:
    """An APIRouter may be included anywhere."""
    with opened() as its_router:
        endpoint = make(its_router)
        api = APIRouter(routes=[Route(path, endpoint, methods=["POST"]) for path in PATHS])
        app = FastAPI()
        app.include_router(api, prefix="/hooks")
        assert [200, 200] == statuses(app, *(f"/hooks{path}" for path in PATHS))


def test_the_lifespan_of_the_app_closes_the_router() -> None:
    """FastAPI takes the ASGI app's lifespan as its own."""

    async def live(its_router: EventRouter, app: FastAPI) -> list[int]:
        async with app.router.lifespan_context(app):
            inside = await its_router.ahandle(*signed(snapshot()))
        return [inside.status, (await its_router.ahandle(*signed(snapshot()))).status]

    with opened() as its_router:
        app = FastAPI(lifespan=asgi_app(its_router).lifespan)
        assert [200, 503] == aio(live(its_router, app))


def test_the_view_is_no_model_of_the_body() -> None:
    """Nothing is asked of body and headers by FastAPI, so nothing is answered 422."""
    with opened() as its_router:
        app = by_api_routes(its_router)
        assert [400] == statuses(app, "/stripe", payload=b"no JSON")
        operation: dict[str, Any] = app.openapi()["paths"]["/stripe"]["post"]
    assert {"requestBody", "parameters", "422"}.isdisjoint({*operation, *operation["responses"]})


def with_dependency(its_router: EventRouter, dependency: Callable[..., Any]) -> FastAPI:
    """Give an app in which something is asked before each delivery."""
    app = FastAPI()
    view = starlette_endpoint(its_router)
    asked = [Depends(dependency)]
    app.add_api_route("/stripe", view, methods=["POST"], dependencies=asked)
    return app


def test_a_dependency_may_refuse_a_delivery() -> None:
    """What it raises is answered, and the router sees nothing."""
    handled: list[object] = []

    def refuse() -> None:
        raise HTTPException(403)

    with opened() as its_router:
        its_router.on_any(handled.append, name="any")
        assert [403] == statuses(with_dependency(its_router, refuse), "/stripe")
    assert [] == handled


def test_a_dependency_may_read_the_body() -> None:
    """As bytes or as a model: the view gets the bytes that came."""
    seen: list[Any] = []

    async def look(request: Request) -> None:
        seen.append(await request.body())

    def parsed(payload: Annotated[dict[str, Any], Body()]) -> None:
        seen.append(payload)

    with opened() as its_router:
        for dependency in (look, parsed):
            assert [200] == statuses(with_dependency(its_router, dependency), "/stripe")
    assert [signed(snapshot())[0], snapshot()] == seen
