"""
What the library asks of a store.

Three small protocols, each with an async twin in which ``async def`` is the only
difference. Inline delivery needs ``EventStore``, workers and ``rescue`` need
``InboxStore``, the commands ``LedgerStore``. They grow by new protocols, never by new
verbs. ``stripe_events.testing`` has a contract for each, which every store passes. What a
store may have besides stands in ``_extras``.

What holds for every verb:

- It is one atomic step, committed when it returns. ``accept``, ``enqueue``, ``finish``,
  ``suspend``, ``give_back`` and ``extend`` may be repeated after their answer was lost:
  the repetition changes nothing more and gives the same. What a lost ``take_due`` claimed
  is due again when its lease is over.
- Leases and due times are judged and written by the store's own clock, as it is at that
  moment; never by the clock of the caller or of a transaction's beginning.
- A database that refuses, disconnects or times out is a ``StoreError``. The store
  recovers by itself: the next verb may succeed.
- A scope sees nothing of another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from stripe_events.storage._results import (
    EVERYTHING,
    NOTHING_NEW,
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

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from stripe_events.storage._records import EventRecord

ConnectionT_co = TypeVar("ConnectionT_co", covariant=True)


class EventStore(Protocol):
    """What inline delivery needs."""

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        """
        Record an event with its plan and claim it, or say why that cannot be.

        - Absent, and no handler is wanted: ``Unwanted``, not recorded.
        - Absent, its order key free (or none): recorded with plan and payload, and claimed.
        - Its order key held by another event: ``parked``, recorded if absent; ``Held``.
        - Absent, ``trusted`` and created before the watermark: ``Expired``, not recorded.
        - Pending or failed: claimed, whatever its due time. The plan continues renamed
          handlers, drops retired ones, and grows by wanted ones that it does not know,
          be it as refused or by a former name. If that settles all: ``Settled``.
        - Claimed, lease over: claimed anew. The handler that was running is the suspect:
          one more run of it was abandoned; after ``max_abandoned`` it is dead.
        - Claimed by the same ``claim_id``: the same claim again.
        - Claimed otherwise: ``Held`` for the rest of the lease; answered at once, also
          while a transaction holds the record.
        - Done or dead: only ``last_seen`` is written, to the minute; ``Settled`` with its answer.
        - Before any of these, unless the event is done or dead: if handlers are
          undecided that the record does not know, nothing is written: ``Undecided``.

        A claim raises the token by one, which never falls while the record lives, and
        takes the caller's random claim id. The payload of an event that is known is
        not replaced.

        An arrival whose ``lane`` is ``inbox`` makes what it records, claims or finds parked
        the inbox's in the same write: what the claim leaves over, or its death, is due for
        workers, a parked event when its turn comes. A backoff in the inbox goes on if the
        claim is given back. If nothing is left that ``code`` has, but something else is, the
        event is put there as by ``enqueue``, whoever else has it: ``Enqueued``. What is ``Held``
        stays as it is, and nothing that is the inbox's ever becomes inline again.

        Args:
            arrival: the event, and what the running code would do with it.
            lease: for how many seconds nobody else may claim it.
        """
        ...

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW) -> Finished:
        """
        Record how a handler ended, and settle the event if it was the last one.

        Whether it was is read from the store's own rows, in the same step: every planned
        handler is settled, none dead (``done``) or some (``dead``). Settling hands the
        order key to the first parked event by (created, first_seen, id).

        A handler that is settled stays as it is, whatever ``result`` says: a failure never
        overwrites a success. The result's error is then kept as its late error, also
        after the event was settled by this claim.

        Args:
            claim: what ``accept`` or ``take_due`` gave.
            result: of a planned handler, by its name or a former one.
            joined: handlers that joined since the claim; planned in the same step.

        Raises:
            LostClaim: another claim was made since, or it was given up; nothing was
                written. That its lease is over does not matter.
        """
        ...

    def suspend(self, claim: Claim, release: Release) -> None:
        """
        End an attempt with work left: ``failed``, due by the event's lane.

        Raises:
            LostClaim: as ``finish`` does; also if every handler is settled.
        """
        ...

    def give_back(self, claim: Claim, release: Release) -> None:
        """
        Return a claim of which no handler code runs any more: ``pending``, due by the lane.

        No attempt is counted.

        Raises:
            LostClaim: as ``finish`` does.
        """
        ...

    def extend(self, claims: Sequence[Claim], lease: float) -> list[Claim]:
        """
        Let the leases of valid claims end ``lease`` seconds from now; give the lost ones.

        Called by a thread of its own, while others wait for every pooled connection: it
        must not need one of those, nor wait for a record that a transaction has locked
        (its lease stays as it is, and it is not lost).
        """
        ...


class InboxStore(EventStore, Protocol):
    """What workers, ``rescue`` and inbox delivery need besides."""

    def enqueue(self, arrival: Arrival) -> Recorded:
        """
        Record an event as due in the inbox; claim nothing.

        - Absent: recorded ``pending``, ``parked`` behind its key, due in ``inbox_after`` seconds.
        - Not settled, whoever has it: made the inbox's, and due then unless it is due in
          the inbox already; the plan changes as by ``accept``.
        - Done, dead, expired, unwanted, undecided: as by ``accept``.
        """
        ...

    def take_due(
        self, scope: str, code: Code, claim_id: str, lease: float, limit: int
    ) -> list[Taken]:
        """
        Claim what is due, longest first: at most ``limit`` events, with their payloads.

        Due are pending and failed events of either lane at their due time, and claimed
        ones whose lease is over, which are taken over as by ``accept``. Events that this
        settles are not given; if none is given, nothing was left that is due. Never gives
        a second event of an order key.
        """
        ...


class LedgerStore(EventStore, Protocol):
    """What operators need besides."""

    def get(self, scope: str, event_id: str) -> StoredEvent | None:
        """Give an event with its payload; None if it is absent."""
        ...

    def list(
        self,
        scope: str,
        query: Query = EVERYTHING,
        *,
        limit: int = 100,
        after: tuple[float, str] | None = None,
    ) -> list[EventRecord]:
        """
        Give a page of what is meant, oldest first by (first_seen, id).

        ``after``: that pair of the last record of the page before.
        """
        ...

    def retry(self, scope: str, event_id: str, handlers: tuple[str, ...] = ()) -> Acted:
        """
        Plan what is dead or unsettled anew, its attempts forgotten: ``pending``, due now.

        For failed and dead events; others, and absent or erased ones, are ``Refused``. The
        token rises, so that whoever held it before can record nothing. The next attempt
        is the inbox's. With an order key that another event holds, it is parked.

        Args:
            scope: of the event.
            event_id: of the event.
            handlers: only these; none means all that are dead or unsettled.
        """
        ...

    def replay(self, scope: str, event_id: str, handlers: tuple[str, ...] = ()) -> Acted:
        """
        Plan settled handlers anew, for done and dead events; otherwise like ``retry``.

        Exactly-once is waived: what succeeded happens again. Dropped handlers stay so.
        """
        ...

    def drop(self, scope: str, event_id: str, handler: str) -> Acted:
        """
        Settle a handler without running it; the event may be done by that.

        Refused while the event is claimed, and for handlers that succeeded or were skipped.
        """
        ...

    def erase(self, scope: str, query: Query, *, limit: int = 1000) -> int:
        """
        Let go of payloads, messages and tracebacks of done and dead events, at any age.

        Returns:
            How many events were erased, at most ``limit``; 0 says that none is left.
        """
        ...

    def forget(
        self, scope: str, query: Query = EVERYTHING, *, dead: bool = False, limit: int = 1000
    ) -> int:
        """
        Let go of done events, and dead ones if asked, last seen 31 days ago or longer.

        Not sooner, whatever the query says. In the same step the scope's watermark rises
        to the newest ``created`` among them, so that trusted input from before it is
        ``Expired``, for it may have been handled.

        Returns:
            How many events were forgotten, at most ``limit``; 0 says that none is left.
        """
        ...


class TransactionalStore(EventStore, Protocol[ConnectionT_co]):
    """What ``ctx.transaction()`` and ``ctx.complete_on()`` need of a database."""

    def transaction(
        self, claim: Claim, result: Callable[[], HandlerResult], joined: Plan = NOTHING_NEW
    ) -> AbstractContextManager[ConnectionT_co]:
        """
        Open a transaction, and commit what the block wrote together with the result.

        ``result`` is asked when the block has ended well; ``finish`` is then the last
        statement before the commit. A block that raises rolls back.

        Raises:
            LostClaim, StaleSnapshot, StoreError: from the end of the block; nothing was
                committed, but for a commit whose answer was lost (StoreError).
        """
        ...

    def complete_on(
        self, connection: Any, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW
    ) -> Any:
        """
        Write the result on the user's own connection, for the user to commit.

        On an async connection it gives an awaitable.

        Raises:
            UsageError: the connection is in autocommit, belongs to another database or
                is of a kind that the store does not know.
            LostClaim, StaleSnapshot: nothing was written.
        """
        ...

    def is_settled(self, claim: Claim, handler: str) -> bool | None:
        """
        Tell whether a handler's completion was committed.

        Waits a bounded time for a transaction that has the record locked; None if it
        goes on, so that nothing can be said yet.
        """
        ...


class AsyncEventStore(Protocol):
    """``EventStore``, awaited."""

    async def accept(self, arrival: Arrival, lease: float) -> Accepted:
        """See ``EventStore.accept``."""
        ...

    async def finish(
        self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW
    ) -> Finished:
        """See ``EventStore.finish``."""
        ...

    async def suspend(self, claim: Claim, release: Release) -> None:
        """See ``EventStore.suspend``."""
        ...

    async def give_back(self, claim: Claim, release: Release) -> None:
        """See ``EventStore.give_back``."""
        ...

    async def extend(self, claims: Sequence[Claim], lease: float) -> list[Claim]:
        """
        See ``EventStore.extend``.

        Called on an event loop of its own, which is another one than all other verbs'.
        """
        ...


class AsyncInboxStore(AsyncEventStore, Protocol):
    """``InboxStore``, awaited."""

    async def enqueue(self, arrival: Arrival) -> Recorded:
        """See ``InboxStore.enqueue``."""
        ...

    async def take_due(
        self, scope: str, code: Code, claim_id: str, lease: float, limit: int
    ) -> list[Taken]:
        """See ``InboxStore.take_due``."""
        ...


class AsyncLedgerStore(AsyncEventStore, Protocol):
    """``LedgerStore``, awaited."""

    async def get(self, scope: str, event_id: str) -> StoredEvent | None:
        """See ``LedgerStore.get``."""
        ...

    async def list(
        self,
        scope: str,
        query: Query = EVERYTHING,
        *,
        limit: int = 100,
        after: tuple[float, str] | None = None,
    ) -> list[EventRecord]:
        """See ``LedgerStore.list``."""
        ...

    async def retry(self, scope: str, event_id: str, handlers: tuple[str, ...] = ()) -> Acted:
        """See ``LedgerStore.retry``."""
        ...

    async def replay(self, scope: str, event_id: str, handlers: tuple[str, ...] = ()) -> Acted:
        """See ``LedgerStore.replay``."""
        ...

    async def drop(self, scope: str, event_id: str, handler: str) -> Acted:
        """See ``LedgerStore.drop``."""
        ...

    async def erase(self, scope: str, query: Query, *, limit: int = 1000) -> int:
        """See ``LedgerStore.erase``."""
        ...

    async def forget(
        self, scope: str, query: Query = EVERYTHING, *, dead: bool = False, limit: int = 1000
    ) -> int:
        """See ``LedgerStore.forget``."""
        ...


class AsyncTransactionalStore(AsyncEventStore, Protocol[ConnectionT_co]):
    """``TransactionalStore``, awaited."""

    def transaction(
        self, claim: Claim, result: Callable[[], HandlerResult], joined: Plan = NOTHING_NEW
    ) -> AbstractAsyncContextManager[ConnectionT_co]:
        """See ``TransactionalStore.transaction``."""
        ...

    def complete_on(
        self, connection: Any, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW
    ) -> Any:
        """See ``TransactionalStore.complete_on``."""
        ...

    async def is_settled(self, claim: Claim, handler: str) -> bool | None:
        """See ``TransactionalStore.is_settled``."""
        ...
