"""Falcon on ASGI: a sink."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from falcon import WebSocketDisconnected
from falcon.asgi import App
from falcon.testing import ASGIConductor

from stripe_events import EventRouter
from stripe_events.adapters.falcon import afalcon_sink
from stripe_events.errors import ConfigurationError
from tests.adapters.serving import PATHS, ServedContract, cut_off, on_uvicorn, served, statuses
from tests.unit.deliveries import encode, signed, snapshot
from tests.unit.waiting import aio, opened

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager


def app_of(its_router: EventRouter) -> App:
    """Give the app of the example."""
    app = App()
    app.add_sink(afalcon_sink(its_router), r"/stripe/?\Z")
    return app


class TestFalcon(ServedContract):
    """The contract."""

    def server(
        self, router: EventRouter
    ) -> Callable[[socket.socket], AbstractAsyncContextManager[None]]:
        """Give Falcon on uvicorn."""
        return partial(on_uvicorn, app_of(router))


def test_both_slashes_are_served() -> None:
    """And no longer path, though sinks are looked for by prefixes."""
    with opened() as its_router:
        assert [200, 200, 404] == statuses(app_of(its_router), *PATHS, "/stripes")


def test_a_body_is_not_read_further_than_the_limit() -> None:
    """Falcon itself has none."""
    with opened(max_body_bytes=1_000) as its_router:
        body = encode(snapshot()).ljust(1_000)
        app = app_of(its_router)
        assert [200] == statuses(app, "/stripe", payload=body)
        assert [413] == statuses(app, "/stripe", payload=body + b" " * 100_000)


def test_a_client_that_goes_away_while_it_sends_is_not_handled() -> None:
    """Falcon gives what has come so far as if it were all."""
    handled: list[object] = []
    with opened() as its_router:
        its_router.on_any(handled.append, name="any")
        with served(partial(on_uvicorn, app_of(its_router))) as port:
            assert b" 200 " not in cut_off(port, signed(snapshot()))
    assert [] == handled


def test_a_websocket_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """It is closed before it is open, and that is no error."""

    async def open_one(app: App) -> None:
        async with ASGIConductor(app) as client, client.simulate_ws("/stripe"):
            pass

    with opened() as its_router, pytest.raises(WebSocketDisconnected):
        aio(open_one(app_of(its_router)))
    assert [] == [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_router_without_secrets_is_refused_when_the_sink_is_made() -> None:
    """Not at the first delivery."""
    with pytest.raises(ConfigurationError):
        afalcon_sink(EventRouter())
