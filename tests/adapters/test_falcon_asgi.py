"""Falcon on ASGI: a resource of three lines, as the example has it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from falcon.asgi import App

from tests.adapters.serving import PATHS, ServedContract, on_uvicorn, statuses
from tests.unit.deliveries import encode, snapshot
from tests.unit.waiting import opened

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from falcon.asgi import Request, Response

    from stripe_events import EventRouter


class Stripe:
    """The resource of the example."""

    def __init__(self, router: EventRouter) -> None:
        """Take who handles."""
        self.router = router

    async def on_post(self, req: Request, resp: Response) -> None:
        """Hand a delivery to the router."""
        body = await req.stream.read(self.router.max_body_bytes + 1)
        it = await self.router.ahandle(body, req.headers)
        resp.status, resp.data = it.status, it.body
        resp.set_headers(it.headers)


def app_of(its_router: EventRouter) -> App:
    """Give the app of the example."""
    app = App()
    app.req_options.strip_url_path_trailing_slash = True
    app.add_route("/stripe", Stripe(its_router))
    return app


class TestFalcon(ServedContract):
    """The contract."""

    def server(
        self, router: EventRouter
    ) -> Callable[[socket.socket], AbstractAsyncContextManager[None]]:
        """Give Falcon on uvicorn."""
        return partial(on_uvicorn, app_of(router))


def test_both_slashes_are_served() -> None:
    """Without ``strip_url_path_trailing_slash`` one of them is not found."""
    with opened() as its_router:
        assert [200, 200] == statuses(app_of(its_router), *PATHS)


def test_a_body_is_not_read_further_than_the_limit() -> None:
    """Falcon itself has none."""
    with opened(max_body_bytes=1_000) as its_router:
        body = encode(snapshot()).ljust(1_000)
        app = app_of(its_router)
        assert [200] == statuses(app, "/stripe", payload=body)
        assert [413] == statuses(app, "/stripe", payload=body + b" " * 100_000)
