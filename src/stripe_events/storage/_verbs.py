"""
The verbs of ``EventStore`` and ``InboxStore``, written once for every database.

Each is a generator of operations: it reads, decides by ``_transitions``, and writes on
condition that nothing it has read has changed; else it starts over. So it may be
abandoned at any yield, and repeated after an answer was lost.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from stripe_events.errors import LostClaim, StaleSnapshot
from stripe_events.storage import _keys, _transitions
from stripe_events.storage._operations import (
    Change,
    ExtendLeases,
    KeyChange,
    Operation,
    ReadDue,
    ReadEvent,
    ReadKeys,
    ReadParked,
    ReadPayloads,
    Write,
    WriteEach,
)
from stripe_events.storage._plans import find, to_be_asked
from stripe_events.storage._records import OVER
from stripe_events.storage._results import (
    NOTHING_NEW,
    Claimed,
    Enqueued,
    Expired,
    Finished,
    Held,
    Settled,
    Taken,
    Undecided,
    Unwanted,
)

if TYPE_CHECKING:
    from stripe_events.storage._records import EventRecord, KeyId, KeyRecord
    from stripe_events.storage._results import (
        Accepted,
        Arrival,
        Claim,
        Code,
        HandlerResult,
        Plan,
        Recorded,
        Release,
    )
    from stripe_events.storage._table import Verb as VerbName

ResultT = TypeVar("ResultT")

Verb: TypeAlias = Generator[Operation, Any, ResultT]

_NONE: Final[frozenset[str]] = frozenset()

_GIVEN_UP = "{} was settled for {} meanwhile: what this run of it wrote is to be rolled back"
_STALE = "{} has succeeded on a newer snapshot than {}: what it wrote is to be rolled back"

SEEN_EVERY = 60.0
"""
Seconds within which it is not written that an event was seen again: what is forgotten by
it counts in days, and a hundred duplicates at once shall not be a hundred commits.
"""

PARKED_SECONDS = 1.0
"""How soon an event that waits for its order key may be tried again."""


def accept(arrival: Arrival, lease: float) -> Verb[Accepted]:
    """Claim an event for this delivery; see ``EventStore.accept``."""
    while True:
        now, record = yield ReadEvent(arrival.scope, arrival.id)
        if arrival.plan.undecided and _is_open(record):
            asked = to_be_asked(record, arrival.plan, arrival.code)
            if asked:
                return Undecided(asked)
        if record is None:
            result: Accepted | None = yield from _admit(arrival, now, lease)
        elif record.state in OVER:
            result = yield from _see_again(record, now)
        elif _transitions.is_left_to_inbox(record, now, arrival):
            result = yield from _enqueue("accept", arrival, record, now)
        elif record.state == "parked":
            result = yield from _still_parked(arrival, record, now)
        else:
            result = yield from _claim(arrival, record, now, lease)
        if result is not None:
            return result


def enqueue(arrival: Arrival) -> Verb[Recorded]:
    """Put an event into the inbox; see ``InboxStore.enqueue``."""
    while True:
        now, record = yield ReadEvent(arrival.scope, arrival.id)
        if arrival.plan.undecided and _is_open(record):
            asked = to_be_asked(record, arrival.plan, arrival.code)
            if asked:
                return Undecided(asked)
        if record is None:
            result = yield from _admit(arrival, now, None)
            if result is not None:
                return result if isinstance(result, Expired | Unwanted) else Enqueued()
            continue
        if record.state in OVER:
            told: Recorded | None = yield from _see_again(record, now)
        else:
            told = yield from _enqueue("enqueue", arrival, record, now)
        if told is not None:
            return told


def take_due(scope: str, code: Code, claim_id: str, lease: float, limit: int) -> Verb[list[Taken]]:
    """Claim what is due; see ``InboxStore.take_due``."""
    tried: list[EventRecord] = []
    now, due = yield ReadDue(scope, limit)
    while due != tried:  # else nothing is due, or only what others have locked
        taken = yield from _take(due, now, code, claim_id, lease)
        if taken:
            return (yield from _handed_out(scope, taken, now))
        tried = due
        now, due = yield ReadDue(scope, limit)
    return []


def _take(
    due: Sequence[EventRecord], now: float, code: Code, claim_id: str, lease: float
) -> Verb[list[EventRecord]]:
    """Claim these events, or settle those of which nothing is left; give what was claimed."""
    new = [
        _transitions.claimed("take_due", record, now, claim_id=claim_id, lease=lease, code=code)
        for record in due
    ]
    changes = [Change(old, new_one) for old, new_one in zip(due, new, strict=True)]
    plain = tuple(one for one in changes if one.new and one.new.state == "claimed")
    made = (yield WriteEach(plain)) if plain else ()
    for change in changes:
        if change.old is not None and change.new is not None and change.new.state in OVER:
            yield from write(change.old, change.new)
    return [one.new for one, ok in zip(plain, made, strict=True) if ok and one.new]


def _handed_out(scope: str, taken: list[EventRecord], now: float) -> Verb[list[Taken]]:
    payloads = yield ReadPayloads(scope, tuple(record.id for record in taken))
    claims: list[Taken] = []
    for record, payload in zip(taken, payloads, strict=True):
        stale = yield from _stale(record)
        claims.append(Taken(Claimed(_transitions.claim_of(record), record, now, stale), payload))
    return claims


def extend(claims: Sequence[Claim], lease: float) -> Verb[list[Claim]]:
    """Let leases end later; see ``EventStore.extend``."""
    lost: list[Claim] = yield ExtendLeases(tuple(claims), lease)
    return lost


def finish(
    claim: Claim,
    result: HandlerResult,
    joined: Plan = NOTHING_NEW,
    *,
    in_transaction: bool = False,
) -> Verb[Finished]:
    """
    Record how a handler ended; see ``EventStore.finish``.

    Args:
        claim: as there.
        result: as there.
        joined: as there.
        in_transaction: its effects are still to be committed, so they can be undone.

    Raises:
        LostClaim: also ``in_transaction``, if the handler was settled meanwhile: the claim's
            lease was over, and whoever took the event over gave the handler up.
        StaleSnapshot: only ``in_transaction``: the handler's group has succeeded on a
            newer snapshot; nothing was written.
    """
    while True:
        now, record = yield ReadEvent(claim.scope, claim.id)
        new, told = _transitions.finished(record, now, claim, result, joined)
        if in_transaction and told.settled_before:
            raise LostClaim(_GIVEN_UP.format(result.handler, claim.id))
        if new is None:
            return told
        keys: tuple[KeyChange, ...] = ()
        if _marks(new, result) and not told.settled_before:
            mark = yield from _mark(new, result.handler)
            if mark is not None:
                overtaken = _keys.is_older(new.created, mark[1])
                if overtaken and in_transaction:
                    raise StaleSnapshot(_STALE.format(result.handler, claim.id))
                keys = () if overtaken else (_keys.raised(mark[1], mark[0], new.created),)
        if (yield from write(record, new, keys)):
            return told


def suspend(claim: Claim, release: Release) -> Verb[None]:
    """End an attempt with work left; see ``EventStore.suspend``."""
    while True:
        now, record = yield ReadEvent(claim.scope, claim.id)
        new = _transitions.released("suspend", record, now, claim, release)
        if new is None or (yield Write((Change(record, new),))):
            return


def give_back(claim: Claim, release: Release) -> Verb[None]:
    """Return a claim, uncounted; see ``EventStore.give_back``."""
    while True:
        now, record = yield ReadEvent(claim.scope, claim.id)
        new = _transitions.released("give_back", record, now, claim, release)
        if new is None or (yield Write((Change(record, new),))):
            return


def _is_open(record: EventRecord | None) -> bool:
    return record is None or record.state not in OVER


def _admit(
    arrival: Arrival, now: float, lease: float | None
) -> Verb[Claimed | Held | Expired | Unwanted | None]:
    """Record an event that is absent; None if it no longer is."""
    if not arrival.plan.wanted:
        return Unwanted()
    order = arrival.order_key and _keys.order_id(arrival.scope, arrival.order_key)
    key: KeyRecord | None = None
    if order or arrival.trusted:
        ids = (_keys.watermark_id(arrival.scope), *((order,) if order else ()))
        watermark, *rest = yield ReadKeys(ids)
        if arrival.trusted and _keys.is_forgotten(arrival.created, watermark):
            # Another delivery may have recorded it before the watermark rose.
            _, record = yield ReadEvent(arrival.scope, arrival.id)
            return Expired() if record is None else None
        key = rest[0] if rest else None
    held = _keys.is_held(key, arrival.id)
    new = _transitions.admitted(arrival, now, lease=lease, held=held)
    if _keys.is_older(arrival.created, key):
        new = new._replace(out_of_order=True)
    keys = (_keys.entered(key, order, arrival.id),) if order else ()
    if not (yield Write((Change(None, new),), keys, arrival.payload)):
        return None
    if new.state != "claimed":
        return Held(PARKED_SECONDS)
    return (yield from _claimed(new, now))


def _enqueue(
    verb: VerbName, arrival: Arrival, record: EventRecord, now: float
) -> Verb[Enqueued | None]:
    """Make an unsettled event the inbox's; None if it changed meanwhile."""
    new = _transitions.enqueued(record, now, arrival, verb=verb)
    return Enqueued(record.answer) if (yield Write((Change(record, new),))) else None


