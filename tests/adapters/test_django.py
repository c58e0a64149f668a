"""Django's WSGI handler around the view, with the middleware that projects have."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.urls import include, path, reverse

from stripe_events import EventRouter
from stripe_events.adapters.django import adjango_view, django_view, webhook_path
from stripe_events.errors import ConfigurationError
from stripe_events.storage import SQLiteStore
from tests.adapters.django_site import Project, project
from tests.adapters.wsgi_calls import BOTH, CalledContract, Gone, answer, call, chunked, outcome
from tests.unit.deliveries import encode, signed, snapshot
from tests.unit.waiting import opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.urls import URLPattern

    from stripe_events import Context
    from stripe_events.events import ChargeSucceeded
    from stripe_events.testing import AdapterRequest, AdapterResponse

VIEWS = pytest.mark.parametrize("view_of", [django_view, adjango_view])


def urls(its_router: EventRouter, view_of: Any = django_view) -> URLPattern:
    """Give the URL pattern of the example."""
    return webhook_path("stripe", view_of(its_router), name="stripe")


class Served(CalledContract):
    """The contract over Django's WSGI handler."""

    view_of: Callable[[EventRouter], Any]

    def start(self, router: EventRouter) -> Any:
        """Give the project."""
        return Project(urls(router, type(self).view_of))

    def send(self, app: Any, request: AdapterRequest) -> AdapterResponse:
        """Call its handler."""
        return call(app.wsgi, request)

    def stop(self, app: Any) -> None:
        """Give the former settings back."""
        app.close()


class TestDjango(Served):
    """The view."""

    view_of = staticmethod(django_view)


class TestDjangoAsyncUnderWSGI(Served):
    """The async view, for which Django makes an event loop."""

    view_of = staticmethod(adjango_view)


@VIEWS
@pytest.mark.parametrize("options", [{}, {"DEBUG": True}, {"APPEND_SLASH": False}])
def test_both_slashes_are_served(view_of: Any, options: dict[str, Any]) -> None:
    """APPEND_SLASH would redirect, and Stripe follows no redirects."""
    with opened() as its_router, project(urls(its_router, view_of), **options) as site:
        assert [200, 200] == [answer(site.wsgi, path_).status for path_ in BOTH]


@VIEWS
def test_a_path_of_djangos_own_is_never_redirected(view_of: Any) -> None:
    """One form is found, the other is not; with DEBUG no exception rises."""
    with (
        opened() as its_router,
        project(path("stripe/", view_of(its_router)), DEBUG=True) as site,
    ):
        assert [404, 200] == [answer(site.wsgi, path_).status for path_ in BOTH]


@pytest.mark.parametrize("route", ["", "stripe", "v1.0/stripe-hooks", "stripe/"])
def test_a_webhook_path_can_be_included_and_reversed(route: str) -> None:
    """Under the prefix of an app, by its name; any character stands for itself."""
    with opened() as its_router:
        pattern = webhook_path(route, django_view(its_router), name="stripe")
        with project(path("hooks/", include(([pattern], "hooks")))) as site:
            url = reverse("hooks:stripe")
            assert f"/hooks/{route.rstrip('/')}" == url
            assert 200 == answer(site.wsgi, url).status
            assert 200 == answer(site.wsgi, f"{url.rstrip('/')}/").status
            assert 404 == answer(site.wsgi, f"{url}x").status


def test_a_webhook_path_is_no_pattern() -> None:
    """A dot stands for itself."""
    with opened() as its_router, project(webhook_path("v1.0", django_view(its_router))) as site:
        assert [200, 404] == [answer(site.wsgi, path_).status for path_ in ("/v1.0", "/v1-0")]


def test_no_token_is_needed() -> None:
    """Django's own client, told to check."""
    with opened() as its_router, project(urls(its_router)):
        body, headers = signed(snapshot())
        client = Client(enforce_csrf_checks=True, headers=headers)
        response = client.post("/stripe", body, content_type="application/json")
        assert (200, b'{"outcome":"ignored","event":"evt_1"}') == (
            response.status_code,
            response.content,
        )


