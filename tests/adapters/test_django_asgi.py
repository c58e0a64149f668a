"""Django's ASGI handler around the views, on uvicorn."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.adapters.django import adjango_view, django_view, webhook_path
from tests.adapters.django_site import project
from tests.adapters.serving import PATHS, ServedContract, on_uvicorn, request, served, statuses
from tests.unit.deliveries import signed, snapshot
from tests.unit.waiting import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stripe_events import EventRouter

VIEWS = pytest.mark.parametrize("view_of", [django_view, adjango_view])


class TestAsyncView(ServedContract):
    """The contract."""

    def start(self, router: EventRouter) -> tuple[ExitStack, int]:
        """Start a server with the project."""
        stack = ExitStack()
        url = webhook_path("stripe", adjango_view(router))
        site = stack.enter_context(project(url))
        return stack, stack.enter_context(served(partial(on_uvicorn, site.asgi)))


@VIEWS
def test_both_slashes_are_served(view_of: Any) -> None:
    """With ATOMIC_REQUESTS on, under which Django refuses async views."""
    with opened() as its_router, project(webhook_path("stripe", view_of(its_router))) as site:
        assert [200, 200] == statuses(site.asgi, *PATHS)


def pieces(body: bytes) -> Iterator[bytes]:
    """Give a body as a proxy may send it."""
    yield body[:50]
    yield body[50:]


@VIEWS
def test_a_chunked_body_is_read(view_of: Any) -> None:
    """Under ASGI Django joins the chunks."""
    body, headers = signed(snapshot())
    with (
        opened() as its_router,
        project(webhook_path("stripe", view_of(its_router))) as site,
        served(partial(on_uvicorn, site.asgi)) as port,
    ):
        assert 200 == request(port, "POST", headers.items(), pieces(body)).status


@VIEWS
@pytest.mark.parametrize(
    ("most", "djangos"), [(10_000, 10), (10, 2_500_000)], ids=["django's limit", "the router's"]
)
def test_a_chunked_body_that_is_too_long_is_refused(view_of: Any, most: int, djangos: int) -> None:
    """Django measures it before it gives it, so here its limit counts as well."""
    body, headers = signed(snapshot())
    url_of = partial(webhook_path, "stripe")
    with (
        opened(max_body_bytes=most) as its_router,
        project(url_of(view_of(its_router)), DATA_UPLOAD_MAX_MEMORY_SIZE=djangos) as site,
        served(partial(on_uvicorn, site.asgi)) as port,
    ):
        assert 413 == request(port, "POST", headers.items(), pieces(body)).status
