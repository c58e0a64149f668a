"""Quart: a view of three lines, as the example has it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from quart import Quart, request

from tests.adapters.serving import PATHS, ServedContract, on_uvicorn, statuses
from tests.unit.deliveries import encode, signed, snapshot
from tests.unit.waiting import aio, opened

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from stripe_events import EventRouter


def app_of(its_router: EventRouter) -> Quart:
    """Give the app of the example."""
    app = Quart(__name__)

    @app.post("/stripe", strict_slashes=False)
    async def stripe() -> tuple[bytes, int, dict[str, str]]:
        it = await its_router.ahandle(await request.get_data(), request.headers)
        return it.body, it.status, it.headers

    app.after_serving(its_router.aclose)
    return app


class TestQuart(ServedContract):
    """The contract."""

    def server(
        self, router: EventRouter
    ) -> Callable[[socket.socket], AbstractAsyncContextManager[None]]:
        """Give Quart on uvicorn."""
        return partial(on_uvicorn, app_of(router))


def test_both_slashes_are_served() -> None:
    """Without ``strict_slashes=False`` one is a redirect or not found."""
    with opened() as its_router:
        assert [200, 200] == statuses(app_of(its_router), *PATHS)


def test_a_body_that_something_has_looked_at_is_used() -> None:
    """Quart keeps what ``get_json`` has read."""
    seen: list[Any] = []
    with opened() as its_router:
        app = app_of(its_router)

        @app.before_request
        async def look() -> None:
            seen.append(await request.get_json())

        assert [200] == statuses(app, "/stripe")
    assert [snapshot()] == seen


def test_a_body_over_quarts_own_limit_is_refused() -> None:
    """The smaller one of both limits counts, and both answer 413."""
    with opened() as its_router:
        app = app_of(its_router)
        app.config["MAX_CONTENT_LENGTH"] = 1_000
        assert [413] == statuses(app, "/stripe", payload=encode(snapshot()).ljust(1_001))


def test_the_end_of_the_app_closes_the_router() -> None:
    """What is under way ends with the app."""

    async def live(its_router: EventRouter) -> list[int]:
        app = app_of(its_router)
        async with app.test_app():
            inside = await its_router.ahandle(*signed(snapshot()))
        return [inside.status, (await its_router.ahandle(*signed(snapshot()))).status]

    with opened() as its_router:
        assert [200, 503] == aio(live(its_router))
