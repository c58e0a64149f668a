"""
What the flow asks of its driver, as values.

Each is a place where a process can die; the flow is written so that dying there
loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from stripe_events._delivery.context import Answer, Context
    from stripe_events._event import AnyEvent
    from stripe_events._messages import Headers
    from stripe_events._registry import Handler, Planned
    from stripe_events._verification import Verifier
    from stripe_events.observers import HandlerRun


class Verify(NamedTuple):
    """Check where the body comes from; gives a ``Verification`` or raises SignatureError."""

    verifier: Verifier
    body: bytes
    headers: Headers


class Accept(NamedTuple):
    """Claim the event for this delivery, recording it with its plan."""

    event: AnyEvent
    plan: list[Planned]


class Run(NamedTuple):
    """Run a handler with the middleware around it; gives a ``RunResult``."""

    handler: Handler
    event: AnyEvent
    context: Context


class Finish(NamedTuple):
    """Record how a handler ended, and what Stripe is to be answered if it said so."""

    run: HandlerRun
    answer: Answer | None


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
