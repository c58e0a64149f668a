"""
Cloud envelopes around an event: what is inside, if the outside is right.

There is no signature in these: trust comes from the channel, and only an
explicit call leads here.
https://docs.stripe.com/event-destinations/eventbridge
https://docs.stripe.com/event-destinations/eventgrid
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from stripe_events import _payload
from stripe_events._messages import Body, body_bytes
from stripe_events.errors import MalformedPayload

_EVENTBRIDGE_SOURCE = "aws.partner/stripe.com/"
_EVENT_GRID_SOURCE = "/providers/stripe/"


def unwrap(payload: Body | Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Give the Stripe event in an EventBridge event or CloudEvent, or the bare event itself.

    An SNS notification around any of these is opened first; one around another is not.

    Args:
        payload: raw JSON, or the object parsed from it.

    Raises:
        MalformedPayload: the envelope does not come from Stripe, or names another
            type than the event in it; or a notification holds no JSON.
    """
    if not isinstance(payload, Mapping):
        payload = _payload.load(body_bytes(payload))
    if payload.get("Type") == "Notification":
        payload = _notified(payload.get("Message"))
    if "detail-type" in payload or "detail" in payload:
        return _open(payload, "EventBridge", _EVENTBRIDGE_SOURCE, "detail-type", "detail")
    if "specversion" in payload:
        return _open(payload, "Event Grid", _EVENT_GRID_SOURCE, "type", "data")
    return payload


def _notified(message: object) -> Mapping[str, Any]:
    if not isinstance(message, str):
        msg = "the SNS notification has no text in 'Message'"
        raise MalformedPayload(msg)
    return _payload.load(body_bytes(message))


def _open(
    envelope: Mapping[str, Any], service: str, source: str, type_key: str, event_key: str
) -> Mapping[str, Any]:
    if not str(envelope.get("source")).startswith(source):
        msg = f"the {service} envelope is not Stripe's: its source does not begin with {source!r}"
        raise MalformedPayload(msg)
    event = envelope.get(event_key)
    if not isinstance(event, Mapping):
        msg = f"the {service} envelope has no event in {event_key!r}"
        raise MalformedPayload(msg)
    event = cast("Mapping[str, Any]", event)
    if envelope.get(type_key) != event.get("type"):
        msg = f"the {service} envelope's {type_key!r} is not the type of the event in it"
        raise MalformedPayload(msg)
    return event
