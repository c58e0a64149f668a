"""
A handler's result in one step, where nobody else has touched the event since.

What a claim has last written is remembered, and the result is computed from that. It is
only a guess: the step writes it where the event still is in this claim's hands and
its handlers are, letter by letter, as they were remembered. Else, as after a restore or
a merged plan, nothing is written, and the verb reads the event.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from stripe_events.storage import _operations as op
from stripe_events.storage import _transitions
from stripe_events.storage._plans import find
from stripe_events.storage._results import NOTHING_NEW

if TYPE_CHECKING:
    from stripe_events.storage._admission import Admit
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Claim, Claimed, Finished, HandlerResult, Plan

AT_MOST: Final = 1_000


class Settle(NamedTuple):
    """
    Write what a result has changed, if the event is as the guess has it.

    Give whether it was.
    """

    old: EventRecord
    new: EventRecord
    claim: Claim


class Guess(NamedTuple):
    """A step, and what ``finish`` is to give if it is made."""

    step: Settle
    told: Finished


class Guesses:
    """The last records that claims of this process have written: a thousand at most."""

    def __init__(self) -> None:
        """Remember nothing."""
        self._records: OrderedDict[Claim, EventRecord] = OrderedDict()
        self._clock: float | None = None

    def __len__(self) -> int:
        return len(self._records)

    def now(self) -> float:
        """Give the store's time (unix seconds), as far as it is known; infinity if it is not."""
        return math.inf if self._clock is None else self._clock + monotonic()

    def note(self, operation: op.Operation | Admit | Settle, given: Any) -> None:
        """Learn from an operation that was performed, and what it gave."""
        if not given:
            return
        match operation:
            case op.ReadEvent() | op.ReadDue():
                self._clock = given[0] - monotonic()
            case op.Write():
                self._remember_all(operation.changes)
            case op.WriteEach():
                made = zip(operation.changes, given, strict=True)
                self._remember_all(tuple(change for change, ok in made if ok))
            case Settle():
                self._remember(_risen(operation.new))
            case _:
                pass

    def admitted(self, claimed: Claimed) -> None:
        """Learn from an event that was recorded."""
        self._clock = claimed.now - monotonic()
        self._keep(claimed.claim, claimed.record)

    def guess(self, claim: Claim, result: HandlerResult, joined: Plan) -> Guess | None:
        """Give how to record a result at once; None where the verb has to look at more."""
        record = self._records.pop(claim, None)
        if record is None or self._clock is None or joined != NOTHING_NEW or result.answer:
            return None
        handler = find(record, result.handler)
        if handler is None or handler.outcome != "planned":
            return None
        if handler.stale_key is not None or record.order_key is not None:
            return None
        now = self._clock + monotonic()
        new, told = _transitions.finished(record, now, claim, result, joined)
        return None if new is None else Guess(Settle(record, new, claim), told)

    def _remember_all(self, changes: tuple[op.Change, ...]) -> None:
        for change in changes:
            if change.new is not None:
                self._remember(change.new if change.old is None else _risen(change.new))

    def _remember(self, record: EventRecord) -> None:
        claim = _transitions.claim_of(record)
        if record.state != "claimed":
            self._records.pop(claim, None)
            return
        self._keep(claim, record)

    def _keep(self, claim: Claim, record: EventRecord) -> None:
        self._records[claim] = record
        if len(self._records) > AT_MOST:
            self._records.popitem(last=False)


def _risen(record: EventRecord) -> EventRecord:
    """Give a record as the store has it, once it was written over an older one."""
    return type(record)._make((*record[:-1], record.revision + 1))
