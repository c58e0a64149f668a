"""Stores that break one promise of the inbox each; see ``test_broken_stores``."""

# ruff: noqa: D102 - the class tells what its methods do wrong
from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.storage._records import OVER
from stripe_events.storage._results import Enqueued, Held
from tests.stores.broken_stores import Store

if TYPE_CHECKING:
    from stripe_events.storage._results import Accepted, Arrival, Claim, Recorded, Release


class RedeliveryNotDue(Store):
    """Take an unsettled event into the inbox, and leave its due time as it was."""

    def enqueue(self, arrival: Arrival) -> Recorded:
        record = self.stored(arrival)
        if record is None or record.state in OVER or arrival.plan.undecided:
            return super().enqueue(arrival)
        self.put(record._replace(lane="inbox"))
        return Enqueued()


class ClaimsInlineOnly(Store):
    """Claim for the next delivery, whoever is to have the rest."""

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        return super().accept(arrival._replace(lane="inline"), lease)


class BackoffEndsWithAClaim(Store):
    """Let what is given back be due when that says, whatever it waited for."""

    def give_back(self, claim: Claim, release: Release) -> None:
        record = self.stored(claim)
        if record is not None and record.state == "claimed":
            self.put(record._replace(due=None))
        super().give_back(claim, release)


class RestIsHeld(Store):
    """Let Stripe come again for what is left to workers."""

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        told = super().accept(arrival, lease)
        return Held(1.0) if isinstance(told, Enqueued) else told


class RestNotDue(Store):
    """Tell a mixed delivery that the rest is the inbox's, and write nothing."""

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        record = self.stored(arrival)
        told = super().accept(arrival, lease)
        if isinstance(told, Enqueued) and record is not None:
            self.put(record)
        return told


class DueAtOnce(Store):
    """Let what becomes the inbox's be due now, though another queue was told of it."""

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        return super().accept(arrival._replace(inbox_after=0.0), lease)

    def enqueue(self, arrival: Arrival) -> Recorded:
        return super().enqueue(arrival._replace(inbox_after=0.0))
