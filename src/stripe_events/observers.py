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
    from stripe_events.errors import DeliveryError, StripeEventsError

__all__ = [
    "Busy",
    "Dead",
    "Duplicate",
    "Failed",
    "Handled",
    "HandlerOutcome",
    "HandlerRun",
    "Ignored",
    "LateError",
    "Overdue",
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
    """
    No handler is for the event, or its livemode is not the expected one.

    ``expired``: trusted input older than what the ledger has forgotten, so that it may
    have been handled before.
    """

    event: AnyEvent
    reason: Literal["no handler", "livemode", "expired"]


class Duplicate(NamedTuple):
    """The ledger has the event as ``done`` or ``dead``: nothing was run."""

    event: AnyEvent
    state: Literal["done", "dead"]


class Busy(NamedTuple):
    """The event is being processed elsewhere, or waits for another one of its order key."""

    event: AnyEvent


class Handled(NamedTuple):
    """All handlers are settled and none is dead; ``seconds`` is the time they took."""

    event: AnyEvent
    runs: tuple[HandlerRun, ...]
    seconds: float


class Failed(NamedTuple):
    """
    The event was answered 500; Stripe will deliver it again.

    ``error`` is a ``HandlerError`` if handlers failed; else it says what did: the store
    (``StoreError``), the claim (``LostClaim``), a planned handler that the code does not
    have (``HandlerMissing``).
    """

    event: AnyEvent
    runs: tuple[HandlerRun, ...]
    seconds: float
    error: StripeEventsError


class Dead(NamedTuple):
    """
    At least one handler gave up for good (``Permanent``) and none is left to run.

    ``error`` is a ``HandlerError`` if that happened now, not in an earlier attempt.
    """

    event: AnyEvent
    runs: tuple[HandlerRun, ...]
    seconds: float
    error: StripeEventsError


class LateError(NamedTuple):
    """A handler raised after its own commit, by which it was done; it is not run again."""

    event: AnyEvent
    handler: str
    error: Exception


class Overdue(NamedTuple):
    """
    Events are due, or their claim's lease is over, and nobody has come for them.

    ``events`` of them (at most 1,000 are counted), the oldest for ``seconds``. Told by
    ``router.overdue()``, and once a minute at most by ``router.run()``.
    """

    events: int
    seconds: float


Record: TypeAlias = (
    Received | Rejected | Ignored | Duplicate | Busy | Handled | Failed | Dead | LateError | Overdue
)
