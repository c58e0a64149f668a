"""
From a JSON object to a typed event, or one MalformedPayload.

Only ``id``, ``type`` and, of a snapshot event, ``data.object`` are required:
nothing else is in every payload that Stripe has sent since 2012. What is there
must have the right type, because a guess about ``livemode`` would be worse.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from stripe_events import _event_classes, _payload
from stripe_events._drafts import EventDraft, NotificationDraft
from stripe_events._event import (
    AnyEvent,
    Event,
    EventData,
    EventNotification,
    EventRequest,
    Reason,
    ReasonRequest,
    RelatedObject,
    UnknownEvent,
    UnknownNotification,
)
from stripe_events._event_index import SNAPSHOT_CLASSES, THIN_CLASSES
from stripe_events._messages import Body, body_bytes
from stripe_events.errors import MalformedPayload

__all__ = ["event_of", "parse"]

MAX_ID_LENGTH = 255
"""Characters; Stripe's own limit for ids (https://docs.stripe.com/upgrades)."""


def parse(payload: Body | Mapping[str, Any]) -> AnyEvent:
    """
    Give the typed event in a payload, without verifying anything.

    For input that is already trusted: your own queue or database, tests. A
    type that this version does not know gives an ``UnknownEvent`` or an
    ``UnknownNotification``. Cloud envelopes are not opened: see
    ``EventRouter.process``.

    Args:
        payload: the raw JSON, or the object parsed from it.

    Raises:
        MalformedPayload: it is no JSON object, or no Stripe event.
        UsageError: it is neither JSON nor a mapping.
    """
    if isinstance(payload, Mapping):
        return event_of(payload, time.time())
    return event_of(_payload.load(body_bytes(payload)), time.time())


def event_of(payload: Mapping[str, Any], received: float) -> AnyEvent:
    """
    Give the typed event for a parsed payload.

    Args:
        payload: kept as it is, not copied.
        received: when it came in, in unix seconds; stands in for a missing ``created``.

    Raises:
        MalformedPayload: names the field that is missing or of the wrong type.
    """
    try:
        kind = payload.get("object")
        if kind is None:
            kind = _likely_kind(payload)
        if kind == "event":
            return _snapshot(payload, received)
        if kind == "v2.core.event":
            return _thin(payload, received)
        complaint = _complaint_about_kind(payload)
    except (TypeError, ValueError) as error:
        complaint = f"the payload is not a Stripe event: {error}"
    # Not in the except block: the frames of what is caught there hold the payload.
    raise MalformedPayload(complaint)


def _likely_kind(payload: Mapping[str, Any]) -> str | None:
    if "detail" in payload or "specversion" in payload:
        return None  # an envelope
    return "event" if "data" in payload else "v2.core.event" if "type" in payload else None


def _snapshot(payload: Mapping[str, Any], received: float) -> Event[Any]:
    get = payload.get
    event_type = _type(get("type"), SNAPSHOT_CLASSES)
    data = cast("dict[str, Any]", get("data"))
    if type(data) is not dict or type(data.get("object")) is not dict:
        _check_data(data, event_type)
    if data.get("previous_attributes"):
        _object(data["previous_attributes"], "data.previous_attributes")
    created = get("created")
    livemode = get("livemode")
    account = get("account")
    context = get("context")
    pending = get("pending_webhooks")
    request = get("request")
    event: Any = EventDraft(
        _name(get("id"), "id"),
        datetime.fromtimestamp(received, UTC) if created is None else _from_timestamp(created),
        livemode if type(livemode) is bool else _flag(livemode, "livemode"),
        None if account is None else _text(account, "account"),
        None if context is None else _text(context, "context"),
        _text(get("api_version"), "api_version"),
        pending if type(pending) is int else _count(pending),
        _NO_REQUEST if request is None else _request(request),
        EventData(data),
        payload,
    )
    event.__class__ = _event_classes.event_class(event_type) or UnknownEvent
    return cast("Event[Any]", event)