def _see_again(record: EventRecord, now: float) -> Verb[Settled | None]:
    seen = _transitions.seen(record, now)
    return _settled(record) if (yield from _see(record, seen)) else None


def _see(record: EventRecord, seen: EventRecord) -> Verb[bool]:
    """Write that an event was seen, unless nothing else is new, and that was a moment ago."""
    if seen.lane == record.lane and seen.last_seen - record.last_seen < SEEN_EVERY:
        return True
    written: bool = yield Write((Change(record, seen),))
    return written


def _settled(record: EventRecord) -> Settled:
    return Settled("done" if record.state == "done" else "dead", record.answer)


def _still_parked(arrival: Arrival, record: EventRecord, now: float) -> Verb[Held | None]:
    parked = _transitions.still_parked(record, now, arrival)
    return Held(PARKED_SECONDS) if (yield from _see(record, parked)) else None


def _claim(
    arrival: Arrival, record: EventRecord, now: float, lease: float
) -> Verb[Claimed | Held | Settled | None]:
    """Claim what was recorded before; None if it changed meanwhile."""
    if record.state == "claimed":
        if record.claim_id == arrival.claim_id:
            return (yield from _claimed(record, now))
        if record.lease_until > now:
            return Held(record.lease_until - now, record.answer)
    new = _transitions.claimed(
        "accept",
        record,
        now,
        claim_id=arrival.claim_id,
        lease=lease,
        code=arrival.code,
        plan=arrival.plan,
        lane=arrival.lane,
    )
    if not (yield from write(record, new)):
        return None
    return _settled(new) if new.state in OVER else (yield from _claimed(new, now))