@VIEWS
def test_no_database_holds_a_transaction_around_the_view(view_of: Any) -> None:
    """ATOMIC_REQUESTS is on for two databases; for an async view Django would refuse."""
    seen: list[bool] = []
    with opened() as its_router, project(urls(its_router, view_of)) as site:
        its_router.on_any(name="look")(lambda _: seen.append(connection.in_atomic_block))
        assert (200, "handled") == outcome(answer(site.wsgi))
    assert [False] == seen


def test_a_handlers_rows_commit_with_the_ledger() -> None:
    """In the file of both, by a transaction of the handler's own."""
    file = str(settings.DATABASES["default"]["NAME"])
    with (
        closing(SQLiteStore(file)) as store,
        opened(store=store) as its_router,
        project(urls(its_router)) as site,
    ):

        @its_router.on("charge.succeeded", name="credit")
        def credit(event: ChargeSucceeded, ctx: Context) -> None:
            with transaction.atomic():
                connection.cursor().execute("CREATE TABLE credits (event TEXT)")
                connection.cursor().execute("INSERT INTO credits VALUES (%s)", [event.id])
                ctx.complete_on(connection.connection)

        answers = [outcome(answer(site.wsgi)) for _ in range(2)]
    assert [(200, "handled"), (200, "duplicate")] == answers
    with closing(sqlite3.connect(file)) as database:
        assert [("evt_1",)] == database.execute("SELECT event FROM credits").fetchall()


@VIEWS
def test_the_routers_limit_counts_and_not_djangos(view_of: Any) -> None:
    """DATA_UPLOAD_MAX_MEMORY_SIZE keeps no event out."""
    body = snapshot()
    small = {"DATA_UPLOAD_MAX_MEMORY_SIZE": 10}
    with opened() as its_router, project(urls(its_router, view_of), **small) as site:
        assert (200, "ignored") == outcome(answer(site.wsgi, payload=body))
    limited = opened(max_body_bytes=len(encode(body)) - 1)
    with limited as its_router, project(urls(its_router, view_of), **small) as site:
        assert (413, "too_large") == outcome(answer(site.wsgi, payload=body))


@VIEWS
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("look", [lambda it: it.body, lambda it: it.POST], ids=["body", "POST"])
def test_what_runs_before_may_look_at_the_body(view_of: Any, kind: str, look: Any) -> None:
    """Django keeps what it has read as a whole."""
    with (
        opened() as its_router,
        project(urls(its_router, view_of), LOOK=look) as site,
    ):
        assert 200 == answer(site.wsgi, kind=kind).status


@VIEWS
def test_a_body_that_is_gone_is_not_called_a_bad_signature(view_of: Any) -> None:
    """Something has read the stream, of which Django keeps nothing."""
    with (
        opened() as its_router,
        project(urls(its_router, view_of), LOOK=lambda it: it.read()) as site,
    ):
        assert (400, "malformed") == outcome(answer(site.wsgi))


@VIEWS
@pytest.mark.parametrize("environ", [{}, {"wsgi.input": Gone(b"{")}], ids=["less", "error"])
def test_a_client_that_goes_away_is_malformed(view_of: Any, environ: dict[str, Any]) -> None:
    """Whether the server gives less than was announced or raises."""
    with opened() as its_router, project(urls(its_router, view_of)) as site:
        answered = answer(site.wsgi, CONTENT_LENGTH="9999", **environ)
        assert (400, "malformed") == outcome(answered)


@pytest.mark.parametrize("terminated", [True, False])
def test_a_chunked_body_needs_a_length(terminated: bool) -> None:
    """Under WSGI Django reads no chunks; the answer does not say that the signature is wrong."""
    with opened() as its_router, project(urls(its_router)) as site:
        answered = answer(site.wsgi, **chunked(terminated=terminated))
        assert (411, "length_required") == outcome(answered)


@VIEWS
def test_a_router_without_secrets_is_refused(view_of: Any) -> None:
    """When the view is made."""
    with pytest.raises(ConfigurationError):
        view_of(EventRouter())
