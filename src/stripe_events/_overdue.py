"""Whether events are overdue, so that nobody seems to run what is due; told to whoever listens."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from stripe_events._delivery.observing import log
from stripe_events._fork import Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from stripe_events._delivery.ledger import Ledger
    from stripe_events._delivery.settings import Settings
    from stripe_events.observers import Overdue
    from stripe_events.storage._records import EventRecord

GRACE: Final = 300.0
"""Seconds after which an event that is due is overdue, unless another time is asked for."""

MOST_COUNTED: Final = 1_000
"""More events than this are not counted: one is reason enough to look."""

LOOK_EVERY: Final = 60.0
"""Seconds between two looks of a router that runs the jobs of another queue."""

_NOBODY_COMES = (
    "%s overdue, the oldest for %.0f s: nothing takes what is due in the inbox. Start "
    "`stripe-events work module:router`, or call router.rescue() by cron"
)


def listing(ledger: Ledger, grace: float) -> Callable[[], Any]:
    """Give the call that lists what is due for more than ``grace`` seconds, by its store."""
    from stripe_events.storage._results import Query

    query = Query(overdue=grace)
    return partial(ledger.store.list, ledger.options.scope, query, limit=MOST_COUNTED)


def told(settings: Settings, records: Sequence[EventRecord]) -> Overdue:
    """Count what was listed; observers of ``Overdue`` are told if it is anything."""
    from stripe_events.observers import Overdue
    from stripe_events.storage._queries import waiting_since

    oldest = min(map(waiting_since, records), default=None)
    overdue = Overdue(len(records), 0.0 if oldest is None else settings.clock() - oldest)
    if records:
        settings.observers.tell("Overdue", *overdue)
    return overdue


def reported(settings: Settings, records: Sequence[EventRecord]) -> None:
    """Do the same, and warn: another queue lost jobs, and there is nobody to take them up."""
    overdue = told(settings, records)
    if records:
        some = f"{overdue.events} events are" if overdue.events > 1 else "1 event is"
        log("WARNING", _NOBODY_COMES % (some, overdue.seconds))


@contextmanager
def unasked() -> Generator[None, None, None]:
    """Log what goes wrong with a look that nobody asked for, and go on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a store may be the user's code
        log("WARNING", "it could not be looked whether events are overdue", error)


class Outlook:
    """When a router looked last; it looks once a minute at most, if its store can list."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Look at the first occasion."""
        self._clock = clock
        self._lock = Lock()
        self._last: float | None = None

    def is_time(self, ledger: Ledger) -> bool:
        """Tell whether to look now; if so, nobody else does for a minute."""
        if not hasattr(ledger.store, "list"):
            return False
        now = self._clock()
        with self._lock:
            # Below 0 the clock was set back, by who knows how much.
            if self._last is not None and 0 <= now - self._last < LOOK_EVERY:
                return False
            self._last = now
        return True
