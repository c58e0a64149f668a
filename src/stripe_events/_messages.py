"""
Requests and responses as plain values, and the one table from errors to statuses.

This module knows no framework and does no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, NamedTuple, Self, TypeAlias, cast

from stripe_events import errors

__all__ = [
    "MAX_BODY_BYTES",
    "Answer",
    "Body",
    "Headers",
    "Outcome",
    "WebhookResponse",
    "body_bytes",
    "body_within",
    "find_header",
    "outcome_of",
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
    """The closed set of what can become of a delivery, each with its HTTP ``status``."""

    status: int

    def __new__(cls, value: str, status: int) -> Self:
        """Make a member: what it is called, and how Stripe is told of it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.status = status
        return member

    HANDLED = "handled", 200
    DUPLICATE = "duplicate", 200
    IGNORED = "ignored", 200
    DEAD = "dead", 200
    EXPIRED = "expired", 200
    ACCEPTED = "accepted", 200
    SIGNATURE_MISSING = "signature_missing", 400
    SIGNATURE_INVALID = "signature_invalid", 400
    SIGNATURE_EXPIRED = "signature_expired", 400
    MALFORMED = "malformed", 400
    NOT_FOUND = "not_found", 404
    METHOD_NOT_ALLOWED = "method_not_allowed", 405
    BUSY = "busy", 409
    LENGTH_REQUIRED = "length_required", 411
    TOO_LARGE = "too_large", 413
    FAILED = "failed", 500
    HANDLER_MISSING = "handler_missing", 500
    STORE_FAILED = "store_failed", 500
    DRAINING = "draining", 503


_OUTCOME_OF_ERROR: dict[type[errors.StripeEventsError], Outcome] = {
    errors.MissingSignature: Outcome.SIGNATURE_MISSING,
    errors.ExpiredSignature: Outcome.SIGNATURE_EXPIRED,
    errors.SignatureError: Outcome.SIGNATURE_INVALID,
    errors.PayloadTooLarge: Outcome.TOO_LARGE,
    errors.LengthRequired: Outcome.LENGTH_REQUIRED,
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


class Answer(NamedTuple):
    """A body that Stripe is to read in place of the standard one, and its headers."""

    body: bytes
    headers: Mapping[str, str]


class WebhookResponse:
    """
    What to answer to Stripe, and what became of the delivery.

    ``status``, ``headers`` and ``body`` are the answer: small JSON with the outcome
    and the event's id, or what a handler gave to ``ctx.respond``. They are written
    when they are asked for.

    Args:
        outcome: what became of the delivery.
        event_id: of which event; None if that is not known.
        error: what was rejected or failed, else None. Its text is for the caller
            and tests, and never enters the answer.
        answer: what a handler answers; it makes the status 200.
    """

    __slots__ = ("answer", "error", "event_id", "outcome")

    def __init__(
        self,
        outcome: Outcome,
        event_id: str | None = None,
        error: errors.StripeEventsError | None = None,
        answer: Answer | None = None,
    ) -> None:
        """Keep what the answer is made of."""
        self.outcome: Outcome = outcome
        self.event_id: str | None = event_id
        self.error: errors.StripeEventsError | None = error
        self.answer: Answer | None = answer

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.outcome.status if self.answer is None else 200

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers, with names in lower case, as a new dict."""
        own = _HEADERS.get(self.outcome, {}) if self.answer is None else self.answer.headers
        length = str(len(self.body))
        return {"content-type": "application/json", **own, "content-length": length}

    @property
    def body(self) -> bytes:
        """The HTTP body."""
        if self.answer is not None:
            return self.answer.body
        # By hand: for an object json.dumps makes an encoder, and all answers are written here.
        event = "" if self.event_id is None else f',"event":{_quoted(self.event_id)}'
        return f'{{"outcome":"{self.outcome.value}"{event}}}'.encode("ascii")

    def __repr__(self) -> str:
        """Show the status and what became of which event."""
        return f"<WebhookResponse {self.status} {self.outcome.value} {self.event_id or ''}>"


def outcome_of(error: errors.StripeEventsError) -> Outcome:
    """Give the outcome of a delivery that ended with ``error``, by its nearest class."""
    return next(_OUTCOME_OF_ERROR[cls] for cls in type(error).__mro__ if cls in _OUTCOME_OF_ERROR)


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
    raw = body if type(body) is bytes else body_bytes(body)
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
    joined by a comma, as HTTP allows (RFC 9110, section 5.3). Headers that have a
    ``find_header`` of their own are asked that.
    """
    if headers is None:
        return None
    if isinstance(headers, (str, bytes)):
        return _text(headers)
    if type(headers) is not dict:
        find = getattr(type(headers), "find_header", None)  # some have any attribute, as Sanic's
        if find is not None:
            return cast("str | None", find(headers, name))
    length = len(name)
    found = [
        value for key, value in _pairs(headers) if len(key) == length and _text(key).lower() == name
    ]
    if len(found) == 1 and type(found[0]) is str:
        return found[0]
    texts = [text for value in found for text in _texts(value)]
    return ",".join(texts) if texts else None


def _pairs(headers: Any) -> Iterable[tuple[Any, Any]]:
    if type(headers) is dict:  # most are, and have nothing more to be asked
        return headers.items()  # pyright: ignore[reportUnknownVariableType]
    # werkzeug's, Starlette's and multidict's mappings repeat a key in items();
    # Starlette names that multi_items().
    items: Any = getattr(headers, "multi_items", None) or getattr(headers, "items", None)
    pairs: Any = headers if items is None else items()
    return cast("Iterable[tuple[Any, Any]]", pairs)


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [_text(item) for item in cast("Iterable[object]", value)]
    return [_text(value)]


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
