"""
The library's signals: one record class per thing that can become of a delivery.

Register with ``@router.observe(Failed)``. Observers are called inline, in the
order of registration, in the thread or task of the delivery; one that raises is
logged and changes no outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from stripe_events._event import AnyEvent
    from stripe_events.errors import DeliveryError, HandlerError

__all__ = [
    "Dead",
    "Failed",
    "Handled",
    "HandlerOutcome",
    "HandlerRun",
    "Ignored",
    "Received",
    "Record",
    "Rejected",
]


HandlerOutcome: TypeAlias = Literal["succeeded", "skipped", "failed", "dead"]


class HandlerRun(NamedTuple):
    """How one handler ended; ``error`` is set for those that failed or are dead."""

    handler: str
    outcome: HandlerOutcome
    error: Exception | None = None


class Received(NamedTuple):
    """A verified event came in; ``secret`` is the name of the secret that matched."""

    event: AnyEvent
    secret: str | None


class Rejected(NamedTuple):
    """A delivery was refused before any handler; ``error`` holds the diagnosis."""

    error: DeliveryError


class Ignored(NamedTuple):
    """No handler is for the event, or its livemode is not the expected one."""

    event: AnyEvent
    reason: Literal["no handler", "livemode"]


class Handled(NamedTuple):
    """All handlers are settled and none is dead; ``seconds`` is the time they took."""

    event: AnyEvent
    runs: tuple[HandlerRun, ...]
    seconds: float


class Failed(NamedTuple):
    """At least one handler failed; Stripe will deliver the event again."""

    event: AnyEvent
    runs: tuple[HandlerRun, ...]
    seconds: float
    error: HandlerError


class Dead(NamedTuple):
    """At least one handler gave up for good (``Permanent``) and none failed otherwise."""

    event: AnyEvent
    runs: tuple[HandlerRun, ...]
    seconds: float
    error: HandlerError


Record: TypeAlias = Received | Rejected | Ignored | Handled | Failed | Dead
