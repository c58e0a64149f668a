"""
The way of a recorded event that another queue gives back by its id.

A job is only a hint: what runs, and whether, is decided by a claim, as for a delivery.
So a job that comes twice runs once, and one that comes too late does nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from stripe_events import _payload
from stripe_events._delivery.attempt import Attempt
from stripe_events._delivery.context import Delivery
from stripe_events._delivery.effects import Accept
from stripe_events._delivery.recorded import answered, recorded
from stripe_events._messages import Outcome, WebhookResponse
from stripe_events._parse import event_of
from stripe_events.errors import ProcessingError
from stripe_events.storage._records import OVER
from stripe_events.storage._results import Claimed, Enqueued, StoredEvent

if TYPE_CHECKING:
    from stripe_events._delivery.effects import Call
    from stripe_events._delivery.flow import Flow
    from stripe_events._delivery.ledger import Ledger
    from stripe_events._delivery.settings import Settings
    from stripe_events.storage._results import Accepted, Arrival

_ABSENT = (
    "{} is not in the ledger (scope {!r}): the job runs on another database or scope than the "
    "delivery that recorded it, or the event was forgotten"
)


def run(
    settings: Settings, ledger: Ledger, event_id: str, seconds: float, lease: float | None
) -> Flow:
    """
    Claim a recorded event, for ``lease``, and run what is left of it; handlers have ``seconds``.

    What the store raises is raised, and so is a payload that cannot be read.
    """
    scope = ledger.options.scope
    stored: StoredEvent | None = yield Accept(ledger.call("get", scope, event_id))
    if stored is None:
        raise ProcessingError(_ABSENT.format(event_id, scope))
    if stored.record.state in OVER:
        outcome = Outcome.DUPLICATE if stored.record.state == "done" else Outcome.DEAD
        return WebhookResponse(outcome, event_id)
    delivery = Delivery(settings.clock(), None, seconds, lease)
    event = event_of(_payload.load(stored.payload or b""), delivery.received)
    plan = ledger.plan(event)
    arrival = ledger.arrival(event, stored.payload or b"", plan, trusted=True)
    raised: dict[str, Exception] = {}
    claim = partial(_claim, ledger, delivery)
    first: Accepted = yield Accept(claim(arrival))
    accepted = yield from recorded(first, settings, ledger, event, arrival, delivery, claim, raised)
    if type(accepted) is Enqueued:  # all that is left is missing here, which a claim tells
        accepted = yield Accept(ledger.call("accept", arrival, ledger.lease(delivery)))
    if type(accepted) is not Claimed:
        return answered(settings, event, accepted)
    attempt = Attempt(settings, ledger, event, delivery, accepted, raised=raised, is_rescue=True)
    return (yield from attempt.go())


def _claim(ledger: Ledger, delivery: Delivery, arrival: Arrival) -> Call:
    return ledger.call("accept", arrival._replace(lane="inbox"), ledger.lease(delivery))
