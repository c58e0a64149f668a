"""
The usual first step of a delivery, at once: record what is absent, and claim it or not.

Same as the verb's read and write one after the other. It looks before it writes, for an
INSERT that meets a record waits for the transaction that has it in its hands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stripe_events.storage import _transitions
from stripe_events.storage._results import Claimed

if TYPE_CHECKING:
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Arrival


class Admit(NamedTuple):
    """
    Give the store's time if the event was absent, and is recorded now; else None.

    The times of ``record`` count from then, but for None and a lease of nobody.
    """

    record: EventRecord
    payload: bytes


def admission(arrival: Arrival, lease: float | None) -> Admit | None:
    """
    Give the step, or None where the verb has to look at other rows first.

    ``lease`` (seconds): claim it; None puts it into the inbox.
    """
    plan = arrival.plan
    if plan.undecided or not plan.wanted or arrival.order_key or arrival.trusted:
        return None
    if any(handler.stale_key for handler in plan.wanted):
        return None
    return Admit(_transitions.admitted(arrival, 0.0, lease=lease, held=False), arrival.payload)


def admitted(step: Admit, now: float) -> Claimed:
    """Give what ``accept`` gives."""
    record = step.record
    record = record._replace(first_seen=now, last_seen=now, lease_until=now + record.lease_until)
    return Claimed(_transitions.claim_of(record), record, now)
