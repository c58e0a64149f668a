"""
Requests and responses as plain values, and the one table from errors to statuses.

This module knows no framework and does no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple, TypeAlias, cast

from stripe_events import errors

__all__ = [
    "MAX_BODY_BYTES",
    "Body",
    "Headers",
    "Outcome",
    "WebhookResponse",
    "body_bytes",
    "body_within",
    "find_header",
    "outcome_of",
    "respond",
]

Body: TypeAlias = bytes | bytearray | memoryview | str
Headers: TypeAlias = (
    Mapping[str, str]
    | Mapping[str, Any]
    | Iterable[tuple[str | bytes, str | bytes]]
    | str
    | bytes
    | None
)
"""
Request headers: a mapping in any case of letters (values may be lists), pairs of
``str`` or ``bytes`` (ASGI), or the bare value of ``Stripe-Signature``.
"""

MAX_BODY_BYTES = 4 * 1024 * 1024
"""The default size limit; Stripe documents no maximum, real events stay under 100 kB."""


class Outcome(StrEnum):
    """The closed set of what can become of a delivery; ``status`` is its HTTP status."""

    HANDLED = "handled"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    DEAD = "dead"
    EXPIRED = "expired"
    ACCEPTED = "accepted"
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_INVALID = "signature_invalid"
    SIGNATURE_EXPIRED = "signature_expired"
    MALFORMED = "malformed"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BUSY = "busy"
    LENGTH_REQUIRED = "length_required"
    TOO_LARGE = "too_large"
    FAILED = "failed"
    HANDLER_MISSING = "handler_missing"
    STORE_FAILED = "store_failed"
    DRAINING = "draining"

    @property
    def status(self) -> int:
        """The HTTP status that tells Stripe this outcome."""
        return _STATUS[self]


_STATUS: dict[Outcome, int] = {
    Outcome.HANDLED: 200,
    Outcome.DUPLICATE: 200,
    Outcome.IGNORED: 200,
    Outcome.DEAD: 200,
    Outcome.EXPIRED: 200,
    Outcome.ACCEPTED: 200,
    Outcome.SIGNATURE_MISSING: 400,
    Outcome.SIGNATURE_INVALID: 400,
    Outcome.SIGNATURE_EXPIRED: 400,
    Outcome.MALFORMED: 400,
    Outcome.METHOD_NOT_ALLOWED: 405,
    Outcome.BUSY: 409,
    Outcome.LENGTH_REQUIRED: 411,
    Outcome.TOO_LARGE: 413,
    Outcome.FAILED: 500,
    Outcome.HANDLER_MISSING: 500,
    Outcome.STORE_FAILED: 500,
    Outcome.DRAINING: 503,
}

_OUTCOME_OF_ERROR: dict[type[errors.StripeEventsError], Outcome] = {
    errors.MissingSignature: Outcome.SIGNATURE_MISSING,
    errors.ExpiredSignature: Outcome.SIGNATURE_EXPIRED,
    errors.SignatureError: Outcome.SIGNATURE_INVALID,
    errors.PayloadTooLarge: Outcome.TOO_LARGE,
    errors.DeliveryError: Outcome.MALFORMED,
    errors.StoreError: Outcome.STORE_FAILED,
    errors.Busy: Outcome.BUSY,
    errors.HandlerMissing: Outcome.HANDLER_MISSING,
    errors.Permanent: Outcome.DEAD,
    errors.StripeEventsError: Outcome.FAILED,
}

_HEADERS: dict[Outcome, dict[str, str]] = {
    Outcome.BUSY: {"retry-after": "1"},  # seconds
    Outcome.DRAINING: {"retry-after": "5"},
    Outcome.METHOD_NOT_ALLOWED: {"allow": "POST"},
}
_NO_HEADERS: dict[str, str] = {}


class WebhookResponse(NamedTuple):
    """
    What to answer to Stripe, and what became of the delivery.

    ``status``, ``headers`` and ``body`` (bytes) are the answer; ``outcome``,
    ``event_id`` and ``error`` are for the caller and tests. ``error`` is None
    unless something was rejected or failed; its text never enters ``body``.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    outcome: Outcome
    event_id: str | None = None
    error: errors.StripeEventsError | None = None


def outcome_of(error: errors.StripeEventsError) -> Outcome:
    """Give the outcome of a delivery that ended with ``error``, by its nearest class."""
    return next(_OUTCOME_OF_ERROR[cls] for cls in type(error).__mro__ if cls in _OUTCOME_OF_ERROR)


def respond(
    outcome: Outcome,
    event_id: str | None = None,
    error: errors.StripeEventsError | None = None,
) -> WebhookResponse:
    """Give the standard answer for an outcome: small JSON with it and the event's id."""
    event = "" if event_id is None else f',"event":{encode_basestring_ascii(event_id)}'
    body = f'{{"outcome":"{outcome}"{event}}}'.encode("ascii")
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **_HEADERS.get(outcome, _NO_HEADERS),
    }
    return WebhookResponse(_STATUS[outcome], headers, body, outcome, event_id, error)


def body_bytes(body: Body) -> bytes:
    """
    Give a request's raw body as bytes.

    Raises:
        MalformedPayload: a ``str`` that has no UTF-8 form (lone surrogates).
        UsageError: a parsed object instead of the raw body; parsing and writing
            JSON again changes bytes, and then no signature can match.
    """
    if type(body) is bytes:
        return body
    if isinstance(body, str):
        try:
            return body.encode("utf-8")
        except UnicodeEncodeError:
            msg = "the body is text that has no UTF-8 form"
            raise errors.MalformedPayload(msg) from None
    if isinstance(cast("object", body), (bytes, bytearray, memoryview)):
        return bytes(body)
    msg = (
        f"the body must be the raw bytes of the request, not {type(body).__name__}: "
        "pass what the framework read before it parsed any JSON"
    )
    raise errors.UsageError(msg)


def body_within(limit: int, body: Body) -> bytes:
    """
    Give a request's raw body as bytes, if it has at most ``limit`` of them.

    Raises:
        PayloadTooLarge: it has more.
        MalformedPayload, UsageError: as ``body_bytes`` does.
    """
    raw = body_bytes(body)
    if len(raw) > limit:
        raise errors.PayloadTooLarge(
            f"the body has {len(raw)} bytes, more than max_body_bytes={limit}; "
            "allow more if Stripe really sends this much"
        )
    return raw


def find_header(headers: Headers, name: str) -> str | None:
    """
    Give the value of a header, or None where it is absent.

    Args:
        headers: see ``Headers``; a bare ``str`` or ``bytes`` is the value itself.
        name: in lower case.

    Names match in any case of letters. Repeated headers and list values are
    joined by a comma, as HTTP allows (RFC 9110, section 5.3).
    """
    if headers is None:
        return None
    if isinstance(headers, (str, bytes)):
        return _text(headers)
    length = len(name)
    found = [
        value for key, value in _pairs(headers) if len(key) == length and _text(key).lower() == name
    ]
    if len(found) == 1 and type(found[0]) is str:
        return found[0]
    texts = [text for value in found for text in _texts(value)]
    return ",".join(texts) if texts else None


def _pairs(headers: Mapping[str, Any] | Iterable[tuple[Any, Any]]) -> Iterable[tuple[Any, Any]]:
    # werkzeug's, Starlette's and multidict's mappings repeat a key in items();
    # Starlette names that multi_items().
    items: Any = getattr(headers, "multi_items", None) or getattr(headers, "items", None)
    return cast("Iterable[tuple[Any, Any]]", headers if items is None else items())


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [_text(item) for item in cast("Iterable[object]", value)]
    return [_text(value)]


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
