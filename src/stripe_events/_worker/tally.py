"""What became of the events that a worker took."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from stripe_events._delivery.observing import log
from stripe_events._messages import Outcome

if TYPE_CHECKING:
    import asyncio

    from stripe_events.storage._results import Taken

_RETURNED: Final = (Outcome.DRAINING, Outcome.HANDLER_MISSING)


class Tally:
    """Counts by outcome."""

    def __init__(self) -> None:
        """Start at nothing."""
        self._outcomes: Counter[Outcome] = Counter()
        self._total = 0

    def add(self, taken: Taken, task: asyncio.Task[Any]) -> None:
        """Count an event that was taken, by the task that worked on it."""
        self._total += 1
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._outcomes[task.result().outcome] += 1
        else:
            claim = taken.claimed.claim
            message = f"the work on {claim.id} broke off; it is due after its lease"
            log("ERROR", message, error, event_id=claim.id)

    def add_returned(self) -> None:
        """Count an event that was taken, and given back before its work began."""
        self._total += 1
        self._outcomes[Outcome.DRAINING] += 1

    def counts(self) -> tuple[int, int, int, int]:
        """Give how many were handled, failed, are dead now, and were given back."""
        handled, dead = self._outcomes[Outcome.HANDLED], self._outcomes[Outcome.DEAD]
        returned = sum(self._outcomes[outcome] for outcome in _RETURNED)
        return handled, self._total - handled - dead - returned, dead, returned
