"""
Stores that break one promise each, as real ones have done; see ``test_broken_stores``.

Where only an unlucky moment shows the defect, threads of a race meet in front of it.
"""

# ruff: noqa: D102 - the class tells what its methods do wrong
from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stripe_events._messages import Answer
from stripe_events.errors import StoreError
from stripe_events.storage import MemoryStore
from stripe_events.storage._operations import Write
from stripe_events.storage._plans import replaced
from stripe_events.storage._records import KeyId
from stripe_events.storage._results import (
    EVERYTHING,
    NOTHING_NEW,
    Claim,
    Finished,
    Held,
    Settled,
)
from stripe_events.storage._transitions import FORGET_FLOOR

if TYPE_CHECKING:
    from stripe_events.storage._operations import Change, ExtendLeases, KeyChange, Operation
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import (
        Accepted,
        Arrival,
        HandlerResult,
        Plan,
        Query,
        Release,
    )


class Store(MemoryStore):
    """A sound store, with what the broken ones need."""

    down = False

    def __init__(self, **options: Any) -> None:
        """Start empty."""
        super().__init__(**options)
        self._barriers: dict[int, threading.Barrier] = {}

    def meet(self) -> None:
        """Wait until all threads of a race are here; for a moment, if some never come."""
        name = threading.current_thread().name
        if name.startswith("contract ") and " of " in name:
            parties = int(name.rpartition(" ")[2])
            barrier = self._barriers.setdefault(parties, threading.Barrier(parties))
            with suppress(threading.BrokenBarrierError):
                barrier.wait(0.2)

    def stored(self, of: Claim | Arrival) -> EventRecord | None:
        """Give what is stored of an event."""
        return self._events.get((of.scope, of.id))

    def held_by_another(self, arrival: Arrival) -> EventRecord | None:
        """Give an event that somebody else has claimed."""
        record = self.stored(arrival)
        if record is None or record.state != "claimed" or record.claim_id == arrival.claim_id:
            return None
        return record

    def put(self, record: EventRecord) -> None:
        """Store a record, whoever has changed it meanwhile."""
        self._events[record.scope, record.id] = record._replace(revision=record.revision + 1)

    def _perform(self, operation: Operation) -> Any:
        if self.down:
            raise StoreError("the database is down")
        return super()._perform(operation)


class CheckThenInsert(Store):
    """Look whether an event is known, then insert it, with no unique index."""

    def _perform(self, operation: Operation) -> Any:
        if isinstance(operation, Write) and operation.changes[0].old is None:
            self.meet()
        return super()._perform(operation)

    def _holds(self, change: Change) -> bool:
        return change.old is None or super()._holds(change)


class Unfenced(Store):
    """Take whoever writes for the holder of the claim."""

    def as_holder(self, claim: Claim) -> Claim:
        """Give the claim of whoever holds the event."""
        record = self.stored(claim)
        return claim if record is None else Claim(*claim[:2], record.token, record.claim_id)

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW) -> Finished:
        return super().finish(self.as_holder(claim), result, joined)

    def suspend(self, claim: Claim, release: Release) -> None:
        super().suspend(self.as_holder(claim), release)

    def give_back(self, claim: Claim, release: Release) -> None:
        super().give_back(self.as_holder(claim), release)

    def _extend_leases(self, extend: ExtendLeases) -> list[Claim]:
        claims = tuple(map(self.as_holder, extend.claims))
        return super()._extend_leases(extend._replace(claims=claims))


class FencedByCounterOnly(Unfenced):
    """Compare tokens, which begin at one again in every restored copy."""

    def as_holder(self, claim: Claim) -> Claim:
        holder = super().as_holder(claim)
        return holder if holder.token == claim.token else claim


class UnfencedFinish(Store):
    """Check the fence everywhere but where results are recorded."""

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW) -> Finished:
        return super().finish(Unfenced.as_holder(self, claim), result, joined)  # type: ignore[arg-type]


class FailureOverwritesSuccess(Store):
    """Let the last result of a handler stand."""

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW) -> Finished:
        record = self.stored(claim)
        handler = record and record.handler(result.handler)
        if record and handler and handler.is_settled and result.outcome == "failed":
            self.put(
                replaced(record, handler._replace(outcome="planned"))._replace(state="claimed")
            )
        return super().finish(claim, result, joined)


class DoneByWhatTheOwnerRan(Store):
    """Call an event done when the owner has run what it knew of."""

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW) -> Finished:
        told = super().finish(claim, result, joined)
        record = self.stored(claim)
        if told.state != "claimed" or record is None:
            return told
        if any(one.name in record.running for one in record.unsettled()):
            return told
        self.put(record._replace(state="done", lease_until=0.0, running=()))
        return Finished("done")


class ShrinkingPlan(Store):
    """Replace the plan of an unsettled event by what the running code wants."""

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        record = self.stored(arrival)
        if record is not None and record.state in ("pending", "failed"):
            names = {wanted.name for wanted in arrival.plan.wanted}
            kept = tuple(one for one in record.handlers if one.name in names)
            self.put(record._replace(handlers=kept))
        return super().accept(arrival, lease)


class DuplicateOnReceipt(Store):
    """Call an event a duplicate because it was seen before."""

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        record = self.stored(arrival)
        if record is not None and record.state in ("pending", "failed"):
            return Settled("done")
        return super().accept(arrival, lease)


