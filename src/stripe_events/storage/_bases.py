"""
The verbs as methods, over anything that performs operations.

A store of the library performs a handful of operations (``_operations``); what the
verbs do with them is written once, in ``_verbs`` and ``_ledger_verbs``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from stripe_events.storage import _ledger_verbs, _verbs
from stripe_events.storage._results import EVERYTHING, NOTHING_NEW

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Sequence

    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import (
        Accepted,
        Acted,
        Arrival,
        Claim,
        Code,
        Finished,
        HandlerResult,
        Plan,
        Query,
        Recorded,
        Release,
        StoredEvent,
        Taken,
    )
    from stripe_events.storage._verbs import Verb

T = TypeVar("T")
StepT = TypeVar("StepT")


def drive(verb: Generator[StepT, Any, T], perform: Callable[[StepT], Any], given: Any = None) -> T:
    """
    Perform a verb's operations, or other steps, one after another, and give its result.

    ``given``: what the operation gives at which the verb stands; None if it has not begun.
    """
    try:
        operation = verb.send(given)
        while True:
            operation = verb.send(perform(operation))
    except StopIteration as end:
        result: T = end.value
        return result


async def adrive(verb: Generator[StepT, Any, T], perform: Callable[[StepT], Awaitable[Any]]) -> T:
    """Do the same, awaiting each operation."""
    try:
        operation = next(verb)
        while True:
            operation = verb.send(await perform(operation))
    except StopIteration as end:
        result: T = end.value
        return result


class SyncVerbs:
    """All verbs of the three sync protocols; subclasses perform operations."""

    def _run(self, verb: Verb[T]) -> T:
        """Drive a verb; each operation is committed when it returns."""
        raise NotImplementedError

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        """See ``EventStore.accept``."""
        return self._run(_verbs.accept(arrival, lease))

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW) -> Finished:
        """See ``EventStore.finish``."""
        return self._run(_verbs.finish(claim, result, joined))

    def suspend(self, claim: Claim, release: Release) -> None:
        """See ``EventStore.suspend``."""
        self._run(_verbs.suspend(claim, release))

    def give_back(self, claim: Claim, release: Release) -> None:
        """See ``EventStore.give_back``."""
        self._run(_verbs.give_back(claim, release))

    def extend(self, claims: Sequence[Claim], lease: float) -> list[Claim]:
        """See ``EventStore.extend``."""
        return self._run(_verbs.extend(claims, lease))

    def enqueue(self, arrival: Arrival) -> Recorded:
        """See ``InboxStore.enqueue``."""
        return self._run(_verbs.enqueue(arrival))

    def take_due(
        self, scope: str, code: Code, claim_id: str, lease: float, limit: int
    ) -> list[Taken]:
        """See ``InboxStore.take_due``."""
        return self._run(_verbs.take_due(scope, code, claim_id, lease, limit))

    def get(self, scope: str, event_id: str) -> StoredEvent | None:
        """See ``LedgerStore.get``."""
        return self._run(_ledger_verbs.get(scope, event_id))

    def retry(self, scope: str, event_id: str, handlers: tuple[str, ...] = ()) -> Acted:
        """See ``LedgerStore.retry``."""
        return self._run(_ledger_verbs.retry(scope, event_id, handlers))

    def replay(self, scope: str, event_id: str, handlers: tuple[str, ...] = ()) -> Acted:
        """See ``LedgerStore.replay``."""
        return self._run(_ledger_verbs.replay(scope, event_id, handlers))

    def drop(self, scope: str, event_id: str, handler: str) -> Acted:
        """See ``LedgerStore.drop``."""
        return self._run(_ledger_verbs.drop(scope, event_id, handler))

    def erase(self, scope: str, query: Query, *, limit: int = 1000) -> int:
        """See ``LedgerStore.erase``."""
        return self._run(_ledger_verbs.erase(scope, query, limit))

    def forget(
        self, scope: str, query: Query = EVERYTHING, *, dead: bool = False, limit: int = 1000
    ) -> int:
        """See ``LedgerStore.forget``."""
        return self._run(_ledger_verbs.forget(scope, query, limit, dead=dead))

    # Last: below it, `list` is this method and no longer the builtin.
    def list(
        self,
        scope: str,
        query: Query = EVERYTHING,
        *,
        limit: int = 100,
        after: tuple[float, str] | None = None,
    ) -> list[EventRecord]:
        """See ``LedgerStore.list``."""
        return self._run(_ledger_verbs.list_(scope, query, limit, after))


class AsyncVerbs:
    """All verbs of the three async protocols; subclasses perform operations."""

    async def _run(self, verb: Verb[T]) -> T:
        """Drive a verb; each operation is committed when it returns."""
        raise NotImplementedError

    async def accept(self, arrival: Arrival, lease: float) -> Accepted:
        """See ``EventStore.accept``."""
        return await self._run(_verbs.accept(arrival, lease))

    async def finish(
        self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW
    ) -> Finished:
        """See ``EventStore.finish``."""
        return await self._run(_verbs.finish(claim, result, joined))

    async def suspend(self, claim: Claim, release: Release) -> None:
        """See ``EventStore.suspend``."""
        await self._run(_verbs.suspend(claim, release))

    async def give_back(self, claim: Claim, release: Release) -> None:
        """See ``EventStore.give_back``."""
        await self._run(_verbs.give_back(claim, release))

    async def extend(self, claims: Sequence[Claim], lease: float) -> list[Claim]:
        """See ``AsyncEventStore.extend``."""
        return await self._run(_verbs.extend(claims, lease))

    async def enqueue(self, arrival: Arrival) -> Recorded:
        """See ``InboxStore.enqueue``."""
        return await self._run(_verbs.enqueue(arrival))

    async def take_due(
        self, scope: str, code: Code, claim_id: str, lease: float, limit: int
    ) -> list[Taken]:
        """See ``InboxStore.take_due``."""
        return await self._run(_verbs.take_due(scope, code, claim_id, lease, limit))

    async def get(self, scope: str, event_id: str) -> StoredEvent | None:
        """See ``LedgerStore.get``."""
        return await self._run(_ledger_verbs.get(scope, event_id))

    async def retry(self, scope: str, event_id: str, handlers: tuple[str, ...] = ()) -> Acted:
        """See ``LedgerStore.retry``."""
        return await self._run(_ledger_verbs.retry(scope, event_id, handlers))

    async def replay(self, scope: str, event_id: str, handlers: tuple[str, ...] = ()) -> Acted:
        """See ``LedgerStore.replay``."""
        return await self._run(_ledger_verbs.replay(scope, event_id, handlers))

    async def drop(self, scope: str, event_id: str, handler: str) -> Acted:
        """See ``LedgerStore.drop``."""
        return await self._run(_ledger_verbs.drop(scope, event_id, handler))

    async def erase(self, scope: str, query: Query, *, limit: int = 1000) -> int:
        """See ``LedgerStore.erase``."""
        return await self._run(_ledger_verbs.erase(scope, query, limit))

    async def forget(
        self, scope: str, query: Query = EVERYTHING, *, dead: bool = False, limit: int = 1000
    ) -> int:
        """See ``LedgerStore.forget``."""
        return await self._run(_ledger_verbs.forget(scope, query, limit, dead=dead))

    # Last: below it, `list` is this method and no longer the builtin.
    async def list(
        self,
        scope: str,
        query: Query = EVERYTHING,
        *,
        limit: int = 100,
        after: tuple[float, str] | None = None,
    ) -> list[EventRecord]:
        """See ``LedgerStore.list``."""
        return await self._run(_ledger_verbs.list_(scope, query, limit, after))
