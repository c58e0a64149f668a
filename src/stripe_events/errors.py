"""
Every error of the library, in one tree. This module imports nothing of ours.

::

    StripeEventsError
    + DeliveryError              the sender's fault
    |  + SignatureError          MissingSignature, InvalidSignature, ExpiredSignature
    |  + PayloadError            MalformedPayload, PayloadTooLarge, LengthRequired
    + UsageError                 the programmer's fault, raised at registration or start-up
    |  + UnknownEventType (LookupError), DuplicateHandler (ValueError)
    |  + AsyncStoreError (TypeError), ConfigurationError
    + ProcessingError            ours
    |  + StoreError, LostClaim, StaleSnapshot, Busy, HandlerMissing
    |  + HandlerError (an ExceptionGroup)
    + HandlerDirective           raised by handlers: Permanent, RetryLater(after)

No message contains a signing secret, an expected digest or a body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AsyncStoreError",
    "Busy",
    "ConfigurationError",
    "DeliveryError",
    "DuplicateHandler",
    "ExpiredSignature",
    "HandlerDirective",
    "HandlerError",
    "HandlerMissing",
    "InvalidSignature",
    "LengthRequired",
    "LostClaim",
    "MalformedPayload",
    "MissingSignature",
    "PayloadError",
    "PayloadTooLarge",
    "Permanent",
    "ProcessingError",
    "RetryLater",
    "SignatureError",
    "StaleSnapshot",
    "StoreError",
    "StripeEventsError",
    "UnknownEventType",
    "UsageError",
]


_ErrorT = TypeVar("_ErrorT", bound=Exception)


class StripeEventsError(Exception):
    """Be the base of every error that this library defines."""


class DeliveryError(StripeEventsError):
    """Say that a delivery cannot be accepted, through the sender's fault."""


class SignatureError(DeliveryError):
    """
    Say that the signature of a delivery does not hold.

    The message is the diagnosis, meant for the operator and never for the
    sender. It holds neither the secret, nor the expected digest, nor the body.

    Args:
        message: the diagnosis in words.
        diagnosis: the same as one of a small set of names, for metrics.
    """

    def __init__(self, message: str, *, diagnosis: str = "") -> None:
        """Keep the diagnosis beside the message."""
        super().__init__(message)
        self.diagnosis = diagnosis


class MissingSignature(SignatureError):
    """Say that there is no ``Stripe-Signature`` header, or an empty one."""


class InvalidSignature(SignatureError):
    """Say that the header cannot be read, or that no signature in it matches."""


class ExpiredSignature(SignatureError):
    """Say that a matching signature is outside the time window, on either side."""


class PayloadError(DeliveryError):
    """Say that a body is not an event that can be handled."""


class MalformedPayload(PayloadError):
    """Say that a body is no JSON, or JSON that is no Stripe event."""


class PayloadTooLarge(PayloadError):
    """Say that a body is over the size limit (bytes)."""


class LengthRequired(PayloadError):
    """Say that a body has no announced length, where the server cannot tell its end."""


class UsageError(StripeEventsError):
    """Say that the library is used wrongly; raised at registration or start-up."""


class UnknownEventType(UsageError, LookupError):
    """Say that an event type or pattern matches nothing in the catalogue."""


class DuplicateHandler(UsageError, ValueError):
    """Say that two handlers of one router have the same name."""


class AsyncStoreError(UsageError, TypeError):
    """Say that an async store was given where only a sync one can work."""


class ConfigurationError(UsageError):
    """Say that settings are missing or contradict each other."""


class ProcessingError(StripeEventsError):
    """Say that a verified event could not be processed, through our side's fault."""


class StoreError(ProcessingError):
    """Say that a store could not do what it was asked."""


class LostClaim(ProcessingError):
    """Say that somebody else claimed the event since; nothing was written."""


class StaleSnapshot(ProcessingError):
    """
    Say that a newer snapshot was committed meanwhile, and that this one was rolled back.

    Raised by the end of a ``ctx.transaction()`` block of a handler with ``stale="skip"``.
    The handler counts as skipped.
    """


class Busy(ProcessingError):
    """Say that the event is being processed elsewhere."""


class HandlerMissing(ProcessingError):
    """Say that a planned handler does not exist in the running code."""


class HandlerError(ProcessingError, ExceptionGroup[Exception]):
    """
    Hold every failure of one delivery, in the order in which the handlers ran.

    An ``ExceptionGroup``: all tracebacks print, and ``except*`` works.
    ``handlers`` names the failed handlers, index by index with ``exceptions``.
    """

    handlers: tuple[str, ...]

    def __new__(
        cls,
        message: str,
        exceptions: Sequence[Exception],
        handlers: Sequence[str] = (),  # noqa: ARG004 - __init__ keeps it
    ) -> Self:
        """Make the group; ``handlers`` is as long as ``exceptions``, or empty."""
        return super().__new__(cls, message, exceptions)

    def __init__(
        self, message: str, exceptions: Sequence[Exception], handlers: Sequence[str] = ()
    ) -> None:
        """Take what ``__new__`` has already used."""
        super().__init__(message, exceptions)
        self.handlers = tuple(handlers)

    def derive(self, excs: Sequence[_ErrorT], /) -> ExceptionGroup[_ErrorT]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Give a group of some of the failures, as ``split`` and ``except*`` need it."""
        names = dict(zip(map(id, self.exceptions), self.handlers, strict=False))
        return HandlerError(self.message, excs, [names.get(id(error), "") for error in excs])  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


class HandlerDirective(StripeEventsError):
    """Be raised by a handler to say what is to become of the event."""


class Permanent(HandlerDirective):
    """
    Say that no retry can help: this handler is dead for this event.

    Other handlers are not affected. Stripe is answered 200 when nothing else
    failed, so that it does not deliver again. In an ``ExceptionGroup``, as a
    ``TaskGroup`` raises it, it counts if nothing else is in there.
    """


class RetryLater(HandlerDirective):
    """
    Say that this handler failed for now and should be retried after a while.

    Args:
        after: the least time to wait, in seconds. Stripe keeps to its own
            schedule; workers obey this one.
        reason: what the operator is to read.
    """

    def __init__(self, after: float, reason: str = "") -> None:
        """Refuse a negative or non-finite ``after`` with a ValueError."""
        if not 0 <= after < float("inf"):
            msg = f"RetryLater(after=...) takes seconds from 0 up, not {after!r}"
            raise ValueError(msg)
        super().__init__(reason or f"retry after {after:g} s")
        self.after = after
        self.reason = reason

    def __reduce__(self) -> tuple[type[RetryLater], tuple[float, str]]:
        """Pickle by the arguments, not by the message."""
        return type(self), (self.after, self.reason)
