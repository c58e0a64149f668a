"""Functions of Google Cloud for Pub/Sub, in Google's own framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from httpx import ASGITransport, AsyncClient

from stripe_events import EventRouter
from tests.adapters.google_framework import (
    ASYNC_EVENT,
    ASYNC_HTTP,
    EVENT,
    EVENTARC,
    app_around,
    message,
)
from tests.unit.deliveries import encode, router, signed, snapshot
from tests.unit.waiting import aio

if TYPE_CHECKING:
    from collections.abc import Mapping


def by_flask(to: EventRouter, body: bytes) -> int:
    """Send to the app that the framework makes of a plain function."""
    app = app_around(to, EVENT)
    answer = app.test_client().post("/", headers=EVENTARC, data=body)
    status: int = answer.status_code
    return status


def by_starlette(to: EventRouter, body: bytes) -> int:
    """Send to the app that it makes of an async function."""
    return posted(app_around(to, ASYNC_EVENT), EVENTARC, body)


def posted(app: Any, headers: Mapping[str, str], body: bytes) -> int:
    """Post to an ASGI app on an event loop of its own."""

    async def answer() -> int:
        async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as client:
            return (await client.post("/", headers=headers, content=body)).status_code

    status: int = aio(answer())
    return status


both = pytest.mark.parametrize("send", [by_flask, by_starlette])


@both
def test_a_message_from_eventarc_is_handled(send: Any) -> None:
    """The function is given a CloudEvent, and the platform a success."""
    to, handled = EventRouter(), list[str]()
    to.on_any(name="any")(lambda event: handled.append(event.id))
    assert (200, ["evt_1"]) == (send(to, message(encode(snapshot()))), handled)


@both
@pytest.mark.parametrize("body", [message(b"no JSON"), b'{"message": {}}', b"[]", b"{}"])
def test_what_is_no_event_is_a_failure(send: Any, body: bytes) -> None:
    """The platform sends it again, or to the dead letters."""
    assert 500 == send(EventRouter(), body)


@both
def test_a_failing_handler_is_a_failure_of_the_function(send: Any) -> None:
    """So that the message comes again."""
    to = EventRouter()
    to.on_any(name="failing")(lambda _: 1 / 0)
    assert 500 == send(to, message(encode(snapshot())))


def test_the_view_for_starlette_is_an_async_function_for_http() -> None:
    """As the docstring of ``functions_handler`` says."""
    body, headers = signed(snapshot())
    app = app_around(router(), ASYNC_HTTP)
    assert [200, 400] == [posted(app, headers, sent) for sent in (body, body + b" ")]
