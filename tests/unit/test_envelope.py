"""Cloud envelopes: what is inside, if the outside is right."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from stripe_events._envelope import unwrap
from stripe_events.errors import MalformedPayload, UsageError
from tests.unit.deliveries import encode, snapshot, thin
from tests.unit.lambda_events import event_bridge, notification


def event_grid(event: Any, **fields: Any) -> dict[str, Any]:
    """Give an event as Azure Event Grid brings it."""
    return {
        "specversion": "1.0",
        "type": event["type"],
        "source": "/providers/stripe/ed_test_1",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "time": "2025-10-09T08:53:20Z",
        "subject": None,
        "dataContentType": "application/cloudevents+json",
        "data": event,
        **fields,
    }


EVENTS = [snapshot(), thin(), snapshot("added.tomorrow"), thin("v2.core.account[defaults].updated")]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("wrap", [event_bridge, event_grid, dict, MappingProxyType])
def test_the_event_inside_is_found(wrap: Any, event: dict[str, Any]) -> None:
    """Of both kinds, parsed or as JSON, and a bare one as it is."""
    assert event == unwrap(wrap(event))
    assert event == unwrap(encode(dict(wrap(event))))


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("wrap", [event_bridge, event_grid, dict])
def test_the_event_in_a_notification_is_found(wrap: Any, event: dict[str, Any]) -> None:
    """SNS holds as text what was published, be it an envelope or a bare event."""
    notified = notification(wrap(event))
    assert event == unwrap(notified)
    assert event == unwrap(encode(notified))


def without(envelope: dict[str, Any], *names: str) -> dict[str, Any]:
    """Give the envelope without some fields."""
    return {name: value for name, value in envelope.items() if name not in names}


@pytest.mark.parametrize(
    ("envelope", "why"),
    [
        (event_bridge(snapshot(), source="aws.events"), "EventBridge envelope is not Stripe's"),
        (event_bridge(snapshot(), source="my/aws.partner/stripe.com/x"), "not Stripe's"),
        (event_bridge(snapshot(), source="aws.partner/stripe.com.evil/x"), "not Stripe's"),
        (event_bridge(snapshot(), source=None), "not Stripe's"),
        (event_bridge(snapshot(), source=["aws.partner/stripe.com/x"]), "not Stripe's"),
        (without(event_bridge(snapshot()), "source"), "not Stripe's"),
        (event_bridge(snapshot(), **{"detail-type": "charge.failed"}), "'detail-type' is not the"),
        (without(event_bridge(snapshot()), "detail-type"), "'detail-type' is not the"),
        (event_bridge(snapshot(), detail=None), "no event in 'detail'"),
        (event_bridge(snapshot(), detail=[snapshot()]), "no event in 'detail'"),
        (event_bridge(snapshot(), detail=encode(snapshot()).decode()), "no event in 'detail'"),
        (event_bridge(snapshot(), detail={}), "'detail-type' is not the"),
        (without(event_bridge(snapshot()), "detail"), "no event in 'detail'"),
        (event_grid(snapshot(), source="/providers/github/x"), "Event Grid envelope is not Stripe"),
        (event_grid(snapshot(), source=5), "not Stripe's"),
        (without(event_grid(snapshot()), "source"), "not Stripe's"),
        (event_grid(snapshot(), type="charge.failed"), "'type' is not the"),
        (event_grid(snapshot(), data="text"), "no event in 'data'"),
        (without(event_grid(snapshot()), "data"), "no event in 'data'"),
        (notification(event_bridge(snapshot(), source="aws.events")), "not Stripe's"),
        (notification("not json"), "not JSON"),
        (notification("[]"), "not an object"),
        (notification("\ud800"), "no UTF-8 form"),
        (notification({}, Message=snapshot()), "no text in 'Message'"),
        (without(notification({}), "Message"), "no text in 'Message'"),
    ],
)
def test_an_envelope_that_is_wrong_outside_is_refused(envelope: dict[str, Any], why: str) -> None:
    """A rule that lets other sources through must not make their events Stripe's."""
    with pytest.raises(MalformedPayload, match=why):
        unwrap(envelope)
    with pytest.raises(MalformedPayload, match=why):
        unwrap(encode(envelope))


def test_only_a_notification_is_opened() -> None:
    """SNS sends other things in the same form, as to confirm a subscription."""
    other = notification(snapshot(), Type="SubscriptionConfirmation")
    assert other == unwrap(other)


def test_a_notification_in_a_notification_is_not_opened() -> None:
    """Nothing is published twice on its way; what is inside is no event."""
    inner = notification(snapshot())
    assert inner == unwrap(notification(inner))


@pytest.mark.parametrize("payload", [b"", b"[]", b'"text"', "not json"])
def test_what_is_no_json_object_is_malformed(payload: Any) -> None:
    """Also a batch: its parts are given one by one."""
    with pytest.raises(MalformedPayload):
        unwrap(payload)


@pytest.mark.parametrize("payload", [None, 5, [snapshot()]])
def test_what_is_neither_json_nor_object_is_refused(payload: Any) -> None:
    """That is a mistake in the program."""
    with pytest.raises(UsageError, match=type(payload).__name__):
        unwrap(payload)
