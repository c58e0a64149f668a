"""What Google Pub/Sub pushes: who is believed, and what a message holds."""

from __future__ import annotations

import threading
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_events import EventRouter
from stripe_events.adapters import Endpoint
from stripe_events.adapters.google_functions import apubsub_handler, pubsub_handler
from stripe_events.adapters.pubsub import pubsub_push
from stripe_events.errors import ConfigurationError, ProcessingError, UsageError
from stripe_events.observers import Rejected
from tests.unit.both_ways import pass_through_async
from tests.unit.deliveries import encode, snapshot, thin
from tests.unit.test_envelope import event_bridge, event_grid
from tests.unit.waiting import aio, closed_in_the_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import WebhookResponse

TOKEN = "a token of Google's"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def by_handle(endpoint: Endpoint, body: bytes, headers: Any) -> WebhookResponse:
    """Push in this thread."""
    return endpoint.unread("POST", headers) or endpoint.handle(body, headers)


def by_ahandle(endpoint: Endpoint, body: bytes, headers: Any) -> WebhookResponse:
    """Push on an event loop."""
    response: WebhookResponse = aio(endpoint.ahandle(body, headers))
    return endpoint.unread("POST", headers) or response


both = pytest.mark.parametrize("push", [by_handle, by_ahandle])


class Service:
    """An endpoint for pushes whose router writes down what it handles."""

    def __init__(self, authorize: Callable[[str], Any] = TOKEN.__eq__, **options: Any) -> None:
        """Make the router, without secrets."""
        self.router = closed_in_the_end(EventRouter(**options))
        self.endpoint = pubsub_push(self.router, authorize=authorize)
        self.handled: list[str] = []
        self.rejected: list[str] = []
        self.router.on_any(name="any")(lambda event: self.handled.append(event.id))
        self.router.observe(Rejected)(lambda record: self.rejected.append(str(record.error)))


def pushed(payload: object) -> dict[str, Any]:
    """Give what Pub/Sub sends for a message with this payload."""
    data = payload if isinstance(payload, bytes) else encode(payload)
    return {
        "message": {
            "attributes": {},
            "data": b64encode(data).decode(),
            "messageId": "1",
            "publishTime": "2025-10-09T08:53:20Z",
        },
        "subscription": "projects/shop/subscriptions/stripe",
    }


@both
@pytest.mark.parametrize(
    "payload", [snapshot(), thin(), event_bridge(snapshot()), event_grid(thin())]
)
def test_the_event_in_a_message_is_handled(push: Any, payload: object) -> None:
    """Bare or in the envelope in which a bus brought it."""
    service = Service()
    response = push(service.endpoint, encode(pushed(payload)), HEADERS)
    assert (200, "handled", "evt_1") == (response.status, response.outcome, response.event_id)
    assert ["evt_1"] == service.handled


@both
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer   "},
        {"Authorization": TOKEN},
        {"Authorization": "Basic dXNlcjpwYXNz"},
    ],
)
def test_without_a_bearer_token_nothing_is_asked(push: Any, headers: dict[str, str]) -> None:
    """Such a request is refused at once."""
    shown: list[str] = []
    service = Service(lambda token: not shown.append(token))
    response = push(service.endpoint, b"no JSON", headers)
    assert (400, "signature_missing", []) == (response.status, response.outcome, shown)
    assert ["let the push subscription authenticate"] == [
        told.rpartition(": ")[2] for told in service.rejected
    ]


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_the_token_alone_is_shown(scheme: str) -> None:
    """Schemes have no case (RFC 9110, section 11.1)."""
    shown: list[str] = []
    service = Service(lambda token: not shown.append(token))
    headers = {"authorization": f"{scheme}{TOKEN}"}
    assert 200 == by_handle(service.endpoint, encode(pushed(snapshot())), headers).status
    assert [TOKEN] == shown


def refuse(token: str) -> bool:
    """Raise as google-auth does, with the token in the text."""
    raise ValueError(f"Wrong number of segments in token: {token}")


@both
@pytest.mark.parametrize(
    "authorize", [refuse, lambda _: False, lambda _: None, lambda _: {"email": "x"}, lambda _: 1]
)
def test_what_is_not_authorised_is_refused(push: Any, authorize: Any) -> None:
    """Only True lets in; nothing is read, and the token stands in no log."""
    service = Service(authorize)
    for body in (encode(pushed(snapshot())), b"no JSON"):
        response = push(service.endpoint, body, HEADERS)
        assert (400, "signature_invalid") == (response.status, response.outcome)
        assert response.error is not None
        assert response.error.__context__ is None
    assert [] == service.handled
    assert 2 == len(service.rejected)
    assert all(told.startswith("authorize() ") for told in service.rejected)
    assert TOKEN not in "".join(service.rejected)