class LeaseByTheTransactionsClock(Store):
    """Lengthen leases by ``now()``, in a transaction that began with the claim."""

    def _extend_leases(self, extend: ExtendLeases) -> list[Claim]:
        began = {claim: self.stored(claim) for claim in extend.claims}
        lost = super()._extend_leases(extend)
        for claim, record in began.items():
            if record is not None and claim not in lost:
                self.put(record._replace(lease_until=record.last_seen + extend.seconds))
        return lost


class OrderWithoutKeyRow(Store):
    """Look whether another event of the key is claimed, with no row that two would write."""

    def _perform(self, operation: Operation) -> Any:
        if isinstance(operation, Write) and operation.keys:
            self.meet()
        return super()._perform(operation)

    def _key_holds(self, change: KeyChange) -> bool:
        return True


class GiveBackCounts(Store):
    """Count an attempt when a claim is made, whether or not anything runs."""

    def give_back(self, claim: Claim, release: Release) -> None:
        record = self.stored(claim)
        super().give_back(claim, release)
        if record is not None and record.state == "claimed":
            counted = [one._replace(attempts=one.attempts + 1) for one in record.handlers]
            given_back = self._events[claim.scope, claim.id]
            self.put(given_back._replace(handlers=tuple(counted)))


class _ByIdAlone(dict[Any, Any]):
    """A table whose unique index leaves the scope out."""

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(_without_scope(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_without_scope(key), value)

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(_without_scope(key))

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_without_scope(key), default)

    def pop(self, key: Any, default: Any = None) -> Any:
        return super().pop(_without_scope(key), default)


def _without_scope(key: Any) -> Any:
    return key._replace(scope="") if isinstance(key, KeyId) else ("", *key[1:])


class ScopeIgnored(Store):
    """Know events by their id alone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._events, self._payloads, self._keys = _ByIdAlone(), _ByIdAlone(), _ByIdAlone()

    def _perform(self, operation: Operation) -> Any:
        if hasattr(operation, "scope"):
            operation = operation._replace(scope="")
        return super()._perform(operation)


class ForgetsTooSoon(Store):
    """Forget what the query means, also what Stripe may still deliver."""

    def forget(
        self, scope: str, query: Query = EVERYTHING, *, dead: bool = False, limit: int = 1000
    ) -> int:
        clock = self._clock
        self._clock = lambda: clock() + FORGET_FLOOR
        try:
            return super().forget(scope, query, dead=dead, limit=limit)
        finally:
            self._clock = clock


class LosesLateErrors(Store):
    """Write nothing of a handler that is settled."""

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW) -> Finished:
        record = self.stored(claim)
        handler = record and record.handler(result.handler)
        if handler and handler.is_settled:
            result = result._replace(error=None)
        return super().finish(claim, result, joined)


class ParsesAnswers(Store):
    """Keep an answer as JSON, and write it anew."""

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW) -> Finished:
        if result.answer is not None:
            body = json.dumps(json.loads(result.answer.body)).encode()
            result = result._replace(answer=Answer(body, result.answer.headers))
        return super().finish(claim, result, joined)


class TokensBeginAnew(Store):
    """Let the token of an event that is given back begin at one again."""

    def give_back(self, claim: Claim, release: Release) -> None:
        super().give_back(claim, release)
        record = self.stored(claim)
        if record is not None:
            self.put(record._replace(token=0))


class NeverTakesOver(Store):
    """Hold an event for its owner, be it gone."""

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        record = self.held_by_another(arrival)
        if record is not None:
            return Held(1.0, record.answer)
        return super().accept(arrival, lease)


class LeasesDoNotHold(Store):
    """Give an event to every delivery, for Stripe must know why it sends again."""

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        record = self.held_by_another(arrival)
        if record is not None:
            self.put(record._replace(lease_until=0.0))
        return super().accept(arrival, lease)


class FailedHandsItsKeyOn(Store):
    """Free the order key at the end of every attempt."""

    def suspend(self, claim: Claim, release: Release) -> None:
        super().suspend(claim, release)
        for key_id, key in list(self._keys.items()):
            if key_id.kind == "order" and key.holder == claim.id:
                self._keys[key_id] = key._replace(holder=None)


class FirstComeFirstServed(Store):
    """Hand the order key on by when events were received."""

    def _read_parked(self, asked: Any) -> EventRecord | None:
        scope = [one for one in self._events.values() if one.scope == asked.scope]
        parked = [one for one in scope if one.state == "parked"]
        mine = [one for one in parked if one.order_key == asked.order_key]
        return min(mine, key=lambda one: (one.first_seen, one.id), default=None)


class NoWatermark(Store):
    """Forget events, and that they were forgotten."""

    def _write(self, write: Write) -> bool:
        kept = tuple(change for change in write.keys if change.new.id.kind != "forgotten")
        return super()._write(write._replace(keys=kept))


class DatabaseErrorsComeThrough(Store):
    """Let whoever calls meet the errors of the driver."""

    def _perform(self, operation: Operation) -> Any:
        if self.down:
            raise sqlite3.OperationalError("disk I/O error")
        return super()._perform(operation)


class NeverRecovers(Store):
    """Keep the connection that has failed once."""

    def _perform(self, operation: Operation) -> Any:
        self.failed = self.down or getattr(self, "failed", False)
        if self.failed:
            raise StoreError("the connection is closed")
        return super()._perform(operation)
