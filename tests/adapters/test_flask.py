"""Flask: the view, as the example has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, Request, Response, request, url_for

from stripe_events import EventRouter
from stripe_events.adapters.event_grid import event_grid
from stripe_events.adapters.flask import flask_view
from stripe_events.errors import ConfigurationError
from stripe_events.testing import AdapterRequest
from tests.adapters.wsgi_calls import (
    BOTH,
    CalledContract,
    Endless,
    Gone,
    answer,
    call,
    chunked,
    outcome,
)
from tests.unit.deliveries import encode, snapshot
from tests.unit.waiting import opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication


def app_of(its_router: EventRouter, **config: Any) -> Flask:
    """Give the app of the example."""
    app = Flask(__name__)
    app.config.update(config)
    app.add_url_rule("/stripe", view_func=flask_view(its_router), strict_slashes=False)
    return app


def look_before(app: Flask, look: Callable[[Request], object]) -> None:
    """Have each request looked at before its view."""

    @app.before_request
    def before() -> None:
        look(request)


class TestFlask(CalledContract):
    """The contract."""

    def app(self, router: EventRouter) -> WSGIApplication:
        """Give the app."""
        return app_of(router)


@pytest.mark.parametrize("rule", BOTH)
def test_both_slashes_are_served(rule: str) -> None:
    """Whichever the rule has; without ``strict_slashes=False`` one is redirected or not found."""
    with opened() as its_router:
        app = Flask(__name__)
        app.add_url_rule(rule, view_func=flask_view(its_router), strict_slashes=False)
        assert [200, 200] == [answer(app, path).status for path in BOTH]


@pytest.mark.parametrize(
    "look", [lambda it: it.get_json(), lambda it: it.get_data(), lambda it: it.form]
)
@pytest.mark.parametrize("environ", [{}, chunked(terminated=True)], ids=["whole", "chunked"])
def test_what_runs_before_may_look_at_the_body(
    look: Callable[[Request], object], environ: dict[str, Any]
) -> None:
    """Flask keeps what it has read."""
    with opened() as its_router:
        app = app_of(its_router)
        look_before(app, look)
        assert 200 == answer(app, **environ).status


def test_what_runs_after_may_look_at_the_body() -> None:
    """As hooks do that log requests."""
    seen: list[bytes] = []
    with opened() as its_router:
        app = app_of(its_router)

        @app.after_request
        def after(response: Response) -> Response:
            seen.append(request.get_data())
            return response

        answer(app)
    assert [encode(snapshot())] == seen


@pytest.mark.parametrize(
    "look",
    [lambda it: it.stream.read(), lambda it: it.get_data(cache=False), lambda it: it.form],
)
def test_a_body_that_is_gone_is_not_called_a_bad_signature(
    look: Callable[[Request], object],
) -> None:
    """The log says that the body was not whole."""
    with opened() as its_router:
        app = app_of(its_router)
        look_before(app, look)
        kind = "application/x-www-form-urlencoded"
        assert (400, "malformed") == outcome(answer(app, kind=kind))


@pytest.mark.parametrize("terminated", [True, False])
def test_a_client_that_goes_away_is_malformed(terminated: bool) -> None:
    """Whether the server raises or gives less than was announced."""
    less = {"CONTENT_LENGTH": "9999"} | ({"wsgi.input_terminated": True} if terminated else {})
    with opened() as its_router:
        app = app_of(its_router)
        assert (400, "malformed") == outcome(answer(app, **less))
        assert (400, "malformed") == outcome(answer(app, **{**less, "wsgi.input": Gone(b"{")}))


@pytest.mark.parametrize(
    ("terminated", "expected"), [(True, (200, "ignored")), (False, (411, "length_required"))]
)
def test_a_chunked_body_is_read_if_it_ends(terminated: bool, expected: tuple[int, str]) -> None:
    """Else it is said that a length is needed, not that the signature is wrong."""
    with opened() as its_router:
        assert expected == outcome(answer(app_of(its_router), **chunked(terminated=terminated)))


def test_a_chunked_body_is_read_no_further_than_the_limit() -> None:
    """Though Flask by itself has none."""
    environ = chunked(terminated=True) | {"wsgi.input": Endless()}
    with opened() as its_router:
        assert (413, "too_large") == outcome(answer(app_of(its_router), **environ))


@pytest.mark.parametrize("environ", [{}, chunked(terminated=True)], ids=["whole", "chunked"])
def test_max_content_length_is_obeyed(environ: dict[str, Any]) -> None:
    """The answer is the library's, and the log names the setting."""
    with opened() as its_router:
        app = app_of(its_router, MAX_CONTENT_LENGTH=10)
        assert (413, "too_large") == outcome(answer(app, **environ))


def test_options_are_refused_like_other_methods() -> None:
    """Flask would answer them with 200."""
    with opened() as its_router:
        answered = call(app_of(its_router), AdapterRequest("OPTIONS", (), b""))
        assert (405, "POST") == (answered.status, answered.headers["allow"])


def test_two_views_have_two_names() -> None:
    """Flask wants another one for each view of an app."""
    with opened() as one, opened() as other:
        app = app_of(one)
        app.add_url_rule("/connect", view_func=flask_view(other, name="connect"))
        with app.test_request_context():
            assert ["/stripe", "/connect"] == [url_for("stripe_webhook"), url_for("connect")]


def test_a_router_without_secrets_is_refused() -> None:
    """When the view is made."""
    with pytest.raises(ConfigurationError):
        flask_view(EventRouter())


def test_an_endpoint_that_answers_other_methods_is_served() -> None:
    """Event Grid asks by OPTIONS before it posts; what is refused is refused by the endpoint."""
    with opened() as its_router:
        app = Flask("app")
        view = flask_view(event_grid(its_router, key="a key"))
        app.add_url_rule("/stripe", view_func=view, strict_slashes=False)
        asked = app.test_client().options(
            "/stripe", headers={"WebHook-Request-Origin": "eventgrid.azure.net"}
        )
        refused = app.test_client().get("/stripe")
    assert (200, "eventgrid.azure.net") == (
        asked.status_code,
        asked.headers["WebHook-Allowed-Origin"],
    )
    assert (405, {"outcome": "method_not_allowed"}) == (refused.status_code, refused.json)
