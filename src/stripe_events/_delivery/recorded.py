"""
The way of a delivery with a store: record and claim, then work under the claim.

As in ``flow``, all that matters happens inside effects. A store that fails ends the
delivery at once: nothing more is written, and the lease covers what was claimed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from stripe_events import _payload
from stripe_events._delivery.attempt import Attempt
from stripe_events._delivery.context import Delivery
from stripe_events._delivery.dispatching import dispatched
from stripe_events._delivery.effects import Accept, GiveBack, Pause
from stripe_events._delivery.failures import failed, store_failed
from stripe_events._delivery.ledger import encoded, planned
from stripe_events._delivery.unreadable import put_off
from stripe_events._messages import Outcome, WebhookResponse, body_bytes
from stripe_events._parse import event_of
from stripe_events.errors import Busy, LostClaim, PayloadError, ProcessingError, UsageError
from stripe_events.storage._plans import known_names
from stripe_events.storage._results import (
    NOTHING_NEW,
    Claimed,
    Enqueued,
    Expired,
    Held,
    Plan,
    Settled,
    Undecided,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from stripe_events._delivery.effects import Call, Effect
    from stripe_events._delivery.flow import Flow
    from stripe_events._delivery.ledger import Ledger
    from stripe_events._delivery.settings import Settings
    from stripe_events._event import AnyEvent
    from stripe_events._messages import Body
    from stripe_events.storage._results import Accepted, Arrival, Recorded, Taken

_POLL = 0.05
"""Seconds between two looks of a delivery that waits for another one of the same event."""


def deliver(
    settings: Settings, ledger: Ledger, event: AnyEvent, delivery: Delivery, body: Body | None
) -> Flow:
    """Record and claim an event, run what is left, and answer."""
    plan = ledger.plan(event)
    payload = encoded(event) if body is None else body_bytes(body)
    try:
        arrival = ledger.arrival(event, payload, plan, trusted=delivery.secret is None)
    except Exception as cause:  # noqa: BLE001 - it asks order_by=, which is the user's code
        error = ProcessingError(f"order_by= gave no key for {event.id} ({event.type})")
        error.__cause__ = cause
        return failed(settings, event, delivery, error)
    raised: dict[str, Exception] = {}
    inbox = ledger.for_inbox(event)
    try:
        call = _by_lane(ledger, inbox, delivery, arrival)
        accepted: Accepted | Recorded = yield Accept(call)
        if type(accepted) is not Claimed:
            choose = partial(_by_lane, ledger, inbox, delivery)
            again = (settings, ledger, event, arrival, delivery, choose, raised)
            accepted = yield from recorded(accepted, *again)
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - a store may be the user's code
        return store_failed(settings, event, delivery, error)
    if type(accepted) is Enqueued:
        yield from dispatched(ledger, event)
        return WebhookResponse(Outcome.ACCEPTED, event.id, None, accepted.answer)
    if type(accepted) is not Claimed:
        return answered(settings, event, accepted)
    attempt = Attempt(settings, ledger, event, delivery, accepted, raised=raised, for_inbox=inbox)
    return (yield from attempt.go())


def _by_lane(ledger: Ledger, inbox: frozenset[str], delivery: Delivery, arrival: Arrival) -> Call:
    """Give the verb for a delivery: an event that is all the inbox's is not claimed."""
    if inbox:
        plan = arrival.plan
        names = [handler.name for handler in plan.wanted] + [*plan.undecided]
        if inbox.issuperset(names):
            return ledger.call("enqueue", arrival)
        if not inbox.isdisjoint(names):
            # Of what is left to workers, none is a suspect if this run dies.
            arrival = arrival._replace(lane="inbox", code=ledger.inline_code(arrival.code))
    return ledger.call("accept", arrival, ledger.lease(delivery))


def recorded(  # noqa: PLR0917 - all that a delivery is made of
    accepted: Accepted | Recorded,
    settings: Settings,
    ledger: Ledger,
    event: AnyEvent,
    arrival: Arrival,
    delivery: Delivery,
    choose: Callable[[Arrival], Call],
    raised: dict[str, Exception],
) -> Generator[Effect, Any, Accepted | Recorded]:
    """
    Go on from the store's first answer: ask ``where``, wait a while for whoever has the event.

    ``choose`` gives the verb each time; ``raised`` gets what ``where`` raises, by handler.
    """
    while True:
        if type(accepted) is Undecided:
            arrival = _decide(settings, event, arrival, accepted.handlers, raised)
        elif type(accepted) is Held and _may_wait(ledger, delivery, accepted):
            yield Pause(min(_POLL, ledger.options.busy_wait))
        else:
            return accepted
        accepted = yield Accept(choose(arrival))