def test_an_event_loop_does_not_wait_for_the_check() -> None:
    """It fetches the keys of the issuer, and so runs in a thread."""
    threads: list[threading.Thread] = []
    service = Service(lambda _: not threads.append(threading.current_thread()))
    assert 200 == by_ahandle(service.endpoint, encode(pushed(snapshot())), HEADERS).status
    assert [False] == [thread is threading.current_thread() for thread in threads]


NO_MESSAGES = [
    {},
    {"message": None},
    {"message": []},
    {"message": {}},
    {"message": {"data": None}},
    {"message": {"data": {"id": "evt_1"}}},
    {"message": {"data": ""}},
    {"message": {"data": "no base64"}},
    {"message": {"data": "e30"}},
    {"message": {"data": "é"}},
    {"message": {"data": f"*{b64encode(encode(snapshot())).decode()}"}},
    pushed(b"no JSON"),
    pushed([snapshot()]),
    pushed(event_grid(snapshot(), source="/else")),
    snapshot(),
]


@both
@pytest.mark.parametrize("content", [*NO_MESSAGES, [], [pushed(snapshot())], 5, None])
def test_a_push_without_an_event_is_malformed(push: Any, content: object) -> None:
    """Pub/Sub sends it again until it expires or is a dead letter."""
    service = Service()
    response = push(service.endpoint, encode(content), HEADERS)
    assert (400, "malformed", []) == (response.status, response.outcome, service.handled)
    assert 1 == len(service.rejected)


@both
def test_a_body_that_is_too_long_is_refused(push: Any) -> None:
    """Before the token is looked at."""
    service = Service(refuse, max_body_bytes=10)
    assert 413 == push(service.endpoint, b"1" * 11, HEADERS).status


@both
def test_a_failure_makes_the_message_come_again(push: Any) -> None:
    """An answer to Stripe hides none, for nobody reads it."""
    service = Service()
    service.router.on_any(name="answering")(lambda _, ctx: ctx.respond({}, {}))
    service.router.on_any(name="failing")(lambda _: 1 / 0)
    response = push(service.endpoint, encode(pushed(snapshot())), HEADERS)
    assert (500, "failed") == (response.status, response.outcome)


_CONTENT = st.dictionaries(
    st.sampled_from(["message", "subscription"]),
    st.none() | st.text() | st.dictionaries(st.just("data"), st.text() | st.binary().map(pushed)),
)


@given(body=st.binary(max_size=30) | _CONTENT.map(encode))
def test_any_body_has_an_outcome(body: bytes) -> None:
    """Nothing raises because of what comes in."""
    assert "malformed" == by_handle(Service().endpoint, body, HEADERS).outcome


class Event:
    """A CloudEvent, as far as functions look at it."""

    def __init__(self, data: object) -> None:
        """Take the data, parsed."""
        self.data = data


def by_sync(router: EventRouter, event: Any) -> None:
    """Call the function as Google's framework does in a thread."""
    pubsub_handler(router)(event)


def by_async(router: EventRouter, event: Any) -> None:
    """Await the function."""

    async def run() -> None:
        await apubsub_handler(router)(event)

    aio(run())


triggered = pytest.mark.parametrize("trigger", [by_sync, by_async])


@triggered
def test_a_function_handles_what_a_message_holds(trigger: Any) -> None:
    """Without secrets."""
    service = Service()
    trigger(service.router, Event(pushed(snapshot())))
    assert ["evt_1"] == service.handled


@triggered
@pytest.mark.parametrize("data", [*NO_MESSAGES, None, b"", "text"])
def test_a_function_raises_for_what_is_no_event(trigger: Any, data: object) -> None:
    """After the observers were told."""
    service = Service()
    with pytest.raises(ProcessingError, match="what came was not handled: malformed"):
        trigger(service.router, Event(data))
    assert 1 == len(service.rejected)


@triggered
def test_a_function_raises_for_a_failure(trigger: Any) -> None:
    """So that the event comes again."""
    service = Service()
    service.router.on_any(name="failing")(lambda _: 1 / 0)
    with pytest.raises(ProcessingError, match="evt_1 was not handled: failed"):
        trigger(service.router, Event(pushed(snapshot())))


def test_what_a_function_could_never_serve_is_refused_when_it_is_made() -> None:
    """Such as async middleware, unless the function is awaited."""
    router = EventRouter()
    router.on_any(name="any")(print)
    router.middleware(pass_through_async)
    apubsub_handler(router)
    with pytest.raises(UsageError, match="async"):
        pubsub_handler(router)


def test_a_router_without_secrets_serves_no_signed_requests() -> None:
    """It is only for what is trusted otherwise."""
    router = EventRouter()
    endpoint = pubsub_push(router, authorize=refuse)
    assert endpoint is Endpoint.of(endpoint)
    with pytest.raises(ConfigurationError):
        Endpoint.of(router)
