"""Litestar: the ASGI app in an ASGI handler, as the example has it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from litestar import Litestar, asgi
from litestar.config.csrf import CSRFConfig
from litestar.types import Receive, Scope, Send  # noqa: TC002 - Litestar reads the annotations

from stripe_events.adapters.asgi import asgi_app
from tests.adapters.serving import PATHS, ServedContract, on_uvicorn, statuses
from tests.unit.deliveries import encode, signed, snapshot
from tests.unit.waiting import aio, opened

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from stripe_events import EventRouter


def app_of(its_router: EventRouter, **options: Any) -> Litestar:
    """Give the app of the example."""
    webhooks = asgi_app(its_router)

    @asgi("/stripe", copy_scope=True, exclude_from_csrf=True)
    async def stripe(scope: Scope, receive: Receive, send: Send) -> None:
        await webhooks(scope, receive, send)

    return Litestar([stripe], lifespan=[webhooks.lifespan], **options)


class TestLitestar(ServedContract):
    """The contract."""

    def server(
        self, router: EventRouter
    ) -> Callable[[socket.socket], AbstractAsyncContextManager[None]]:
        """Give Litestar on uvicorn."""
        return partial(on_uvicorn, app_of(router))


@pytest.mark.parametrize(
    "options",
    [{}, {"csrf_config": CSRFConfig("made up")}, {"request_max_body_size": 10}],
    ids=["usual", "csrf", "small"],
)
def test_no_setting_of_litestar_keeps_a_delivery_out(options: dict[str, Any]) -> None:
    """Both slashes are served with 200, without a CSRF token, and the router's limit counts."""
    with opened() as its_router:
        assert [200, 200] == statuses(app_of(its_router, **options), *PATHS)


def test_the_routers_limit_counts() -> None:
    """It is more than Litestar's 10 MB here."""
    with opened(max_body_bytes=12_000_000) as its_router:
        body = encode(snapshot()).ljust(11_000_000)
        assert [200] == statuses(app_of(its_router), "/stripe", payload=body)


def test_the_lifespan_of_the_app_closes_the_router() -> None:
    """What is under way ends with the app."""

    async def live(its_router: EventRouter) -> list[int]:
        async with app_of(its_router).lifespan():
            inside = await its_router.ahandle(*signed(snapshot()))
        return [inside.status, (await its_router.ahandle(*signed(snapshot()))).status]

    with opened() as its_router:
        assert [200, 503] == aio(live(its_router))
