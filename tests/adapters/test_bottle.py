"""Bottle: the WSGI app, mounted, as the example has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bottle import Bottle, request

from stripe_events.adapters.wsgi import wsgi_app
from tests.adapters.wsgi_calls import BOTH, CalledContract, answer, chunked, outcome
from tests.unit.deliveries import snapshot
from tests.unit.waiting import opened

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from stripe_events import EventRouter


def app_of(its_router: EventRouter) -> Bottle:
    """Give the app of the example."""
    app = Bottle()
    app.mount("/stripe", wsgi_app(its_router))
    return app


class TestBottle(CalledContract):
    """The contract."""

    def app(self, router: EventRouter) -> WSGIApplication:
        """Give the app."""
        app: WSGIApplication = app_of(router)
        return app


def test_both_slashes_are_served() -> None:
    """A mount has them both."""
    with opened() as its_router:
        app = app_of(its_router)
        assert [200, 200, 404] == [answer(app, path).status for path in (*BOTH, "/stripes")]


@pytest.mark.parametrize(
    ("terminated", "expected"), [(True, (200, "ignored")), (False, (411, "length_required"))]
)
def test_a_chunked_body_is_read_if_it_ends(terminated: bool, expected: tuple[int, str]) -> None:
    """Bottle would decode for a second time what the server has decoded; a mount asks it not."""
    with opened() as its_router:
        assert expected == outcome(answer(app_of(its_router), **chunked(terminated=terminated)))


def test_a_body_over_bottles_limit_is_read() -> None:
    """MEMFILE_MAX, 100 kB, is for what Bottle parses."""
    with opened() as its_router:
        answered = answer(app_of(its_router), payload=snapshot(note="x" * 200_000))
        assert (200, "ignored") == outcome(answered)


def test_a_body_that_a_hook_has_read_is_not_called_a_bad_signature() -> None:
    """The log says that the body was not whole."""
    with opened() as its_router:
        app = app_of(its_router)
        app.add_hook("before_request", lambda: request.json)
        assert (400, "malformed") == outcome(answer(app))