def rescue(settings: Settings, ledger: Ledger, seconds: float, seen: set[str]) -> Flow:
    """
    Claim what has been due longest, and run what is left of it; handlers have ``seconds``.

    The answer names no event if none is due, or only one that was ``seen`` before in this
    pass, which is given back. What the store raises instead of a claim is raised.
    """
    options = ledger.options
    # One at a time: while its handlers run, nothing else waits under a claim.
    due = (options.scope, ledger.code, os.urandom(8).hex(), options.lease, 1)
    taken: list[Taken] = yield Accept(ledger.call("take_due", *due))
    for one in taken:
        claim = one.claimed.claim
        if claim.id not in seen:
            seen.add(claim.id)
            delivery = Delivery(settings.clock(), None, seconds)
            return (yield from resume(settings, ledger, one, delivery))
        with suppress(LostClaim):
            yield GiveBack(ledger.call("give_back", claim, ledger.release(inline=0.0)))
    return WebhookResponse(Outcome.IGNORED)


def resume(settings: Settings, ledger: Ledger, taken: Taken, delivery: Delivery) -> Flow:
    """Run what is left of an event that was due."""
    yield Accept()  # it is claimed already: from here on this is a task of its own
    try:
        event = event_of(_payload.load(taken.payload or b""), delivery.received)
    except PayloadError as error:
        return (yield from put_off(ledger, taken.claimed, error))
    joined = _joining(settings, ledger, event, taken.claimed)
    attempt = Attempt(
        settings, ledger, event, delivery, taken.claimed, joined=joined, is_rescue=True
    )
    return (yield from attempt.go())


def _joining(settings: Settings, ledger: Ledger, event: AnyEvent, claimed: Claimed) -> Plan:
    """Give the handlers that the ledger does not know yet; their ``where`` is asked later."""
    known = known_names(claimed.record, ledger.code)
    wanted, undecided = settings.table.candidates(event)
    joining = planned(event, (handler for handler in wanted if handler.name not in known))
    asked = planned(
        event, (handler for handler in undecided if handler.name not in known), undecided=True
    )
    return Plan((*joining, *asked)) if joining or asked else NOTHING_NEW


def _decide(
    settings: Settings,
    event: AnyEvent,
    arrival: Arrival,
    names: tuple[str, ...],
    raised: dict[str, Exception],
) -> Arrival:
    """Ask the ``where`` of these handlers; one that raises has failed, and is asked again."""
    wanted: dict[str, Any] = {one.name: one for one in arrival.plan.wanted}
    refused = list(arrival.plan.refused)
    for name in names:
        handler = settings.table.by_name[name]
        try:
            if handler.filters.passes_where(event):
                wanted[name] = planned(event, (handler,))[0]
            else:
                refused.append(name)
        except Exception as error:  # noqa: BLE001 - it is the user's code
            raised[name] = error
            wanted[name] = planned(event, (handler,), undecided=True)[0]
    in_order = tuple(wanted[name] for name in settings.table.by_name if name in wanted)
    left = tuple(name for name in arrival.plan.undecided if name not in names)
    return arrival._replace(plan=Plan(in_order, tuple(refused), left))


def _may_wait(ledger: Ledger, delivery: Delivery, held: Held) -> bool:
    return held.answer is None and delivery.elapsed() < ledger.options.busy_wait


def answered(settings: Settings, event: AnyEvent, accepted: Accepted | Recorded) -> WebhookResponse:
    """Say what became of an event that was not claimed, to observers and to Stripe."""
    tell = settings.observers.tell
    match accepted:
        case Held(_, answer):
            tell("Busy", event)
            return WebhookResponse(Outcome.BUSY, event.id, Busy(_BUSY.format(event.id)), answer)
        case Settled(state, answer):
            tell("Duplicate", event, state)
            outcome = Outcome.DUPLICATE if state == "done" else Outcome.DEAD
            return WebhookResponse(outcome, event.id, None, answer)
        case Expired():
            tell("Ignored", event, "expired")
            return WebhookResponse(Outcome.EXPIRED, event.id)
        case _:
            tell("Ignored", event, "no handler")
            return WebhookResponse(Outcome.IGNORED, event.id)


_BUSY = "{} is being processed elsewhere"
