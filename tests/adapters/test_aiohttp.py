"""aiohttp's own server."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from stripe_events import EventRouter
from stripe_events.adapters.aiohttp import aiohttp_handler, aiohttp_lifespan
from stripe_events.errors import ConfigurationError, MalformedPayload
from stripe_events.observers import Rejected
from tests.adapters.serving import PATHS, ServedContract, cut_off, deliver, posting, request, served
from tests.unit.deliveries import encode, signed, snapshot
from tests.unit.waiting import opened, reached

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable


@asynccontextmanager
async def on_aiohttp(
    app: web.Application, listening: socket.socket, **options: Any
) -> AsyncIterator[None]:
    """Serve an application, as ``served`` wants it."""
    runner = web.AppRunner(app, **options)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        yield
    finally:
        await runner.cleanup()


def app_of(its_router: EventRouter, *middlewares: Any) -> web.Application:
    """Give the app of the example."""
    app = web.Application(middlewares=middlewares)
    app.router.add_route("*", "/stripe{slash:/?}", aiohttp_handler(its_router))
    return app


class TestAiohttp(ServedContract):
    """The contract."""

    def server(
        self, router: EventRouter
    ) -> Callable[[socket.socket], AbstractAsyncContextManager[None]]:
        """Give aiohttp."""
        return partial(on_aiohttp, app_of(router))


def test_both_slashes_are_served() -> None:
    """It finds only what is spelt out, so the route says that the slash may be there."""
    with opened() as its_router, served(partial(on_aiohttp, app_of(its_router))) as port:
        assert [200, 200] == [deliver(port, signed(snapshot()), path) for path in PATHS]


def test_any_other_method_is_refused_by_the_router() -> None:
    """Also one of WebDAV."""
    with opened() as its_router, served(partial(on_aiohttp, app_of(its_router))) as port:
        answer = request(port, "PROPFIND", ())
    assert (405, "POST") == (answer.status, answer.headers["allow"])


def test_the_routers_limit_counts() -> None:
    """It is more than aiohttp's 1 MiB, whole or in chunks."""
    body, headers = signed(encode(snapshot()).ljust(2_000_000))
    longer = iter([body, b" " * 3_000_000])
    with opened() as its_router, served(partial(on_aiohttp, app_of(its_router))) as port:
        assert 200 == request(port, "POST", headers.items(), body).status
        assert 200 == request(port, "POST", headers.items(), iter([body[:9], body[9:]])).status
        assert 413 == request(port, "POST", headers.items(), longer).status


def test_a_body_that_a_middleware_has_read_is_used() -> None:
    """By ``request.read()``, which keeps it."""
    seen: list[bytes] = []

    @web.middleware
    async def look(request_: web.Request, handler: Any) -> web.StreamResponse:
        seen.append(await request_.read())
        response: web.StreamResponse = await handler(request_)
        return response

    with opened() as its_router, served(partial(on_aiohttp, app_of(its_router, look))) as port:
        assert 200 == deliver(port, signed(snapshot()))
    assert [signed(snapshot())[0]] == seen


def test_a_body_that_is_too_long_is_answered_before_it_ends() -> None:
    """It is not read to an end that may never come."""
    head = b"Transfer-Encoding: chunked"
    with (
        opened(max_body_bytes=1_000) as its_router,
        served(partial(on_aiohttp, app_of(its_router))) as port,
        posting(port, (b"", {}), head=head) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(b"400\r\n%b\r\n" % (b" " * 1024))
        assert answer.readline().startswith(b"HTTP/1.1 413 ")


def test_a_client_that_goes_away_while_it_sends_is_not_handled() -> None:
    """The operator is told, and the next delivery is handled."""
    handled: list[str] = []
    rejected: list[type] = []
    with opened() as its_router, served(partial(on_aiohttp, app_of(its_router))) as port:
        its_router.on_any(lambda event: handled.append(event.id), name="any")
        its_router.observe(Rejected)(lambda record: rejected.append(type(record.error)))
        assert b"" == cut_off(port, signed(snapshot()))
        assert 200 == deliver(port, signed(snapshot(id="evt_2")))
    assert (["evt_2"], [MalformedPayload]) == (handled, rejected)


@pytest.mark.parametrize("cancels", [False, True])
def test_a_client_that_goes_away_later_cancels_nothing(cancels: bool) -> None:
    """Even where aiohttp cancels what it waits for, the handler runs to its end."""
    begun, gone, ended = threading.Event(), threading.Event(), threading.Event()

    async def slow(_: object) -> None:
        begun.set()
        await asyncio.to_thread(reached, gone)
        ended.set()

    with opened() as its_router:
        its_router.on_any(slow, name="slow")
        app = app_of(its_router)
        with served(partial(on_aiohttp, app, handler_cancellation=cancels)) as port:
            with posting(port, signed(snapshot())):
                reached(begun)
            assert 405 == request(port, "GET", ()).status  # so aiohttp has seen the end of it
            gone.set()
            reached(ended)


def test_the_lifespan_opens_and_closes_the_router() -> None:
    """Deliveries are taken exactly while the application runs."""
    with opened() as its_router:
        app = app_of(its_router)
        app.cleanup_ctx.append(aiohttp_lifespan(its_router))
        its_router.close()
        with served(partial(on_aiohttp, app)) as port:
            assert 200 == deliver(port, signed(snapshot()))
        assert 503 == its_router.handle(*signed(snapshot())).status


def test_a_router_without_secrets_is_refused_when_the_handler_is_made() -> None:
    """Not at the first delivery."""
    with pytest.raises(ConfigurationError):
        aiohttp_handler(EventRouter())
