"""
The events that this process has recorded and claimed just now.

A handler's first result is computed from the record as it was written, and holds if that
still is the stored one, by revision and claim id. So it need not be read again.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Claim, Claimed

AT_MOST: Final = 1_000


class Fresh:
    """The records of events that were absent, by their claims: the last thousand at most."""

    def __init__(self) -> None:
        """Remember nothing."""
        self._records: OrderedDict[Claim, EventRecord] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def keep(self, claimed: Claimed) -> None:
        """Remember what was claimed, if it was recorded by that; later claims are read."""
        if claimed.record.first_seen != claimed.now:
            return
        self._records[claimed.claim] = claimed.record
        if len(self._records) > AT_MOST:
            self._records.popitem(last=False)

    def take(self, claim: Claim, handler: str) -> EventRecord | None:
        """Give the record once, if it plans the handler; None where it has to be read."""
        record = self._records.pop(claim, None)
        return None if record is None or record.handler(handler) is None else record