def _claimed(record: EventRecord, now: float) -> Verb[Claimed]:
    stale = _NONE
    if [one for one in record.handlers if one.stale_key]:
        stale = yield from _stale(record)
    return Claimed(_transitions.claim_of(record), record, now, stale)


def _stale(record: EventRecord) -> Verb[frozenset[str]]:
    """Give the handlers that a newer snapshot has overtaken."""
    marked = [
        (one.name, one.stale_key) for one in record.handlers if one.stale_key and not one.is_settled
    ]
    if not marked:
        return _NONE
    keys = yield ReadKeys(tuple(_keys.stale_id(record.scope, key) for _, key in marked))
    return frozenset(
        name
        for (name, _), key in zip(marked, keys, strict=True)
        if _keys.is_older(record.created, key)
    )


def _marks(record: EventRecord, result: HandlerResult) -> bool:
    """Tell whether a group may have to remember that it has succeeded on this snapshot."""
    succeeded = result.outcome == "succeeded"
    return succeeded and bool([one for one in record.handlers if one.stale_key])


def _mark(record: EventRecord, name: str) -> Verb[tuple[KeyId, KeyRecord | None] | None]:
    handler = find(record, name)
    if handler is None or handler.stale_key is None:
        return None
    key_id = _keys.stale_id(record.scope, handler.stale_key)
    (key,) = yield ReadKeys((key_id,))
    return key_id, key


def write(
    old: EventRecord | None, new: EventRecord, keys: tuple[KeyChange, ...] = ()
) -> Verb[bool]:
    """Write a change; where it settles the head of an order key, hand the key on with it."""
    changes: tuple[Change, ...] = (Change(old, new),)
    if new.order_key is not None and new.state in OVER and old and old.state != new.state:
        order = _keys.order_id(new.scope, new.order_key)
        (key,) = yield ReadKeys((order,))
        if key is not None and key.holder == new.id:
            successor = yield ReadParked(new.scope, new.order_key)
            handed, promoted = _keys.handed_on(key, new, successor)
            keys, changes = (*keys, handed), (*changes, *promoted)
        elif new.state == "done":
            keys = (*keys, _keys.raised(key, order, new.created))
    made: bool = yield Write(changes, keys)
    return made
