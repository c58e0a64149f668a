"""Sanic's own server."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sanic import Sanic
from sanic.constants import HTTP_METHODS

from stripe_events import EventRouter
from stripe_events.adapters.sanic import sanic_handler
from stripe_events.errors import ConfigurationError
from tests.adapters.serving import (
    PATHS,
    ServedContract,
    cut_off,
    deliver,
    on_uvicorn,
    posting,
    request,
    served,
)
from tests.unit.deliveries import encode, signed, snapshot
from tests.unit.waiting import opened, reached

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable


@pytest.fixture(autouse=True)
def _several_apps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else Sanic, which rewrites its own code for the first app, has no second one."""
    monkeypatch.setattr(Sanic, "test_mode", True)


@asynccontextmanager
async def on_sanic(app: Sanic[Any, Any], listening: socket.socket) -> AsyncIterator[None]:
    """Serve an application, as ``served`` wants it."""
    server = await app.create_server(sock=listening, return_asyncio_server=True)
    assert server is not None
    await server.startup()
    await server.before_start()
    await server.after_start()
    try:
        yield
    finally:
        await server.before_stop()
        server.close()
        await server.wait_closed()
        await server.after_stop()
        Sanic.unregister_app(app)


def app_of(its_router: EventRouter) -> Sanic[Any, Any]:
    """Give the app of the example, with a route for any method."""
    app = Sanic("webhooks")
    app.add_route(sanic_handler(its_router), "/stripe", methods=HTTP_METHODS)
    return app


class TestSanic(ServedContract):
    """The contract."""

    def server(
        self, router: EventRouter
    ) -> Callable[[socket.socket], AbstractAsyncContextManager[None]]:
        """Give Sanic."""
        return partial(on_sanic, app_of(router))


class TestSanicOnUvicorn(ServedContract):
    """The contract where Sanic is an ASGI app."""

    def server(
        self, router: EventRouter
    ) -> Callable[[socket.socket], AbstractAsyncContextManager[None]]:
        """Give uvicorn."""
        return partial(on_uvicorn, app_of(router))


def test_both_slashes_are_served() -> None:
    """Unless an app sets ``strict_slashes``."""
    with opened() as its_router, served(partial(on_sanic, app_of(its_router))) as port:
        assert [200, 200] == [deliver(port, signed(snapshot()), path) for path in PATHS]


def test_the_routers_limit_counts() -> None:
    """It is more than Sanic's here, whole or in chunks."""
    body, headers = signed(encode(snapshot()).ljust(2_000_000))
    longer = iter([body, b" " * 3_000_000])
    with opened() as its_router:
        app = app_of(its_router)
        app.config.REQUEST_MAX_SIZE = 1_000
        with served(partial(on_sanic, app)) as port:
            assert 200 == request(port, "POST", headers.items(), body).status
            assert 200 == request(port, "POST", headers.items(), iter([body[:9], body[9:]])).status
        app = app_of(its_router)
        with served(partial(on_sanic, app)) as port:
            assert 413 == request(port, "POST", headers.items(), longer).status


def test_a_body_that_a_middleware_has_read_is_used() -> None:
    """By ``request.receive_body()``, which keeps it."""
    seen: list[bytes] = []

    async def look(request_: Any) -> None:
        await request_.receive_body()
        seen.append(request_.body)

    with opened() as its_router:
        app = app_of(its_router)
        app.register_middleware(look, "request")
        with served(partial(on_sanic, app)) as port:
            assert 200 == deliver(port, signed(snapshot()))
    assert [signed(snapshot())[0]] == seen


def test_a_body_that_was_read_without_keeping_it_is_refused_as_such() -> None:
    """Not as one whose signature is wrong: the operator is told what is wrong."""

    async def careless(request_: Any) -> None:
        async for _ in request_.stream:
            pass

    with opened() as its_router:
        app = app_of(its_router)
        app.register_middleware(careless, "request")
        body, headers = signed(snapshot())
        with served(partial(on_sanic, app)) as port:
            answer = request(port, "POST", headers.items(), body)
    assert (400, b'{"outcome":"malformed"}') == (answer.status, answer.body)


def test_a_body_that_is_too_long_is_answered_before_it_ends() -> None:
    """It is not read to an end that may never come."""
    head = b"Transfer-Encoding: chunked"
    with (
        opened(max_body_bytes=1_000) as its_router,
        served(partial(on_sanic, app_of(its_router))) as port,
        posting(port, (b"", {}), head=head) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(b"400\r\n%b\r\n" % (b" " * 1024))
        assert answer.readline().startswith(b"HTTP/1.1 413 ")


def test_a_client_that_goes_away_while_it_sends_is_not_handled() -> None:
    """And the next delivery is handled."""
    handled: list[str] = []
    with opened() as its_router, served(partial(on_sanic, app_of(its_router))) as port:
        its_router.on_any(lambda event: handled.append(event.id), name="any")
        assert b" 200 " not in cut_off(port, signed(snapshot()))
        assert 200 == deliver(port, signed(snapshot(id="evt_2")))
    assert ["evt_2"] == handled


def test_a_client_that_goes_away_later_cancels_nothing() -> None:
    """Sanic cancels what it waits for; the handler runs to its end."""
    begun, gone, ended = threading.Event(), threading.Event(), threading.Event()

    async def slow(_: object) -> None:
        begun.set()
        await asyncio.to_thread(reached, gone)
        ended.set()

    with opened() as its_router:
        its_router.on_any(slow, name="slow")
        with served(partial(on_sanic, app_of(its_router))) as port:
            with posting(port, signed(snapshot())):
                reached(begun)
            assert 405 == request(port, "GET", ()).status  # so Sanic has seen the end of it
            gone.set()
            reached(ended)


def test_the_end_of_the_server_closes_the_router() -> None:
    """As the example does it."""
    with opened() as its_router:
        app = app_of(its_router)

        @app.before_server_stop
        async def drain(_: object) -> None:
            await its_router.aclose()

        with served(partial(on_sanic, app)) as port:
            assert 200 == deliver(port, signed(snapshot()))
        assert 503 == its_router.handle(*signed(snapshot())).status


def test_a_router_without_secrets_is_refused_when_the_handler_is_made() -> None:
    """Not at the first delivery."""
    with pytest.raises(ConfigurationError):
        sanic_handler(EventRouter())
