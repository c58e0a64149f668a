"""
What the verbs mean, told a second time and as simply as can be: no revisions, no key rows.

The events are plain objects in a dictionary, the head of an order key is whichever event
of it is neither parked nor settled. The state machine drives this beside every store.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stripe_events.storage._results import Arrival, Claim, Code, HandlerResult, Release

SETTLED = ("succeeded", "skipped", "dead", "dropped")
OVER = ("done", "dead")
FLOOR = 31 * 86_400.0


@dataclass
class Handler:
    """A planned handler."""

    name: str
    stale_key: str | None = None
    formerly: tuple[str, ...] = ()
    outcome: str = "planned"
    attempts: int = 0
    abandoned: int = 0
    token: int = 0
    late: bool = False


@dataclass
class Event:
    """A recorded event."""

    arrival: Arrival
    handlers: list[Handler]
    seen: float
    state: str = "pending"
    lane: str = "inline"
    due: float | None = None
    token: int = 0
    claim_id: str = ""
    lease_until: float = 0.0
    abandoned: int = 0
    generation: int = 0
    running: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    out_of_order: bool = False
    erased: bool = False
    last_seen: float = 0.0

    def find(self, name: str) -> Handler | None:
        """Give a handler by its name, else by a former one."""
        by_name = [one for one in self.handlers if one.name == name]
        formerly = [one for one in self.handlers if name in one.formerly]
        return next(iter(by_name + formerly), None)

    def left(self) -> list[Handler]:
        """Give what is unsettled."""
        return [one for one in self.handlers if one.outcome not in SETTLED]

    def known(self, code: Code) -> set[str]:
        """Give the names that were decided on."""
        names = {name for one in self.handlers for name in (one.name, *one.formerly)}
        names |= self.refused
        return names | {new for old, new in code.formerly if old in names}

    def is_of(self, claim: Claim) -> bool:
        """Tell whether this is the last claim."""
        return (self.token, self.claim_id) == (claim.token, claim.claim_id)

    def since(self, now: float) -> float | None:
        """Give from when on anybody may claim it, if that is not after now."""
        since = self.lease_until if self.state == "claimed" else self.due
        waits = self.state in ("claimed", "pending", "failed")
        return since if waits and since is not None and since <= now else None


class Oracle:
    """The ledger of one scope; results are words, and tuples where they tell more."""

    def __init__(self) -> None:
        """Begin at some time, with nothing."""
        self.now = 1_000_000.0
        self.events: dict[str, Event] = {}
        self.newest_done: dict[str, float] = {}
        self.newest_success: dict[str, float] = {}
        self.watermark: float | None = None

    def accept(self, came: Arrival, lease: float) -> Any:
        """See ``EventStore``."""
        told = self._before(came)
        if told is not None:
            return told
        event = self.events.get(came.id)
        if event is None:
            return self._accept_anew(came, lease)
        if event.state == "claimed" and event.claim_id == came.claim_id:
            return self._claimed(event)
        if came.lane == "inbox" and self._is_left(event, came):
            return self._enqueue(event, came)
        if event.state == "parked" or event.lease_until > self.now:
            if event.state == "parked":
                self._see(event)
                self._join(event, came)
            return "Held"
        if event.state == "claimed":
            self._blame(event, came.code)
        self._merge(event, came.code, came)
        kept = event.due if event.lane == came.lane == "inbox" else None
        self._join(event, came)
        event.last_seen = self.now
        return self._claim(event, came.code, came.claim_id, lease, kept)

    def _accept_anew(self, came: Arrival, lease: float) -> Any:
        event = self._admit(came, came.lane)
        if event.state != "parked":
            return self._claim(event, came.code, came.claim_id, lease)
        inline = came.lane == "inline"
        event.due = self.now + (came.rescue_after if inline else came.inbox_after)
        return "Held"

    def enqueue(self, came: Arrival) -> Any:
        """See ``InboxStore``."""
        told = self._before(came)
        if told is not None:
            return told
        event = self.events.get(came.id)
        if event is None:
            event = self._admit(came, "inbox")
            event.due = self.now + came.inbox_after
            return "Enqueued"
        return self._enqueue(event, came)

    def _enqueue(self, event: Event, came: Arrival) -> str:
        self._merge(event, came.code, came)
        if event.due is None or event.lane == "inline":
            event.due = self.now + came.inbox_after
        event.lane, event.last_seen = "inbox", self.now
        return "Enqueued"

    def _is_left(self, event: Event, came: Arrival) -> bool:
        """Tell whether something is left, but nothing that the delivery may run."""
        then = copied(event)
        self._merge(then, came.code, came)
        left = {one.name for one in then.left()}
        return bool(left) and not left & came.code.handlers

    def take_due(self, code: Code, claim_id: str, lease: float, limit: int) -> Any:
        """See ``InboxStore``."""
        told: list[Any] = []
        while not told and (waiting := self._waiting()):
            for event in waiting[:limit]:
                if event.state == "claimed":
                    self._blame(event, code)
                self._merge(event, code, None)
                claimed = self._claim(event, code, claim_id, lease)
                told += [(event.arrival.id, claimed)] if claimed[0] == "Claimed" else []
        return sorted(told)

    def finish(self, claim: Claim, result: HandlerResult) -> Any:
        """See ``EventStore``."""
        event = self.events.get(claim.id)
        if event is None or not event.is_of(claim) or event.state not in ("claimed", *OVER):
            return "LostClaim"
        handler = event.find(result.handler)
        if handler is None:
            return "StoreError"
        if handler.outcome in SETTLED:
            handler.late |= result.error is not None and result.outcome != handler.outcome
            return "Finished", event.state, True
        if (handler.outcome, handler.token) != (result.outcome, claim.token):
            handler.outcome, handler.token = result.outcome, claim.token
            handler.attempts += 1
            if result.outcome == "succeeded" and handler.stale_key:
                _raise(self.newest_success, handler.stale_key, event.arrival.created)
        if not event.left():
            self._settle(event)
        return "Finished", event.state, False

    def release(self, claim: Claim, release: Release, state: str) -> Any:
        """See ``suspend`` and ``give_back`` of ``EventStore``."""
        event = self.events.get(claim.id)
        if event is None or not event.is_of(claim) or event.state not in ("claimed", state):
            return "LostClaim"
        if event.state == "claimed":
            waits = event.due if (event.lane, state) == ("inbox", "pending") else None
            if release.to_inbox:
                event.lane = "inbox"
            seconds = release.inbox if event.lane == "inbox" else release.inline
            event.state, event.due = state, max(self.now + seconds, waits or 0.0)
            event.lease_until, event.running = 0.0, []
        return "None"

    def extend(self, claims: Iterable[Claim], lease: float) -> Any:
        """See ``EventStore``."""
        lost: list[Claim] = []
        for claim in claims:
            event = self.events.get(claim.id)
            if event is None or event.state != "claimed" or not event.is_of(claim):
                lost.append(claim)
            else:
                event.lease_until = self.now + lease
        return lost

    def restart(self, verb: str, event_id: str, names: tuple[str, ...]) -> Any:
        """See ``retry`` and ``replay`` of ``LedgerStore``."""
        event = self.events.get(event_id)
        sources = ("failed", "dead") if verb == "retry" else OVER
        undone = ("dead",) if verb == "retry" else ("dead", "succeeded", "skipped")
        if event is None or event.erased or event.state not in sources:
            return "Refused"
        chosen = [
            one
            for one in event.handlers
            if (one.outcome in undone or one.outcome not in SETTLED)
            and (not names or {one.name, *one.formerly} & set(names))
        ]
        if not chosen and not event.left():
            return "Refused"
        for one in chosen:
            one.outcome, one.attempts, one.abandoned = "planned", 0, 0
        event.state = "parked" if self._is_held(event.arrival) else "pending"
        event.lane, event.due = "inbox", self.now
        event.token, event.claim_id, event.abandoned = event.token + 1, "", 0
        event.generation += verb == "replay"
        event.out_of_order |= self._is_late(event.arrival)
        return "Changed"

    def drop(self, event_id: str, name: str) -> Any:
        """See ``LedgerStore``."""
        event = self.events.get(event_id)
        handler = event and event.find(name)
        if event is None or handler is None or event.state == "claimed":
            return "Refused"
        if handler.outcome in SETTLED and handler.outcome != "dead":
            return "Refused"
        handler.outcome = "dropped"
        if not event.left():
            self._settle(event)
        return "Changed"

    def erase(self) -> int:
        """See ``LedgerStore``."""
        chosen = [one for one in self.events.values() if one.state in OVER and not one.erased]
        for event in chosen:
            event.erased = True
        return len(chosen)

    def forget(self, *, dead: bool) -> int:
        """See ``LedgerStore``."""
        chosen = [
            event
            for event in self.events.values()
            if event.state == "done" or (dead and event.state == "dead")
            if event.last_seen <= self.now - FLOOR
        ]
        for event in chosen:
            self.watermark = max(self.watermark or 0.0, event.arrival.created)
            del self.events[event.arrival.id]
        return len(chosen)

    def _waiting(self) -> list[Event]:
        """Give what anybody may claim, longest first."""
        since = [(one.since(self.now), one) for one in self.events.values()]
        waiting = [(when, one) for when, one in since if when is not None]
        return [one for _, one in sorted(waiting, key=_first)]

    def _see(self, event: Event) -> None:
        """Know to the minute when an event was delivered."""
        if self.now - event.last_seen >= 60.0:
            event.last_seen = self.now

    def _join(self, event: Event, came: Arrival) -> None:
        """Let the inbox have an event, by a delivery that says so."""
        if (event.lane, came.lane) == ("inline", "inbox"):
            event.lane, event.due = "inbox", self.now + came.inbox_after
            event.last_seen = self.now

    def _before(self, came: Arrival) -> Any:
        """Give what is told before anything is written; None if nothing of that holds."""
        event = self.events.get(came.id)
        if event is not None and event.state in OVER:
            self._see(event)
            return "Settled", event.state
        known = set[str]() if event is None else event.known(came.code)
        asked = tuple(name for name in came.plan.undecided if name not in known)
        if asked:
            return "Undecided", asked
        if event is None and not came.plan.wanted:
            return "Unwanted"
        forgotten = self.watermark is not None and came.created <= self.watermark
        return "Expired" if event is None and came.trusted and forgotten else None

    def _admit(self, came: Arrival, lane: str) -> Event:
        held = self._is_held(came)
        event = Event(came, [], self.now, "parked" if held else "pending", lane)
        event.last_seen, event.out_of_order = self.now, self._is_late(came)
        self.events[came.id] = event
        self._merge(event, came.code, came)
        return event

    def _claim(
        self, event: Event, code: Code, claim_id: str, lease: float, due: float | None = None
    ) -> Any:
        if not event.left():
            self._settle(event)
            return "Settled", event.state
        runnable = [one for one in event.left() if one.name in code.handlers]
        event.running = [one.name for one in sorted(runnable, key=lambda one: one.abandoned)]
        event.state, event.due = "claimed", due
        event.token, event.claim_id = event.token + 1, claim_id
        event.lease_until = self.now + lease
        return self._claimed(event)

    def _claimed(self, event: Event) -> Any:
        stale = {
            one.name
            for one in event.left()
            if one.stale_key and event.arrival.created < self.newest_success.get(one.stale_key, 0.0)
        }
        return "Claimed", event.token, tuple(event.running), tuple(sorted(stale))

    def _blame(self, event: Event, code: Code) -> None:
        event.abandoned += 1
        for name in event.running:
            suspect = event.find(name)
            if suspect and suspect.outcome not in SETTLED and suspect.token != event.token:
                suspect.abandoned, suspect.attempts = suspect.abandoned + 1, suspect.attempts + 1
                if suspect.abandoned >= code.max_abandoned:
                    suspect.outcome, suspect.token = "dead", event.token
                return

    def _merge(self, event: Event, code: Code, came: Arrival | None) -> None:
        for old, new in code.formerly:
            handler = next((one for one in event.handlers if one.name == old), None)
            if handler is not None and all(one.name != new for one in event.handlers):
                handler.name, handler.formerly = new, (*handler.formerly, old)
        for handler in event.left():
            if handler.name in code.retired:
                handler.outcome = "dropped"
        if came is None:
            return
        known = event.known(code)
        for wanted in came.plan.wanted:
            if wanted.name not in known:
                olds = tuple(old for old, new in code.formerly if new == wanted.name)
                event.handlers.append(Handler(wanted.name, wanted.stale_key, olds))
        event.refused |= {name for name in came.plan.refused if name not in known}

    def _settle(self, event: Event) -> None:
        key, was = event.arrival.order_key, event.state
        event.state = "dead" if any(one.outcome == "dead" for one in event.handlers) else "done"
        event.due, event.lease_until, event.running = None, 0.0, []
        if key is None:
            return
        if event.state == "done":
            _raise(self.newest_done, key, event.arrival.created)
        parked = [
            one
            for one in self.events.values()
            if one.arrival.order_key == key and one.state == "parked"
        ]
        if parked and was not in ("parked", *OVER):
            head = min(parked, key=lambda one: (one.arrival.created, one.seen, one.arrival.id))
            head.state = "pending"
            head.out_of_order |= self._is_late(head.arrival)

    def _is_held(self, came: Arrival) -> bool:
        return any(
            one.arrival.order_key == came.order_key
            and one.state in ("pending", "claimed", "failed")
            for one in self.events.values()
            if came.order_key is not None and one.arrival.id != came.id
        )

    def _is_late(self, came: Arrival) -> bool:
        key = came.order_key
        return key is not None and came.created < self.newest_done.get(key, 0.0)


def copied(event: Event) -> Event:
    """Give an event as it is now."""
    handlers = [replace(one) for one in event.handlers]
    return replace(event, handlers=handlers, refused=set(event.refused))


def _raise(marks: dict[str, float], key: str, created: float) -> None:
    marks[key] = max(marks.get(key, created), created)


def _first(waiting: tuple[float, Event]) -> float:
    return waiting[0]
