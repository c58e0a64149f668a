"""The rows of the simulated database: ``MemoryStore``, with indexes and PostgreSQL's steps."""

from __future__ import annotations

from collections import Counter, defaultdict
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from stripe_events.storage import MemoryStore
from stripe_events.storage._admission import Admit
from stripe_events.storage._guesses import Settle
from stripe_events.storage._operations import Change, ReadDue, ReadPayloads, Write, WriteEach
from stripe_events.storage._queries import waiting_since

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage._operations import ReadParked
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._steps import Step

__all__ = ["Begun", "Identity", "Rows"]

Identity: TypeAlias = tuple[str, str]
"""Scope and id of an event."""


class Begun(NamedTuple):
    """A statement under way: what it has read, what it has locked, how many events it is about."""

    step: Step
    read: tuple[float, list[EventRecord]] | None
    locked: set[Identity]
    events: int


class Rows(MemoryStore):
    """
    What is stored, in this process's memory.

    ``locked``: events that some statement has locked, which ``ReadDue`` leaves out;
    ``held``: those of them that stay so until the end of a transaction.
    ``states``: how many events are in each state.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start empty."""
        super().__init__(clock=clock)
        self.locked: set[Identity] = set()
        self.held: set[Identity] = set()
        self.states: Counter[str] = Counter()
        self._waiting: list[tuple[float, str, Identity]] = []
        self._parked: defaultdict[str, list[tuple[float, float, str]]] = defaultdict(list)
        self._performers |= {Admit: self._admit, Settle: self._settle}

    def begin(self, step: Step, mine: set[Identity]) -> Begun:
        """Let a statement lock what it is about, but for what others than its transaction have."""
        match step:
            case ReadDue():
                read: tuple[float, list[EventRecord]] = self._perform(step)
                locked = {(record.scope, record.id) for record in read[1]}
                begun = Begun(step, read, locked, len(locked))
            case WriteEach():
                locked = set(map(_identity, step.changes)) - (self.locked - mine)
                begun = Begun(step, None, locked, len(step.changes))
            case _:
                begun = Begun(step, None, set(), len(step.ids) if type(step) is ReadPayloads else 1)
        self.locked |= begun.locked
        return begun

    def end(self, begun: Begun) -> Any:
        """Let a statement write, and unlock what it has locked; give what the step gives."""
        self.locked -= begun.locked
        step = begun.step
        if isinstance(step, WriteEach):
            made = (one for one in step.changes if _identity(one) in begun.locked)
            written = {_identity(one) for one in made if self._write(Write((one,)))}
            return tuple(_identity(one) in written for one in step.changes)
        return self._performers[type(step)](step) if begun.read is None else begun.read

    def is_due(self, scope: str) -> bool:
        """Look whether anything is due: what is not committed yet still seems to be."""
        return bool(self.held or self._read_due(ReadDue(scope, 1))[1])

    def hold(self, begun: Begun, mine: set[Identity]) -> None:
        """Keep what a statement has locked for the rest of its transaction."""
        mine |= begun.locked
        self.locked |= begun.locked
        self.held |= begun.locked

    def free(self, mine: set[Identity]) -> None:
        """Let go of what a transaction has locked."""
        self.locked -= mine
        self.held -= mine

    def _read_due(self, asked: ReadDue) -> tuple[float, list[EventRecord]]:
        """Read by an index from which what has changed since is dropped when it is met."""
        now, waiting = self._clock(), self._waiting
        due: list[EventRecord] = []
        met: list[tuple[float, str, Identity]] = []
        while waiting and waiting[0][0] <= now and len(due) < asked.limit:
            entry = heappop(waiting)
            record = self._events.get(entry[2])
            if record is None or waiting_since(record) != entry[0]:
                continue
            met.append(entry)
            if entry[2] not in self.locked:
                due.append(record)
        for entry in met:
            heappush(waiting, entry)
        return now, due

    def _read_parked(self, asked: ReadParked) -> EventRecord | None:
        parked = self._parked[asked.order_key]
        while parked:
            record = self._events[asked.scope, parked[0][2]]
            if record.state == "parked":
                return record
            heappop(parked)
        return None

    def _admit(self, step: Admit) -> float | None:
        now, record = self._clock(), step.record
        due = now + (record.due or 0.0)
        change = Change(None, record._replace(first_seen=now, last_seen=now, due=due))
        return now if self._write(Write((change,), (), step.payload)) else None

    def _settle(self, step: Settle) -> bool:
        stored = self._events.get((step.claim.scope, step.claim.id))
        if (
            stored is None
            or stored.state != "claimed"
            or (stored.token, stored.claim_id) != (step.claim.token, step.claim.claim_id)
            or stored.handlers != step.old.handlers
        ):
            return False
        self._make(Change(stored, step.new))
        return True

    def _make(self, change: Change) -> None:
        super()._make(change)
        old, new = change
        if old is not None:
            self.states[old.state] -= 1
        if new is None:
            return
        self.states[new.state] += 1
        since = waiting_since(new)
        if since != float("inf") and (old is None or waiting_since(old) != since):
            heappush(self._waiting, (since, new.id, (new.scope, new.id)))
        if new.state == "parked" and new.order_key is not None:
            heappush(self._parked[new.order_key], (new.created, new.first_seen, new.id))


def _identity(change: Change) -> Identity:
    record = change.old or change.new
    assert record is not None
    return record.scope, record.id
