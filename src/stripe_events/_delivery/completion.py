"""
How a handler completes itself in a transaction of its own: once, at its commit.

``ctx.transaction()`` opens one on the router's store, ``ctx.complete_on()`` joins one of
the user's. Either way "this handler is done" is committed with what the handler wrote.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from stripe_events.errors import ProcessingError, StaleSnapshot, UsageError
from stripe_events.storage._results import HandlerResult

if TYPE_CHECKING:
    from types import TracebackType

    from stripe_events._delivery.context import Context
    from stripe_events.storage._records import EventRecord, HandlerRecord
    from stripe_events.storage._results import Claim, Plan

_NOT_COMMITTED = (
    "the handler returned, but the transaction in which it called ctx.complete_on() "
    "was not committed"
)

STALE = "a newer snapshot of the object was handled before"


class Completion:
    """
    One run's way to be completed early, and whether it was gone.

    ``begun``: a block was entered, or ``complete_on`` called (``joins``). ``committed``:
    for certain. ``error``: what the end of the block raised; if nothing was committed, the
    handler has failed, even if it went on as if nothing had happened.
    """

    __slots__ = (
        "_joined",
        "begun",
        "claim",
        "committed",
        "error",
        "event",
        "handler",
        "joins",
        "store",
    )

    def __init__(
        self, store: Any, claim: Claim, event: EventRecord, handler: HandlerRecord, joined: Plan
    ) -> None:
        """Take the claim under which the handler runs."""
        self.store: Any = store
        self.claim: Claim = claim
        self.event: EventRecord = event
        self.handler: HandlerRecord = handler
        self._joined = joined
        self.begun: bool = False
        self.joins: bool = False
        self.committed: bool = False
        self.error: Exception | None = None

    def transaction(self, context: Context, store: Any) -> Transaction:
        """Give the block that commits the handler's writes with its completion."""
        if store is not self.store:
            raise UsageError(
                "ctx.transaction() takes the store that was given to EventRouter(store=...)"
            )
        if not hasattr(store, "transaction"):
            msg = (
                f"{type(store).__name__} has no transactions: "
                "make the handler idempotent, by ctx.idempotency_key"
            )
            raise UsageError(msg)
        opened = store.transaction(self.claim, partial(self._result, context), self._joined)
        return Transaction(self, context, opened)

    def complete_on(self, context: Context, connection: Any) -> Any:
        """Write the completion on a connection of the user's; see ``Context.complete_on``."""
        if not hasattr(self.store, "complete_on"):
            msg = f"{type(self.store).__name__} cannot join transactions"
            raise UsageError(msg)
        self.begin()
        self.joins = True
        result = self._result(context)
        return self.store.complete_on(connection, self.claim, result, self._joined)

    def begin(self) -> None:
        """
        Say that the run is being completed.

        Raises:
            UsageError: it was before.
        """
        if self.begun:
            raise UsageError(
                "a handler is completed once: it had its ctx.transaction() or "
                "ctx.complete_on() in this run already"
            )
        self.begun = True

    def is_over(self) -> bool:
        """Tell whether the completion was written, so that nothing can be added to it."""
        return self.joins or self.committed

    def key_name(self) -> str:
        """Give the name by which idempotency keys know the handler, whatever it is called now."""
        name = self.handler.formerly[0] if self.handler.formerly else self.handler.name
        return f"{name}/{self.event.generation}" if self.event.generation else name

    def uncommitted(self) -> Exception | None:
        """Give what is wrong with a run that ended well, but whose completion is not there."""
        if self.error is not None:
            return self.error
        return ProcessingError(_NOT_COMMITTED) if self.joins else None

    def _result(self, context: Context) -> HandlerResult:
        name, answer = self.handler.name, context.answer
        if context.skipped is not None:
            return HandlerResult(name, "skipped", None, answer)
        return HandlerResult(name, "succeeded", None, answer)


class Transaction:
    """What ``ctx.transaction()`` gives: ``with`` for sync stores, ``async with`` for async."""

    __slots__ = ("_completion", "_context", "_opened")

    def __init__(self, completion: Completion, context: Context, opened: Any) -> None:
        """Take what the store opens."""
        self._completion = completion
        self._context = context
        self._opened = opened

    def __enter__(self) -> Any:
        self._check("__enter__", "async with")
        self._completion.begin()
        return self._opened.__enter__()

    def __exit__(
        self,
        cls: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._opened.__exit__(cls, error, traceback)
        except Exception as raised:
            self._note(raised, by_block=error)
            raise
        self._completion.committed = error is None

    async def __aenter__(self) -> Any:
        self._check("__aenter__", "with")
        self._completion.begin()
        return await self._opened.__aenter__()

    async def __aexit__(
        self,
        cls: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._opened.__aexit__(cls, error, traceback)
        except Exception as raised:
            self._note(raised, by_block=error)
            raise
        self._completion.committed = error is None

    def _check(self, method: str, instead: str) -> None:
        if not hasattr(self._opened, method):
            msg = f"the router's store asks for `{instead} ctx.transaction(store)`"
            raise UsageError(msg)

    def _note(self, raised: Exception, *, by_block: BaseException | None) -> None:
        if isinstance(raised, StaleSnapshot):
            self._context.skip(STALE)
        elif by_block is None:
            self._completion.error = raised
