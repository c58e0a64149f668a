"""
What the flow asks of its driver, as values.

Each is a place where a process can die; the flow is written so that dying there
loses nothing. Every delivery makes several: a slotted class is made in half the
time of a NamedTuple.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from stripe_events._delivery.context import Context
    from stripe_events._event import AnyEvent
    from stripe_events._messages import Answer, Headers
    from stripe_events._registry import Handler, Planned
    from stripe_events._verification import Verifier
    from stripe_events.observers import HandlerOutcome


class Verify:
    """Check where the body comes from; gives a ``Verification`` or raises SignatureError."""

    __slots__ = ("body", "headers", "verifier")

    def __init__(self, verifier: Verifier, body: bytes, headers: Headers) -> None:
        """Say what is to be verified, and by whom."""
        self.verifier = verifier
        self.body = body
        self.headers = headers


class Accept:
    """Claim the event for this delivery, recording it with its plan."""

    __slots__ = ("event", "plan")

    def __init__(self, event: AnyEvent, plan: tuple[Planned, ...]) -> None:
        """Say which event is to be claimed, for which handlers."""
        self.event = event
        self.plan = plan


class Run:
    """Run a handler with the middleware around it; gives a ``RunResult``."""

    __slots__ = ("context", "event", "handler")

    def __init__(self, handler: Handler, event: AnyEvent, context: Context) -> None:
        """Say what is to be run."""
        self.handler = handler
        self.event = event
        self.context = context


class Finish:
    """Record how a handler ended, and what Stripe is to be answered if it said so."""

    __slots__ = ("answer", "error", "handler", "outcome")

    def __init__(
        self,
        handler: str,
        outcome: HandlerOutcome,
        error: Exception | None = None,
        answer: Answer | None = None,
    ) -> None:
        """Say how the handler of this name ended."""
        self.handler = handler
        self.outcome: HandlerOutcome = outcome
        self.error = error
        self.answer = answer


class Suspend(NamedTuple):
    """End the attempt with work left; ``retry_after`` (seconds) if a handler asked for it."""

    retry_after: float | None


class GiveBack(NamedTuple):
    """Return the claim unused: no handler code is running any more."""


Effect: TypeAlias = Verify | Accept | Run | Finish | Suspend | GiveBack


class RunResult(NamedTuple):
    """
    How a run ended: with an error, cancelled, abandoned, or (none of these) well.

    ``cancelled``: an async handler was stopped by a shutdown, its code is over.
    ``abandoned``: a shutdown stopped waiting for a thread that still runs.
    """

    error: Exception | None = None
    cancelled: bool = False
    abandoned: bool = False


SUCCEEDED = RunResult()
CANCELLED = RunResult(cancelled=True)
ABANDONED = RunResult(abandoned=True)
