"""
From a JSON object to a typed event, or one MalformedPayload.

Only ``id``, ``type`` and, of a snapshot event, ``data.object`` are required:
nothing else is in every payload that Stripe has sent since 2012. What is there
must have the right type, because a guess about ``livemode`` would be worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn, cast

from stripe_events import _event_classes, _payload
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
        return event_of(payload)
    return event_of(_payload.load(body_bytes(payload)))


def event_of(payload: Mapping[str, Any], received_at: datetime | None = None) -> AnyEvent:
    """
    Give the typed event for a parsed payload.

    Args:
        payload: kept as it is, not copied.
        received_at: stands in where the payload has no ``created``; else now.

    Raises:
        MalformedPayload: names the field that is missing or of the wrong type.
    """
    try:
        kind = payload.get("object")
        if kind is None:
            kind = _likely_kind(payload)
        if kind == "event":
            return _snapshot(payload, received_at)
        if kind == "v2.core.event":
            return _thin(payload, received_at)
    except (TypeError, ValueError) as error:
        msg = f"the payload is not a Stripe event: {error}"
        raise MalformedPayload(msg) from None
    return _refuse_kind(payload)


def _likely_kind(payload: Mapping[str, Any]) -> str | None:
    if "detail" in payload or "specversion" in payload:
        return None  # an envelope
    return "event" if "data" in payload else "v2.core.event" if "type" in payload else None


def _snapshot(payload: Mapping[str, Any], received_at: datetime | None) -> Event[Any]:
    event_id, event_type = _identity(payload)
    data = _object(payload.get("data"), "data")
    if data.get("object") is not None or event_type != "ping":
        _object(data.get("object"), "data.object")
    if data.get("previous_attributes"):
        _object(data["previous_attributes"], "data.previous_attributes")
    get = payload.get
    created = get("created")
    request = get("request")
    pending = get("pending_webhooks")
    cls = _event_classes.event_class(event_type) or UnknownEvent
    return cls(
        event_id,
        _from_timestamp(created) if created is not None else received_at or _now(),
        _flag(get("livemode"), "livemode"),
        _text(get("account"), "account"),
        _text(get("context"), "context"),
        _text(get("api_version"), "api_version"),
        _count(pending) if pending is not None else 0,
        _request(request) if request is not None else _NO_REQUEST,
        EventData(data),
        payload,
    )


def _thin(payload: Mapping[str, Any], received_at: datetime | None) -> EventNotification[Any, Any]:
    event_id, event_type = _identity(payload)
    get = payload.get
    created = get("created")
    related = get("related_object")
    reason = get("reason")
    cls = _event_classes.notification_class(event_type) or UnknownNotification
    return cls(
        event_id,
        _from_iso(created) if created is not None else received_at or _now(),
        _flag(get("livemode"), "livemode"),
        _text(get("context"), "context"),
        _related(related) if related is not None else None,
        _reason(reason) if reason is not None else None,
        payload,
    )


def _identity(payload: Mapping[str, Any]) -> tuple[str, str]:
    return _name(payload.get("id"), "id"), _name(payload.get("type"), "type")


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
    if type(value) is int:
        return value
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


def _now() -> datetime:
    return datetime.now(UTC)


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


def _refuse_kind(payload: Mapping[str, Any]) -> NoReturn:
    if "detail" in payload or "specversion" in payload:
        msg = "this is a cloud envelope around an event: give it to EventRouter.process"
    else:
        msg = "the payload is not a Stripe event: its 'object' is neither event nor v2.core.event"
    raise MalformedPayload(msg)
