"""From a JSON object to an event: what is required, what has a default, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from stripe_events import Event, EventNotification, UnknownEvent, UnknownNotification, parse
from stripe_events._event import EventRequest, Reason, ReasonRequest, RelatedObject
from stripe_events._parse import event_of
from stripe_events.errors import MalformedPayload, UsageError
from stripe_events.events import ChargeSucceeded, Ping
from stripe_events.notifications import V1ChargeSucceeded
from tests.unit.deliveries import NOW, encode, snapshot, thin

SENT = datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "payload",
    [
        snapshot(),
        MappingProxyType(snapshot()),
        encode(snapshot()),
        bytearray(encode(snapshot())),
        memoryview(encode(snapshot())),
        encode(snapshot()).decode(),
    ],
)
def test_an_event_is_parsed_from_every_form(payload: Any) -> None:
    """Raw JSON and the object in it give the same typed event."""
    assert (ChargeSucceeded, "evt_1") == (type(parse(payload)), parse(payload).id)


@pytest.mark.parametrize("payload", [None, 5, [snapshot()]])
def test_what_is_neither_json_nor_object_is_refused(payload: Any) -> None:
    """That is a mistake in the program, not in the payload."""
    with pytest.raises(UsageError, match=type(payload).__name__):
        parse(payload)


def test_a_snapshot_event_is_read_whole() -> None:
    """Every field comes from the payload."""
    event = parse(snapshot(account="acct_1", context="acct_1", livemode=True))
    assert isinstance(event, ChargeSucceeded)
    assert ("evt_1", SENT, True, "acct_1", "acct_1", "2025-09-30.clover", 1) == (
        event.id,
        event.created,
        event.livemode,
        event.account,
        event.context,
        event.api_version,
        event.pending_webhooks,
    )
    assert EventRequest("req_1", "key_1") == event.request


def test_what_a_snapshot_may_lack_has_a_defined_value() -> None:
    """Only id, type and data.object are in every payload that Stripe ever sent."""
    received = datetime(2020, 1, 1, tzinfo=UTC)
    least = {"id": "evt_1", "type": "charge.succeeded", "data": {"object": {}}}
    event = event_of(least, received.timestamp())
    assert isinstance(event, ChargeSucceeded)
    assert (received, False, None, None, None, 0, EventRequest(), {}) == (
        event.created,
        event.livemode,
        event.account,
        event.context,
        event.api_version,
        event.pending_webhooks,
        event.request,
        event.data.previous_attributes,
    )


def test_a_ping_is_about_no_object() -> None:
    """Stripe sent such until 2017; of every other type it would be a broken event."""
    event = parse(snapshot("ping", data={"object": None}))
    assert isinstance(event, Ping)
    assert (None, "<EventData object >") == (event.data.object, repr(event.data))


def test_null_is_the_same_as_absent() -> None:
    """Stripe writes both."""
    names = ("created", "livemode", "account", "context", "api_version", "pending_webhooks")
    nulls = dict.fromkeys((*names, "request"))
    received = datetime(2020, 1, 1, tzinfo=UTC)
    event = event_of(snapshot(**nulls), received.timestamp())
    assert isinstance(event, ChargeSucceeded)
    assert (received, False, 0, EventRequest()) == (
        event.created,
        event.livemode,
        event.pending_webhooks,
        event.request,
    )


def test_without_any_time_an_event_was_created_now() -> None:
    """It is as near as one can get."""
    before = datetime.now(UTC)
    event = parse(snapshot(created=None))
    assert before <= event.created <= datetime.now(UTC)


def test_an_old_request_is_the_id_alone() -> None:
    """So it was before API version 2017-05-25."""
    event = parse(snapshot(request="req_old"))
    assert isinstance(event, Event)
    assert EventRequest("req_old") == event.request


def test_an_unlisted_api_version_is_kept_as_it_is() -> None:
    """Betas stand in it, and old ones have no name."""
    event = parse(snapshot(api_version="2016-03-07; orders_beta=v3"))
    assert isinstance(event, Event)
    assert "2016-03-07; orders_beta=v3" == event.api_version


def test_a_thin_event_is_read_whole() -> None:
    """Every field comes from the payload, the time to the microsecond."""
    event = parse(thin(context="org_1/acct_2", livemode=True))
    assert isinstance(event, V1ChargeSucceeded)
    assert (SENT.replace(microsecond=123456), True, "org_1/acct_2") == (
        event.created,
        event.livemode,
        event.context,
    )
    assert RelatedObject("ch_1", "charge", "/v1/charges/ch_1") == event.related_object
    assert Reason("request", ReasonRequest("req_1", "key_1")) == event.reason


def test_what_a_thin_event_may_lack_has_a_defined_value() -> None:
    """Only id and type are required, with or without the name of the object."""
    received = datetime(2020, 1, 1, tzinfo=UTC)
    event = event_of({"id": "evt_1", "type": "v1.charge.succeeded"}, received.timestamp())
    assert isinstance(event, V1ChargeSucceeded)
    assert (received, False, None, None, None, received.timestamp() * 10**9) == (
        event.created,
        event.livemode,
        event.context,
        event.related_object,
        event.reason,
        event.created_ns,
    )


def test_parts_of_a_thin_event_may_be_empty() -> None:
    """A singleton has no id, a reason other than a request no request."""
    related = {"type": "balance", "url": "/v1/balance"}
    event = parse(thin(related_object=related, reason={"type": "schedule", "request": None}))
    assert isinstance(event, EventNotification)
    assert RelatedObject("", "balance", "/v1/balance") == event.related_object
    assert Reason("schedule") == event.reason


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("2025-10-09T08:53:20Z", NOW * 10**9),
        ("2025-10-09T08:53:20.1Z", NOW * 10**9 + 100_000_000),
        ("2025-10-09T08:53:20.123Z", NOW * 10**9 + 123_000_000),
        ("2025-10-09T08:53:20.123456Z", NOW * 10**9 + 123_456_000),
        ("2025-10-09T08:53:20.1234567Z", NOW * 10**9 + 123_456_700),
        ("2025-10-09T08:53:20.123456789Z", NOW * 10**9 + 123_456_789),
        ("2025-10-09T08:53:20.000000001Z", NOW * 10**9 + 1),
        ("2025-10-09T08:53:20.999999999Z", NOW * 10**9 + 999_999_999),
        ("2025-10-09T08:53:20,123456789Z", NOW * 10**9 + 123_456_789),
        ("2025-10-09T08:53:20.123456789012Z", NOW * 10**9 + 123_456_789),
        ("2025-10-09T10:53:20.123456789+02:00", NOW * 10**9 + 123_456_789),
        ("2025-10-09T08:53:20.123456789", NOW * 10**9 + 123_456_789),
        ("1969-12-31T23:59:59.999999999Z", -1),
    ],
)
def test_a_thin_event_knows_its_nanosecond(created: str, expected: int) -> None:
    """A datetime holds microseconds; ``created_ns`` is exact."""
    event = parse(thin(created=created))
    assert isinstance(event, EventNotification)
    assert (expected, UTC) == (event.created_ns, event.created.tzinfo)


@pytest.mark.parametrize(
    ("payload", "cls"),
    [
        (snapshot("charge.vanished"), UnknownEvent),
        (thin("v9.charge.vanished"), UnknownNotification),
        (snapshot("v1.charge.succeeded"), UnknownEvent),
        (thin("charge.succeeded"), UnknownNotification),
    ],
)
def test_a_type_that_is_not_known_is_no_error(payload: dict[str, Any], cls: type) -> None:
    """Stripe adds types at any time; one of the other kind is unknown too."""
    event = parse(payload)
    assert (cls, payload["type"]) == (type(event), event.type)


WRONG = [
    ({"id": None}, "id is missing"),
    ({"id": ""}, "id is missing"),
    ({"id": 5}, "id is missing"),
    ({"id": ["evt_1"]}, "id is missing"),
    ({"id": "evt\n1"}, "id is not a name"),
    ({"id": "evt_é"}, "id is not a name"),
    ({"id": "\ud800"}, "id is not a name"),
    ({"id": "e" * 256}, "id is not a name"),
    ({"type": None}, "type is missing"),
    ({"type": {}}, "type is missing"),
    ({"type": "charge\0"}, "type is not a name"),
    ({"type": "c" * 256}, "type is not a name"),
    ({"livemode": "true"}, "livemode"),
    ({"livemode": 1}, "livemode"),
    ({"context": 5}, "context"),
]

WRONG_SNAPSHOT = [
    ({"data": None}, "data is missing"),
    ({"data": []}, "data is no object"),
    ({"data": "object"}, "data is no object"),
    ({"data": {}}, "data.object"),
    ({"data": {"object": None}}, "data.object"),
    ({"data": {"object": [{}]}}, "data.object"),
    ({"data": {"object": "charge"}}, "data.object"),
    ({"data": {"object": {}, "previous_attributes": ["status"]}}, "previous_attributes"),
    ({"data": {"object": {}, "previous_attributes": "status"}}, "previous_attributes"),
    ({"created": "2025"}, "created"),
    ({"created": 1.5}, "created"),
    ({"created": True}, "created"),
    ({"created": 10**30}, "created"),
    ({"created": -(10**30)}, "created"),
    ({"created": 10**15}, "created"),
    ({"account": 5}, "account"),
    ({"account": ["acct_1"]}, "account"),
    ({"api_version": 2025}, "api_version"),
    ({"pending_webhooks": "1"}, "pending_webhooks"),
    ({"pending_webhooks": 1.0}, "pending_webhooks"),
    ({"pending_webhooks": True}, "pending_webhooks"),
    ({"request": 5}, "request"),
    ({"request": []}, "request"),
    ({"request": {"id": 5}}, "request.id"),
    ({"request": {"idempotency_key": []}}, "request.idempotency_key"),
]

WRONG_THIN = [
    ({"created": NOW}, "created"),
    ({"created": ""}, "created"),
    ({"created": "yesterday"}, "created"),
    ({"created": "2025-13-01T00:00:00Z"}, "created"),
    ({"created": "\ud800"}, "created"),
    ({"created": "0001-01-01T00:00:00+23:59"}, "created"),
    ({"created": "9999-12-31T23:59:59-23:59"}, "created"),
    ({"related_object": "ch_1"}, "related_object"),
    ({"related_object": []}, "related_object"),
    ({"related_object": {"id": 5}}, "related_object.id"),
    ({"related_object": {"url": {}}}, "related_object.url"),
    ({"reason": "request"}, "reason"),
    ({"reason": {"type": 5}}, "reason.type"),
    ({"reason": {"request": "req_1"}}, "reason.request"),
    ({"reason": {"request": {"id": 5}}}, "reason.request.id"),
    ({"reason": {"request": {"idempotency_key": 5}}}, "reason.request.idempotency_key"),
]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        *((snapshot(**fields), why) for fields, why in WRONG + WRONG_SNAPSHOT),
        *((thin(**fields), why) for fields, why in WRONG + WRONG_THIN),
    ],
)
def test_a_field_of_the_wrong_type_is_refused_by_name(payload: dict[str, Any], why: str) -> None:
    """A guess about livemode or an id would be worse than no event."""
    with pytest.raises(MalformedPayload, match=f"not a Stripe event: .*{why}"):
        parse(payload)


@pytest.mark.parametrize("object_", ["charge", "list", "v2.core.account", 5, [], {}, True])
def test_another_object_is_no_event(object_: Any) -> None:
    """Nor is a resource that somebody sends in place of one."""
    with pytest.raises(MalformedPayload, match="neither event nor"):
        parse(snapshot(object=object_))


@pytest.mark.parametrize("payload", [{}, {"id": "evt_1"}, {"error": {"message": "no"}}])
def test_an_object_without_anything_is_no_event(payload: dict[str, Any]) -> None:
    """There is nothing to tell its kind by."""
    with pytest.raises(MalformedPayload, match="not a Stripe event"):
        parse(payload)


@pytest.mark.parametrize("envelope", [{"detail": snapshot()}, {"specversion": "1.0"}])
def test_a_cloud_envelope_is_sent_where_it_belongs(envelope: dict[str, Any]) -> None:
    """It is opened by an explicit call only."""
    with pytest.raises(MalformedPayload, match=r"EventRouter\.process"):
        parse(envelope)


@pytest.mark.parametrize("field", ["created", "id", "type"])
def test_the_error_shows_no_value_of_the_payload(field: str) -> None:
    """What a payload says may be private, and long."""
    with pytest.raises(MalformedPayload) as caught:
        parse(thin(**{field: "hunter2" * 50}))
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None
