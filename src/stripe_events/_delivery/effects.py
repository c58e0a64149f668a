"""
What the flow asks of its driver, as values.

Each is a place where a process can die; the flow is written so that dying there
loses nothing. Every delivery makes several: a slotted class is made in half the
time of a NamedTuple.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from stripe_events._delivery.context import Context
    from stripe_events._event import AnyEvent
    from stripe_events._messages import Answer, Headers
    from stripe_events._registry import Handler
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


class Call(partial[Any]):
    """A verb of a store with its arguments; calling gives its result."""

    is_async = False


class AsyncCall(Call):
    """The same, of a store that is awaited; calling gives an awaitable of the result."""

    is_async = True


class StoreEffect:
    """
    Ask the store for something; gives the result of ``call``, or raises what that raises.

    Without a store ``call`` is None, and the effect is only a place where a process can die.
    """

    __slots__ = ("call",)

    def __init__(self, call: Call | None = None) -> None:
        """Take what is to be called."""
        self.call = call


class Accept(StoreEffect):
    """Claim the event for this delivery, recording it with its plan; gives an ``Accepted``."""

    __slots__ = ()


class Pause:
    """Let some seconds pass."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        """Say how many."""
        self.seconds = seconds


class Run:
    """Run a handler with the middleware around it; gives a ``RunResult``."""

    __slots__ = ("context", "event", "handler")

    def __init__(self, handler: Handler, event: AnyEvent, context: Context) -> None:
        """Say what is to be run."""
        self.handler = handler
        self.event = event
        self.context = context


class Finish(StoreEffect):
    """Record how a handler ended, and what Stripe is to be answered if it said so."""

    __slots__ = ("answer", "error", "handler", "outcome")

    def __init__(
        self,
        handler: str,
        outcome: HandlerOutcome,
        error: Exception | None = None,
        answer: Answer | None = None,
    ) -> None:
        """Say how the handler of this name ended; ``call`` comes later, if there is a store."""
        self.call: Call | None = None
        self.handler = handler
        self.outcome: HandlerOutcome = outcome
        self.error = error
        self.answer = answer


class IsSettled(StoreEffect):
    """Ask whether a handler's own transaction was committed; see ``TransactionalStore``."""

    __slots__ = ()


class Suspend(StoreEffect):
    """End the attempt with work left; ``retry_after`` (seconds) if a handler asked for it."""

    __slots__ = ("retry_after",)

    def __init__(self, retry_after: float | None, call: Call | None = None) -> None:
        """Say when, if a handler said so."""
        self.call = call
        self.retry_after = retry_after


class Dispatch(StoreEffect):
    """Tell another queue of an event that was recorded; raises what that raises."""

    __slots__ = ()


class GiveBack(StoreEffect):
    """Return the claim unused: no handler code is running any more."""

    __slots__ = ()


Effect: TypeAlias = Verify | Pause | Run | StoreEffect


class RunResult(NamedTuple):
    """
    How a run ended: with an error, cancelled, abandoned, or (none of these) well.

    ``cancelled``: an async handler was stopped by a shutdown, its code is over.
    ``abandoned``: a shutdown stopped waiting for a thread that still runs.
    ``undecided``: it did not run, for its ``where`` raised the error.
    """

    error: Exception | None = None
    cancelled: bool = False
    abandoned: bool = False
    undecided: bool = False


SUCCEEDED = RunResult()
CANCELLED = RunResult(cancelled=True)
ABANDONED = RunResult(abandoned=True)
