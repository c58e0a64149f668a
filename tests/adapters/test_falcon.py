"""Falcon on WSGI: the sink, as the example has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import falcon
import pytest

from stripe_events import EventRouter
from stripe_events.adapters.falcon import falcon_sink
from stripe_events.errors import ConfigurationError
from tests.adapters.wsgi_calls import BOTH, CalledContract, answer, chunked, outcome
from tests.unit.waiting import opened

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def app_of(its_router: EventRouter, *middleware: object) -> WSGIApplication:
    """Give the app of the example."""
    app = falcon.App(middleware=list(middleware))
    app.add_sink(falcon_sink(its_router), r"/stripe/?\Z")
    return app


class TestFalcon(CalledContract):
    """The contract."""

    def app(self, router: EventRouter) -> WSGIApplication:
        """Give the app."""
        return app_of(router)


def test_both_slashes_are_served() -> None:
    """A route would serve one of them."""
    with opened() as its_router:
        app = app_of(its_router)
        assert [200, 200, 404] == [answer(app, path).status for path in (*BOTH, "/stripes")]


@pytest.mark.parametrize(
    ("terminated", "expected"), [(True, (200, "ignored")), (False, (411, "length_required"))]
)
def test_a_chunked_body_is_read_if_it_ends(terminated: bool, expected: tuple[int, str]) -> None:
    """Falcon's own streams would give none of it, or wait for ever."""
    with opened() as its_router:
        assert expected == outcome(answer(app_of(its_router), **chunked(terminated=terminated)))


class Looking:
    """A middleware that parses each body."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Take it."""
        req.get_media()


def test_a_body_that_is_gone_is_not_called_a_bad_signature() -> None:
    """The log says that the body was not whole."""
    with opened() as its_router:
        assert (400, "malformed") == outcome(answer(app_of(its_router, Looking())))


def test_a_router_without_secrets_is_refused() -> None:
    """When the sink is made."""
    with pytest.raises(ConfigurationError):
        falcon_sink(EventRouter())
