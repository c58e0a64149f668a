"""
How a recorded event changes, by ``_table``; pure.

Each function takes a record as it was read and gives it as it is to be written, or
None where the verb does not apply. Order keys are the business of ``_keys``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.errors import LostClaim, StoreError
from stripe_events.storage._plans import (
    all_settled,
    find,
    merged,
    names_of,
    planned,
    replaced,
    running_order,
    with_handler,
    with_suspect,
)
from stripe_events.storage._records import OVER, EventRecord, HandlerRecord
from stripe_events.storage._results import NOTHING_NEW, Claim, Finished
from stripe_events.storage._table import target

if TYPE_CHECKING:
    from stripe_events.storage._records import Lane
    from stripe_events.storage._results import Arrival, Code, HandlerResult, Plan, Release
    from stripe_events.storage._table import Verb, When

FORGET_FLOOR = 31 * 86_400.0
"""
Seconds that a settled event must not have been seen for. Stripe delivers for three days,
and lists events for thirty (https://docs.stripe.com/api/events).
"""


def admitted(arrival: Arrival, now: float, *, lease: float | None, held: bool) -> EventRecord:
    """
    Give the record of an event that was absent.

    ``lease`` (seconds): claim it; None puts it into the inbox. ``held``: its order key
    has another holder.
    """
    handlers = planned(arrival.plan, arrival.code)
    verb: Verb = "enqueue" if lease is None else "accept"
    claimed = lease is not None and not held
    lane: Lane = arrival.lane if lease is not None else "inbox"
    after = arrival.inbox_after if lane == "inbox" else arrival.rescue_after
    return EventRecord(
        arrival.scope,
        arrival.id,
        arrival.type,
        arrival.account,
        arrival.livemode,
        arrival.created,
        arrival.order_key,
        now,
        now,
        target(verb, "absent", "key held" if held else "key free"),
        lane,
        None if claimed else now + after,
        1 if claimed else 0,
        arrival.claim_id if claimed else "",
        now + lease if claimed and lease is not None else 0.0,
        0,
        0,
        handlers,
        arrival.plan.refused,
        running_order(handlers, arrival.code) if claimed else (),
    )


def claimed(
    verb: Verb,
    record: EventRecord,
    now: float,
    *,
    claim_id: str,
    lease: float,
    code: Code,
    plan: Plan = NOTHING_NEW,
    lane: Lane = "inline",
) -> EventRecord:
    """
    Give the record with its next claim, or settled if nothing is left for one.

    The caller has seen that it may be claimed: it is pending or failed, or its lease is
    over by ``now``. ``lane``: of the delivery; what is the inbox's stays so, and a delivery
    for the inbox keeps its due time.
    """
    source = record.state
    kept = record.due if record.lane == lane == "inbox" else None
    if source == "claimed":
        record = with_suspect(record, code, now)._replace(abandoned=record.abandoned + 1)
    record = merged(record, plan, code, now)
    if verb == "accept":
        record = record._replace(last_seen=now, lane=_joined(record.lane, lane))
    if all_settled(record.handlers):
        return _over(verb, source, record, record.handlers)
    when: When = "lease over" if source == "claimed" else "due"
    if verb == "accept" and source != "claimed":
        when = "work left"
    return record._replace(
        state=target(verb, source, when),
        due=kept,
        token=record.token + 1,
        claim_id=claim_id,
        lease_until=now + lease,
        running=running_order(record.handlers, code),
    )


def is_left_to_inbox(record: EventRecord, now: float, arrival: Arrival) -> bool:
    """
    Tell whether a delivery for the inbox finds an unsettled event with nothing for it to run.

    Not so if the claim is its own: then it is repeated, and is given the claim again.
    """
    is_own = record.state == "claimed" and record.claim_id == arrival.claim_id
    if arrival.lane == "inline" or is_own:
        return False
    handlers = merged(record, arrival.plan, arrival.code, now).handlers
    return not (all_settled(handlers) or running_order(handlers, arrival.code))


def enqueued(
    record: EventRecord, now: float, arrival: Arrival, *, verb: Verb = "enqueue"
) -> EventRecord:
    """Give an unsettled record as the inbox's, due at once unless it is due already."""
    record = merged(record, arrival.plan, arrival.code, now)
    when: When = "always" if verb == "enqueue" else "nothing to run"
    return record._replace(
        state=target(verb, record.state, when),
        lane="inbox",
        due=_due_in_inbox(record, now + arrival.inbox_after),
        last_seen=now,
    )


def _due_in_inbox(record: EventRecord, due: float) -> float:
    return due if record.due is None or record.lane == "inline" else record.due


def seen(record: EventRecord, now: float) -> EventRecord:
    """Give a settled record that was only seen again."""
    return record._replace(state=target("accept", record.state, "always"), last_seen=now)


def still_parked(record: EventRecord, now: float, arrival: Arrival) -> EventRecord:
    """Give a record whose order key is held still; it may become the inbox's by that."""
    lane = _joined(record.lane, arrival.lane)
    return record._replace(
        state=target("accept", "parked", "key held"),
        lane=lane,
        due=_due_in_inbox(record, now + arrival.inbox_after) if lane == "inbox" else record.due,
        last_seen=now,
    )


def _joined(recorded: Lane, lane: Lane) -> Lane:
    """Give the lane after another delivery: what is the inbox's never goes back."""
    return "inbox" if "inbox" in (recorded, lane) else "inline"


def claim_of(record: EventRecord) -> Claim:
    """Give the claim that the record carries."""
    return Claim(record.scope, record.id, record.token, record.claim_id)


def is_held_by(record: EventRecord | None, claim: Claim) -> bool:
    """Tell whether this is still the last claim, be the event settled by now or not."""
    return record is not None and record.token == claim.token and record.claim_id == claim.claim_id


def fenced(record: EventRecord | None, claim: Claim) -> EventRecord:
    """
    Give the record if the claim is valid.

    Raises:
        LostClaim: it is not.
    """
    if record is None or record.state != "claimed" or not is_held_by(record, claim):
        msg = f"the claim on {claim.id} was lost: another one was made, or it was given up"
        raise LostClaim(msg)
    return record


def finished(
    record: EventRecord | None, now: float, claim: Claim, result: HandlerResult, plan: Plan
) -> tuple[EventRecord | None, Finished]:
    """
    Give the record with a handler's result, None if nothing changes, and what to tell.

    A settled handler stays as it is; an error of it is kept as its late error, also
    after the event was settled by this very claim. A failure that this claim has
    recorded already is not counted twice.

    Raises:
        LostClaim: the claim is not valid any more.
        StoreError: the handler is not planned.
    """
    if record is not None and record.state in OVER and is_held_by(record, claim):
        handler = _planned(record, result.handler)
    else:
        record = merged(fenced(record, claim), plan, None, now)
        handler = _planned(record, result.handler)
    if handler.is_settled:
        return _finished_late(record, now, handler, result)
    if handler.outcome == result.outcome and handler.token == claim.token:
        return None, Finished(record.state)
    handlers = with_handler(record.handlers, _ended(handler, result, claim.token, now))
    if result.answer is not None and record.answer is None and result.outcome == "succeeded":
        record = record._replace(answer=result.answer)
    if all_settled(handlers):
        record = _over("finish", "claimed", record, handlers)
    else:
        record = record._replace(handlers=handlers)
    return record, Finished(record.state)


def _ended(handler: HandlerRecord, result: HandlerResult, token: int, now: float) -> HandlerRecord:
    attempts = handler.attempts + 1
    error = result.error and result.error._replace(attempt=attempts, at=now)
    # Field by field: `_replace` takes five times as long, and this is done for every event.
    return HandlerRecord(
        handler.name,
        result.outcome,
        attempts,
        token,
        now,
        error or handler.error,
        handler.late_error,
        handler.abandoned,
        None,
        handler.formerly,
        handler.stale_key,
        result.undecided,
    )


def _planned(record: EventRecord, name: str) -> HandlerRecord:
    handler = find(record, name)
    if handler is None:
        msg = f"handler {name} is not planned for {record.id}"
        raise StoreError(msg)
    return handler


def _finished_late(
    record: EventRecord, now: float, handler: HandlerRecord, result: HandlerResult
) -> tuple[EventRecord | None, Finished]:
    told = Finished(record.state, settled_before=True)
    if result.error is None or handler.outcome == result.outcome:
        return None, told
    late = result.error._replace(attempt=handler.attempts, at=now)
    record = replaced(record, handler._replace(late_error=late))
    return (erased(record) if record.erased else record), told


def _over(
    verb: Verb,
    source: str,
    record: EventRecord,
    handlers: tuple[HandlerRecord, ...],
) -> EventRecord:
    dead = "dead" in [handler.outcome for handler in handlers]
    after = target(verb, source, "one is dead" if dead else "all settled")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    # No `_replace` here either; the slices are what stays, between state, due, the lease,
    # the handlers and what was running.
    return EventRecord._make(
        (
            *record[:9],
            after,
            record.lane,
            None,
            *record[12:14],
            0.0,
            *record[15:17],
            handlers,
            record.refused,
            (),
            *record[20:],
        )
    )


def released(
    verb: Verb, record: EventRecord | None, now: float, claim: Claim, release: Release
) -> EventRecord | None:
    """
    Give the record after ``suspend`` or ``give_back``; None if that was done already.

    Raises:
        LostClaim: the claim is not valid any more.
    """
    after = target(verb, "claimed", "fence")
    if record is not None and record.state == after and is_held_by(record, claim):
        return None
    record = fenced(record, claim)
    if release.missing:
        record = record._replace(
            handlers=tuple(_missing(one, release, now) for one in record.handlers)
        )
    lane: Lane = "inbox" if release.to_inbox else record.lane
    due = now + (release.inbox if lane == "inbox" else release.inline)
    if verb == "give_back" and record.lane == "inbox" and record.due is not None:
        due = max(due, record.due)
    return record._replace(state=after, lane=lane, due=due, lease_until=0.0, running=())


def _missing(handler: HandlerRecord, release: Release, now: float) -> HandlerRecord:
    if handler.name in release.missing and handler.missing_since is None:
        return handler._replace(missing_since=now)
    return handler


def restarted(
    verb: Verb, record: EventRecord, now: float, names: tuple[str, ...], *, held: bool
) -> EventRecord | None:
    """
    Give the record as an operator's ``retry`` or ``replay`` leaves it; None if it does not apply.

    Args:
        verb: ``retry`` plans dead handlers anew, ``replay`` all but dropped ones.
        record: as it was read.
        now: by the store's clock.
        names: the handlers that are meant; none of them means all.
        held: another event holds the order key.
    """
    sources = ("failed", "dead") if verb == "retry" else ("done", "dead")
    if record.state not in sources:
        return None
    undone = {"dead"} if verb == "retry" else {"dead", "succeeded", "skipped"}
    handlers = tuple(
        _anew(handler)
        if (handler.outcome in undone or not handler.is_settled)
        and (not names or not names_of(handler).isdisjoint(names))
        else handler
        for handler in record.handlers
    )
    if all_settled(handlers):
        return None
    when: When = "always" if record.state == "failed" else "key held" if held else "key free"
    return record._replace(
        handlers=handlers,
        state=target(verb, record.state, when),
        lane="inbox",
        due=now,
        token=record.token + 1,
        claim_id="",
        abandoned=0,
        generation=record.generation + (verb == "replay"),
    )


def _anew(handler: HandlerRecord) -> HandlerRecord:
    return handler._replace(outcome="planned", attempts=0, abandoned=0, missing_since=None)


def dropped(record: EventRecord, now: float, name: str) -> EventRecord | None:
    """Give the record with a handler dropped; None if it is claimed, or there is none to drop."""
    handler = find(record, name)
    if record.state == "claimed" or handler is None:
        return None
    if handler.is_settled and handler.outcome != "dead":
        return None
    source = record.state
    record = replaced(record, handler._replace(outcome="dropped", at=now))
    if all_settled(record.handlers):
        return _over("drop", source, record, record.handlers)
    return record


def erased(record: EventRecord) -> EventRecord:
    """Give a settled record without what came from the payload or may quote it."""
    return record._replace(
        state=target("erase", record.state, "always"),
        handlers=tuple(_without_tracebacks(handler) for handler in record.handlers),
        erased=True,
    )


def _without_tracebacks(handler: HandlerRecord) -> HandlerRecord:
    return handler._replace(
        error=handler.error and handler.error._replace(traceback="", message=""),
        late_error=handler.late_error and handler.late_error._replace(traceback="", message=""),
    )
