"""Fetching from a thin event sends what the SDK's own notification class sends."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from stripe_events import parse
from stripe_events.errors import MalformedPayload
from tests.objects.payloads import THIN_EVENT, thin_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.objects.conftest import Request, StripeServer

try:
    from stripe.v2.core import EventNotification
except ImportError:
    EventNotification = None

needs_notifications = pytest.mark.skipif(
    EventNotification is None, reason="stripe 12 has no notification class to compare with"
)

FETCHED = {
    "id": "evt_test_1",
    "object": "v2.core.event",
    "type": THIN_EVENT,
    "created": "2025-10-04T15:13:32.232Z",
    "livemode": False,
    "data": {"developer_message_summary": "one error", "reason": {"error_count": 1}},
}
METER = {"id": "mtr_1", "object": "billing.meter", "display_name": "Calls"}

UNKNOWN_TYPE = {"type": "v9.unheard_of.happened"}
NO_OBJECT: dict[str, Any] = {"related_object": None}
OWN_ACCOUNT = {"context": None}


@pytest.fixture
def server(stripe_server: StripeServer) -> StripeServer:
    """Give an API that knows one event, and one meter under a v1 and a v2 path."""
    stripe_server.answers["/v2/core/events/evt_test_1"] = FETCHED
    stripe_server.answers["/v1/billing/meters/mtr_1"] = METER
    stripe_server.answers["/v2/billing/meters/mtr_1"] = METER
    return stripe_server


@pytest.fixture
def make_client(server: StripeServer) -> Iterator[Callable[[], Any]]:
    """Give a maker of clients of the server, each with connections of its own."""
    opened: list[Any] = []

    def make() -> Any:
        opened.append(stripe.RequestsClient())
        return stripe.StripeClient(
            "sk_test_1", base_addresses={"api": server.address}, http_client=opened[-1]
        )

    yield make
    for http_client in opened:
        http_client.close()


def notification(payload: dict[str, Any]) -> Any:
    """Give the thin event in a payload, of whatever type it is."""
    return parse(payload)


def _comparable(request: Request) -> Any:
    headers = dict(request.headers)
    # Measurements of the request before: what they are about is `usage`.
    telemetry = json.loads(headers.pop("x-stripe-client-telemetry", "{}"))
    headers.pop("x-stripe-client-user-agent")
    return request.line, headers, telemetry.get("last_request_metrics", {}).get("usage")


CHANGES = {
    "of an account": {},
    "of the platform": OWN_ACCOUNT,
    "of an unknown type": UNKNOWN_TYPE,
    "with a v2 object": {
        "related_object": {"id": "mtr_1", "type": "x", "url": "/v2/billing/meters/mtr_1"}
    },
    "with a reason": {
        "reason": {"type": "request", "request": {"id": "req_1", "idempotency_key": "k"}}
    },
}


@needs_notifications
@pytest.mark.parametrize("method", ["fetch_event", "fetch_related_object"])
@pytest.mark.parametrize("changes", CHANGES)
def test_the_request_is_that_of_the_sdk(
    changes: str, method: str, server: StripeServer, make_client: Callable[[], Any]
) -> None:
    """Address, headers and reported usage are equal; so are the objects."""
    payload = thin_event(**CHANGES[changes])
    theirs = EventNotification.from_json(json.dumps(payload), make_client())
    expected = [getattr(theirs, method)() for _ in range(2)]
    client = make_client()

    actual = [getattr(notification(payload), method)(client) for _ in range(2)]

    assert expected == actual
    assert type(expected[0]) is type(actual[0])
    sent = [_comparable(request) for request in server.requests]
    assert sent[:2] == sent[2:]
    assert sent[1][2] is not None


def test_the_event_is_fetched_with_its_data(
    server: StripeServer, make_client: Callable[[], Any]
) -> None:
    """The answer is the SDK's class for the type, fetched in the event's account."""
    event = notification(thin_event()).fetch_event(make_client())

    assert "V1BillingMeterErrorReportTriggeredEvent" == type(event).__name__
    assert "one error" == event.data.developer_message_summary
    assert ["GET /v2/core/events/evt_test_1 HTTP/1.1"] == [sent.line for sent in server.requests]
    headers = server.requests[0].headers
    assert "acct_1" == headers["stripe-context"]
    assert "Bearer sk_test_1" == headers["authorization"]


def test_the_related_object_is_fetched_as_its_own_class(
    server: StripeServer, make_client: Callable[[], Any]
) -> None:
    """The address is the one in the payload, the class the one in the answer."""
    meter = notification(thin_event()).fetch_related_object(make_client())

    assert isinstance(meter, stripe.billing.Meter)
    assert "Calls" == meter.display_name
    assert ["GET /v1/billing/meters/mtr_1 HTTP/1.1"] == [sent.line for sent in server.requests]
    assert "acct_1" == server.requests[0].headers["stripe-context"]


def test_no_context_sends_no_header(server: StripeServer, make_client: Callable[[], Any]) -> None:
    """An event of the platform itself is fetched without ``Stripe-Context``."""
    notification(thin_event(context=None)).fetch_event(make_client())

    assert "stripe-context" not in server.requests[0].headers


@pytest.mark.parametrize("payload", [thin_event(**NO_OBJECT), {"id": "evt_test_1", "type": "x"}])
def test_without_a_related_object_nothing_is_requested(
    payload: dict[str, Any], server: StripeServer, make_client: Callable[[], Any]
) -> None:
    """The answer is None, whether the payload says null or nothing."""
    assert notification(payload).fetch_related_object(make_client()) is None
    assert asyncio.run(notification(payload).afetch_related_object(make_client())) is None
    assert [] == server.requests


@pytest.mark.parametrize("changes", [NO_OBJECT, {"reason": {"type": "request"}}, {"created": None}])
def test_the_event_is_fetched_whatever_else_is_missing(
    changes: dict[str, Any], make_client: Callable[[], Any]
) -> None:
    """Fields that a fetch does not need cannot make it fail."""
    event = notification(thin_event(**changes)).fetch_event(make_client())

    assert "evt_test_1" == event.id


@pytest.mark.parametrize(
    "url", ["@127.0.0.1/v1/x", ".example.com/v1/x", "//example.com/v1", "https://example.com", None]
)
def test_an_address_that_leaves_stripe_is_refused(
    url: Any, server: StripeServer, make_client: Callable[[], Any]
) -> None:
    """The key is never sent to a host that a payload names."""
    payload = thin_event(related_object={"id": "mtr_1", "type": "billing.meter", "url": url})

    with pytest.raises(MalformedPayload, match="url is no path"):
        notification(payload).fetch_related_object(make_client())
    with pytest.raises(MalformedPayload, match="url is no path"):
        asyncio.run(notification(payload).afetch_related_object(make_client()))
    assert [] == server.requests


def test_errors_of_the_api_come_through(
    server: StripeServer, make_client: Callable[[], Any]
) -> None:
    """What the SDK raises is what the caller gets."""
    server.answers.clear()

    with pytest.raises(stripe.StripeError):
        notification(thin_event()).fetch_related_object(make_client())


async def _fetch_twice(fetch: Any, payload: dict[str, Any], address: str) -> list[Any]:
    http_client = stripe.HTTPXClient()
    client: Any = stripe.StripeClient(
        "sk_test_1", base_addresses={"api": address}, http_client=http_client
    )
    try:
        return [await fetch(payload, client) for _ in range(2)]
    finally:
        await http_client.close_async()


@pytest.mark.parametrize("changes", CHANGES)
@pytest.mark.parametrize("method", ["fetch_event", "fetch_related_object"])
def test_the_awaited_twin_requests_the_same(
    changes: str, method: str, server: StripeServer, make_client: Callable[[], Any]
) -> None:
    """Same address, same account, equal object."""
    pytest.importorskip("httpx")
    payload = thin_event(**CHANGES[changes])
    expected = getattr(notification(payload), method)(make_client())

    async def ours(payload: dict[str, Any], client: Any) -> Any:
        return await getattr(notification(payload), f"a{method}")(client)

    actual = asyncio.run(_fetch_twice(ours, payload, server.address))

    assert [expected, expected] == actual
    assert type(expected) is type(actual[0])
    first, second, _ = server.requests
    assert first.line == second.line
    for name in ("stripe-context", "stripe-request-trigger", "stripe-version", "authorization"):
        assert first.headers.get(name) == second.headers.get(name)


@needs_notifications
@pytest.mark.parametrize("method", ["fetch_event", "fetch_related_object"])
@pytest.mark.parametrize("changes", CHANGES)
def test_the_awaited_request_is_that_of_the_sdk_without_its_slip(
    changes: str, method: str, server: StripeServer
) -> None:
    """Path, headers and reported usage are equal; no parameters are added to the address."""
    pytest.importorskip("httpx")
    payload = thin_event(**CHANGES[changes])

    async def theirs(payload: dict[str, Any], client: Any) -> Any:
        sdks = EventNotification.from_json(json.dumps(payload), client)
        return await getattr(sdks, f"{method}_async")()

    async def ours(payload: dict[str, Any], client: Any) -> Any:
        return await getattr(notification(payload), f"a{method}")(client)

    expected = asyncio.run(_fetch_twice(theirs, payload, server.address))
    actual = asyncio.run(_fetch_twice(ours, payload, server.address))

    assert expected == actual
    sent = [_comparable(request) for request in server.requests]
    assert [(_without_query(line), *rest) for line, *rest in sent[:2]] == sent[2:]


def _without_query(line: str) -> str:
    method, address, protocol = line.split()
    return f"{method} {address.partition('?')[0]} {protocol}"
