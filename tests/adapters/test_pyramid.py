"""Pyramid: the WSGI app as a view, as the example has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pyramid.config import Configurator
from pyramid.events import NewRequest
from pyramid.wsgi import wsgiapp

from stripe_events.adapters.wsgi import wsgi_app
from tests.adapters.wsgi_calls import BOTH, CalledContract, answer, chunked, outcome
from tests.unit.waiting import opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

    from stripe_events import EventRouter


def app_of(its_router: EventRouter, look: Callable[[Any], object] | None = None) -> Any:
    """Give the app of the example, with something that looks at each request before it."""
    with Configurator() as config:
        config.set_default_csrf_options(require_csrf=True)
        config.add_route("stripe", "/stripe{slash:/?}")
        config.add_view(wsgiapp(wsgi_app(its_router)), route_name="stripe", require_csrf=False)
        if look is not None:
            config.add_subscriber(lambda event: look(event.request), NewRequest)
        return config.make_wsgi_app()


class TestPyramid(CalledContract):
    """The contract."""

    def app(self, router: EventRouter) -> WSGIApplication:
        """Give the app."""
        app: WSGIApplication = app_of(router)
        return app


def test_both_slashes_are_served_without_a_token() -> None:
    """The route says that the slash may be there, and the view needs no token."""
    with opened() as its_router:
        app = app_of(its_router)
        assert [200, 200, 404] == [answer(app, path).status for path in (*BOTH, "/stripes")]


@pytest.mark.parametrize(
    "look", [lambda it: it.body, lambda it: it.json_body, lambda it: it.POST, lambda it: it.params]
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_what_runs_before_may_look_at_the_body(look: Any, kind: str) -> None:
    """Pyramid puts what it has read back."""
    with opened() as its_router:
        assert 200 == answer(app_of(its_router, look), kind=kind).status


@pytest.mark.parametrize(
    ("terminated", "expected"), [(True, (200, "ignored")), (False, (411, "length_required"))]
)
def test_a_chunked_body_is_read_if_it_ends(terminated: bool, expected: tuple[int, str]) -> None:
    """Else it is said that a length is needed."""
    with opened() as its_router:
        assert expected == outcome(answer(app_of(its_router), **chunked(terminated=terminated)))
