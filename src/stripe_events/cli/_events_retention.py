"""``stripe-events events erase`` and ``forget``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stripe_events.cli._events_acting import confirmed, counted
from stripe_events.cli._events_selection import checked_filters
from stripe_events.cli._progress import Progress
from stripe_events.cli._text import complain, json_text
from stripe_events.storage._results import EVERYTHING, Query

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from stripe_events.cli._ledger import Ledger


def erase(ledger: Ledger, arguments: Namespace) -> int:
    """Erase all that is meant, and tell how many events that were."""
    query = checked_filters(arguments)
    if arguments.ids:
        query = Query(ids=tuple(dict.fromkeys(arguments.ids)))
    elif not _agreed(ledger, arguments, query):
        return 1
    _until_none_is_left("erased", lambda: ledger.erase(query), as_json=arguments.json)
    refused = [event_id for event_id in query.ids if _is_refused(ledger, event_id, arguments)]
    return 1 if refused else 0


def forget(ledger: Ledger, arguments: Namespace) -> int:
    """Forget all that is old enough, and tell how many events that were."""
    query = EVERYTHING  # the floor, by the store's own clock
    if arguments.older_than is not None:
        query = Query(seen_before=time.time() - arguments.older_than)
    _until_none_is_left(
        "forgot", lambda: ledger.forget(query, dead=arguments.dead), as_json=arguments.json
    )
    return 0


def _until_none_is_left(done: str, some: Callable[[], int], *, as_json: bool) -> None:
    progress = Progress(done)
    try:
        while count := some():
            progress.advance(count)
    finally:
        progress.wipe()
        total = progress.count
        print(json_text({done: total}) if as_json else f"{done} {counted(total)}", flush=True)


def _agreed(ledger: Ledger, arguments: Namespace, query: Query) -> bool:
    if arguments.yes:
        return True
    states = query.states or arguments.allowed_states
    meant = query._replace(states=states, erased=False)
    found = Progress("found")
    for _ in ledger.events(meant):
        found.advance()
    found.wipe()
    return confirmed(arguments, f"erase the payloads of {counted(found.count)}, for good")


def _is_refused(ledger: Ledger, event_id: str, arguments: Namespace) -> bool:
    stored = ledger.get(event_id)
    if stored is not None and stored.record.erased:
        return False
    reason = "it is not in the ledger"
    if stored is not None:
        reason = f"it is {stored.record.state}: erase takes events that are done or dead"
    if arguments.json:
        print(json_text({"id": event_id, "done": False, "reason": reason}))
    else:
        complain(f"{event_id}: {reason}")
    return True
