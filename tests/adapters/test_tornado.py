"""Tornado's own server."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tornado.httpserver import HTTPServer
from tornado.web import Application

from stripe_events import EventRouter
from stripe_events.adapters.tornado import tornado_handler
from stripe_events.errors import ConfigurationError
from tests.adapters.serving import PATHS, ServedContract, cut_off, deliver, posting, request, served
from tests.unit.deliveries import encode, signed, snapshot
from tests.unit.waiting import opened, reached

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable


@asynccontextmanager
async def on_tornado(app: Application, listening: socket.socket) -> AsyncIterator[None]:
    """Serve an application, as ``served`` wants it."""
    listening.setblocking(False)
    server = HTTPServer(app)
    server.add_socket(listening)
    try:
        yield
    finally:
        server.stop()
        await server.close_all_connections()


def app_of(its_router: EventRouter) -> Application:
    """Give the app of the example, with all of Tornado's protection against browsers."""
    routes = [(r"/stripe/?", tornado_handler(its_router))]
    return Application(routes, xsrf_cookies=True, cross_origin_protection=True)


class TestTornado(ServedContract):
    """The contract."""

    def server(
        self, router: EventRouter
    ) -> Callable[[socket.socket], AbstractAsyncContextManager[None]]:
        """Give Tornado."""
        return partial(on_tornado, app_of(router))


def test_both_slashes_are_served() -> None:
    """The route says that the slash may be there."""
    with opened() as its_router, served(partial(on_tornado, app_of(its_router))) as port:
        assert [200, 200] == [deliver(port, signed(snapshot()), path) for path in PATHS]


@pytest.mark.parametrize("method", ["OPTIONS", "PROPFIND"])
def test_any_other_method_is_refused_by_the_router(method: str) -> None:
    """Also one that Tornado does not know."""
    with opened() as its_router, served(partial(on_tornado, app_of(its_router))) as port:
        answer = request(port, method, ())
    assert (405, "POST") == (answer.status, answer.headers["Allow"])
    assert b'{"outcome":"method_not_allowed"}' == answer.body


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_is_too_long_is_answered_before_it_ends(is_chunked: bool) -> None:
    """The client gets the answer whether it goes on to send or not, and may send more."""
    length = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: 3000000"
    first = b"f4240\r\n%b\r\n" % (b" " * 1_000_000) if is_chunked else b" " * 1_000_000
    rest = b"1e8480\r\n%b\r\n0\r\n\r\n" % (b" " * 2_000_000) if is_chunked else b" " * 2_000_000
    with (
        opened(max_body_bytes=1_000) as its_router,
        served(partial(on_tornado, app_of(its_router))) as port,
        posting(port, (b"", {}), head=length) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(first)
        assert answer.readline().startswith(b"HTTP/1.1 413 ")
        connection.sendall(rest + b"GET /stripe HTTP/1.1\r\nHost: x\r\n\r\n")
        assert any(b"HTTP/1.1 405 " in line for line in iter(answer.readline, b""))


def test_a_client_that_goes_away_while_it_sends_is_not_handled() -> None:
    """And the next delivery is handled."""
    handled: list[str] = []
    with opened() as its_router, served(partial(on_tornado, app_of(its_router))) as port:
        its_router.on_any(lambda event: handled.append(event.id), name="any")
        assert b"" == cut_off(port, signed(snapshot()))
        assert 200 == deliver(port, signed(snapshot(id="evt_2")))
    assert ["evt_2"] == handled


def test_a_client_that_goes_away_later_cancels_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The handler runs to its end, and that nobody takes the answer is no error."""
    begun, gone, ended = threading.Event(), threading.Event(), threading.Event()

    async def slow(_: object) -> None:
        begun.set()
        await asyncio.to_thread(reached, gone)
        ended.set()

    with opened() as its_router:
        its_router.on_any(slow, name="slow")
        with served(partial(on_tornado, app_of(its_router))) as port:
            with posting(port, signed(snapshot())):
                reached(begun)
            assert 405 == request(port, "GET", ()).status  # so Tornado has seen the end of it
            gone.set()
            reached(ended)
            its_router.close()
    assert [] == [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_body_in_the_form_of_a_form_is_left_alone() -> None:
    """Tornado would parse it, and refuse what is none."""
    body, headers = signed(encode(snapshot()))
    headers["Content-Type"] = "multipart/form-data; boundary=x"
    with opened() as its_router, served(partial(on_tornado, app_of(its_router))) as port:
        assert 200 == deliver(port, (body, headers))


def test_a_router_without_secrets_is_refused_when_the_handler_is_made() -> None:
    """Not at the first delivery."""
    with pytest.raises(ConfigurationError):
        tornado_handler(EventRouter())