def _type(value: Any, known: Mapping[str, str]) -> str:
    # A type that is known need not be looked at more closely.
    return value if type(value) is str and value in known else _name(value, "type")


def _check_data(value: Any, event_type: str) -> None:
    data = _object(value, "data")
    if data.get("object") is not None or event_type != "ping":
        _object(data.get("object"), "data.object")


def _thin(payload: Mapping[str, Any], received: float) -> EventNotification[Any, Any]:
    get = payload.get
    event_type = _type(get("type"), THIN_CLASSES)
    created = get("created")
    livemode = get("livemode")
    context = get("context")
    related = get("related_object")
    reason = get("reason")
    event: Any = NotificationDraft(
        _name(get("id"), "id"),
        datetime.fromtimestamp(received, UTC) if created is None else _from_iso(created),
        livemode if type(livemode) is bool else _flag(livemode, "livemode"),
        None if context is None else _text(context, "context"),
        None if related is None else _related(related),
        None if reason is None else _reason(reason),
        payload,
    )
    event.__class__ = _event_classes.notification_class(event_type) or UnknownNotification
    return cast("EventNotification[Any, Any]", event)


def _name(value: Any, field: str) -> str:
    # Ids and types become keys of databases and logs.
    if type(value) is not str or not value:
        raise TypeError(f"{field} is missing")
    if len(value) > MAX_ID_LENGTH or not (value.isascii() and value.isprintable()):
        raise ValueError(f"{field} is not a name of printable ASCII up to {MAX_ID_LENGTH} long")
    return value


def _object(value: Any, field: str) -> dict[str, Any]:
    if type(value) is dict:
        return cast("dict[str, Any]", value)
    raise TypeError(f"{field} is missing" if value is None else f"{field} is no object")


def _text(value: Any, field: str) -> str | None:
    if value is None or type(value) is str:
        return value
    raise TypeError(f"{field} is not text")


def _flag(value: Any, field: str) -> bool:
    if value is None:
        return False
    if type(value) is bool:
        return value
    raise TypeError(f"{field} is neither true nor false")


def _count(value: Any) -> int:
    if value is None:
        return 0
    raise TypeError("pending_webhooks is not a whole number")


def _from_timestamp(value: Any) -> datetime:
    if type(value) is not int:
        raise TypeError("created is not a whole number of seconds")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError("created is out of range") from None


def _from_iso(value: Any) -> datetime:
    if type(value) is not str:
        raise TypeError("created is not an ISO 8601 text")
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        # Python's own message would show the value.
        raise ValueError("created is not an ISO 8601 text") from None


_NO_REQUEST = EventRequest()


def _request(value: Any) -> EventRequest:
    if type(value) is str:
        return EventRequest(value)
    request = _object(value, "request")
    return EventRequest(
        _text(request.get("id"), "request.id"),
        _text(request.get("idempotency_key"), "request.idempotency_key"),
    )


def _related(value: Any) -> RelatedObject:
    # A singleton (Balance) has no id of its own.
    get = _object(value, "related_object").get
    return RelatedObject(
        _text(get("id"), "related_object.id") or "",
        _text(get("type"), "related_object.type") or "",
        _text(get("url"), "related_object.url") or "",
    )


def _reason(value: Any) -> Reason:
    reason = _object(value, "reason")
    type_ = _text(reason.get("type"), "reason.type") or ""
    if reason.get("request") is None:
        return Reason(type_)
    request = _object(reason["request"], "reason.request")
    id_ = _text(request.get("id"), "reason.request.id") or ""
    key = _text(request.get("idempotency_key"), "reason.request.idempotency_key") or ""
    return Reason(type_, ReasonRequest(id_, key))


def _complaint_about_kind(payload: Mapping[str, Any]) -> str:
    if "detail" in payload or "specversion" in payload:
        return "this is a cloud envelope around an event: give it to EventRouter.process"
    return "the payload is not a Stripe event: its 'object' is neither event nor v2.core.event"
