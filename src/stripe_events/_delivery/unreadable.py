"""A recorded event whose payload cannot be read: newer code may, so it is put off for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stripe_events._delivery.effects import Finish, Suspend
from stripe_events._delivery.error_records import error_record
from stripe_events._delivery.observing import log
from stripe_events._messages import Outcome, WebhookResponse, outcome_of
from stripe_events.errors import LostClaim
from stripe_events.storage._records import OVER
from stripe_events.storage._results import HandlerResult

if TYPE_CHECKING:
    from collections.abc import Generator

    from stripe_events._delivery.effects import Effect
    from stripe_events._delivery.flow import Flow
    from stripe_events._delivery.ledger import Ledger
    from stripe_events.errors import PayloadError
    from stripe_events.storage._records import State
    from stripe_events.storage._results import Claimed, Finished

_AGAIN: Final = 3_600.0
"""Seconds until such a payload is tried again."""


def put_off(ledger: Ledger, claimed: Claimed, error: PayloadError) -> Flow:
    """
    End the attempt: handlers past the age limit of ``retry=`` are dead, others are tried again.

    No attempt is counted, for no handler was run. An event that Stripe delivers has no
    limit, as where its handlers fail.
    """
    claim = claimed.claim
    message = f"the stored payload of {claim.id} cannot be read"
    try:
        state = yield from _bury(ledger, claimed, error)
        if state in OVER:
            log("ERROR", f"{message}: it is dead", error, event_id=claim.id)
            return WebhookResponse(Outcome.DEAD, claim.id, error)
        log("ERROR", message, error, event_id=claim.id)
        yield Suspend(None, ledger.call("suspend", claim, ledger.release(inbox=_AGAIN)))
    except LostClaim:
        log("INFO", f"{claim.id} was taken over, or settled, meanwhile")
    return WebhookResponse(outcome_of(error), claim.id, error)


def _bury(ledger: Ledger, claimed: Claimed, error: PayloadError) -> Generator[Effect, Any, State]:
    """Record that handlers are dead for which the event is too old; give what it has come to."""
    claim, record = claimed.claim, claimed.record
    state = record.state
    age = claimed.now - record.first_seen
    for handler in record.unsettled():
        if record.lane == "inbox" and age >= ledger.retry(handler.name).age:
            finish = Finish(handler.name, "dead", error)
            result = HandlerResult(handler.name, "dead", error_record(error))
            finish.call = ledger.call("finish", claim, result)
            finished: Finished = yield finish
            state = finished.state
    return state
