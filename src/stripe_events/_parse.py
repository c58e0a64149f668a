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
        kind = payload.get("object") or _likely_kind(payload)
        if kind == "event":
            return _snapshot(payload, received_at)
        if kind == "v2.core.event":
            return _thin(payload, received_at)
    except _WRONG_TYPE as error:
        msg = f"the payload is not a Stripe event: {error}"
        raise MalformedPayload(msg) from None
    return _refuse_kind(payload)


def _likely_kind(payload: Mapping[str, Any]) -> str | None:
    if "detail" in payload or "specversion" in payload:
        return None  # an envelope
    return "event" if "data" in payload else "v2.core.event" if "type" in payload else None


# What reading a field of the wrong type raises: a str has no get(), a
# timestamp can be out of range, an ISO text can be wrong.
_WRONG_TYPE = (TypeError, ValueError, AttributeError, OverflowError, OSError)


def _snapshot(payload: Mapping[str, Any], received_at: datetime | None) -> Event[Any]:
    event_id, event_type = _identity(payload)
    data = cast("dict[str, Any]", payload.get("data"))
    if type(data) is not dict or "object" not in data:
        raise TypeError("data.object is missing")
    if not isinstance(data["object"], dict | None):
        raise TypeError("data.object is not an object")
    if not isinstance(data.get("previous_attributes") or {}, dict):
        raise TypeError("data.previous_attributes is not an object")
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
    if type(value) is int:
        return datetime.fromtimestamp(value, UTC)
    raise TypeError("created is not a whole number of seconds")


def _from_iso(value: Any) -> datetime:
    if type(value) is not str:
        raise TypeError("created is not an ISO 8601 text")
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _now() -> datetime:
    return datetime.now(UTC)


_NO_REQUEST = EventRequest()


def _request(value: Any) -> EventRequest:
    if type(value) is str:
        return EventRequest(value)
    return EventRequest(
        _text(value.get("id"), "request.id"),
        _text(value.get("idempotency_key"), "request.idempotency_key"),
    )


def _related(value: Any) -> RelatedObject:
    # A singleton (Balance) has no id of its own.
    id_, type_, url = (_text(value.get(key), key) or "" for key in ("id", "type", "url"))
    return RelatedObject(id_, type_, url)


def _reason(value: Any) -> Reason:
    request = value.get("request")
    return Reason(
        _text(value.get("type"), "reason.type") or "",
        None
        if request is None
        else ReasonRequest(
            _text(request.get("id"), "reason.request.id") or "",
            _text(request.get("idempotency_key"), "reason.request.idempotency_key") or "",
        ),
    )


def _refuse_kind(payload: Mapping[str, Any]) -> NoReturn:
    if "detail" in payload or "specversion" in payload:
        msg = "this is a cloud envelope around an event: give it to EventRouter.process"
    else:
        msg = "the payload is not a Stripe event: its 'object' is neither event nor v2.core.event"
    raise MalformedPayload(msg)
