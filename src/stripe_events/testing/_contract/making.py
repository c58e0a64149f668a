"""Arrivals, results and code, as the cases need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from stripe_events.storage._records import ErrorRecord
from stripe_events.storage._results import (
    Arrival,
    Code,
    HandlerResult,
    Plan,
    PlannedHandler,
    Release,
)

if TYPE_CHECKING:
    from stripe_events._messages import Answer

SCOPE: Final = "default"
CREATED: Final = 1_700_000_000.0
LEASE: Final = 60.0
NOW: Final = Release(inline=0.0, inbox=0.0)
LATER: Final = Release(inline=1_000_000.0, inbox=1_000_000.0)


def arrival(event_id: str = "evt_1", *names: str, **members: Any) -> Arrival:
    """Give a delivery by code that has these handlers, ``a`` if none, and wants them all."""
    names = names or ("a",)
    plain = Arrival(
        scope=SCOPE,
        id=event_id,
        type="charge.succeeded",
        account=None,
        livemode=False,
        created=CREATED,
        payload=payload_of(event_id),
        plan=planned(*names),
        code=code(*names),
        claim_id=new_claim_id(),
    )
    return plain._replace(**members)


def payload_of(event_id: str) -> bytes:
    """Give the payload that an event of this id has if a case says nothing of it."""
    return b'{"id": "' + event_id.encode() + b'"}'


def new_claim_id() -> str:
    """Give a claim id that nobody has."""
    return uuid4().hex


def planned(*names: str, stale_key: str | None = None) -> Plan:
    """Give the plan of code that wants these handlers."""
    return Plan(tuple(PlannedHandler(name, stale_key) for name in names))


def code(*names: str, **members: Any) -> Code:
    """Give code that has these handlers."""
    return Code(frozenset(names))._replace(**members)


def succeeded(handler: str, answer: Answer | None = None) -> HandlerResult:
    """Give the result of a run that went well."""
    return HandlerResult(handler, "succeeded", answer=answer)


def skipped(handler: str) -> HandlerResult:
    """Give the result of a run that had nothing to do."""
    return HandlerResult(handler, "skipped")


def failed(handler: str, message: str = "no luck") -> HandlerResult:
    """Give the result of a run that raised."""
    return HandlerResult(handler, "failed", ErrorRecord("ValueError", message, "Traceback ..."))


def died(handler: str, message: str = "never again") -> HandlerResult:
    """Give the result of a run that raised for the last time."""
    return HandlerResult(handler, "dead", ErrorRecord("Permanent", message, "Traceback ..."))
