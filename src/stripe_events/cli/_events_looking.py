"""``stripe-events events list`` and ``overdue``."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Final

from stripe_events.cli._ages import shown
from stripe_events.cli._events_selection import filters, with_handlers
from stripe_events.cli._events_table import ELASTIC, HEADINGS, row
from stripe_events.cli._text import Columns, clean, complain, json_text, plain
from stripe_events.storage._queries import waiting_since
from stripe_events.storage._results import Query

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from stripe_events.cli._ledger import Ledger
    from stripe_events.storage._records import EventRecord

_MOST_COUNTED: Final = 1000

_TRACEBACKS: Final = frozenset({"traceback"})


def list_(ledger: Ledger, arguments: Namespace) -> int:
    """Print a line for each event that is meant, and say if there are more."""
    limit: int = arguments.limit
    expected = limit + 1 if limit else None
    events = with_handlers(ledger, filters(arguments), arguments.handlers, expected=expected)
    shown_ones = islice(events, limit or None)
    count = _print_json(shown_ones) if arguments.json else _print_table(shown_ones, ledger.page)
    if not count and not arguments.json:
        complain("no event matches")
    if limit and next(events, None) is not None:
        complain(f"there are more than {limit}: add filters, or --limit 0 for all")
    return 0


def _print_json(events: Iterator[EventRecord]) -> int:
    count = 0
    for count, record in enumerate(events, 1):  # noqa: B007 - it is what was printed
        print(json_text(plain(record, omit=_TRACEBACKS)))
    return count


def _print_table(events: Iterator[EventRecord], page: int) -> int:
    columns = Columns(HEADINGS, ELASTIC)
    count = 0
    while batch := list(islice(events, page)):
        now = time.time()
        columns.print(row(record, now) for record in batch)
        count += len(batch)
    return count


def overdue(ledger: Ledger, arguments: Namespace) -> int:
    """Print how many events should have run by now, and which waits longest."""
    query = Query(overdue=arguments.grace)
    expected = _MOST_COUNTED + 1
    events = list(islice(ledger.events(query, expected=expected), expected))
    capped = len(events) > _MOST_COUNTED
    oldest = min(events, key=waiting_since, default=None)
    seconds = 0.0 if oldest is None else time.time() - waiting_since(oldest)
    count = min(len(events), _MOST_COUNTED)
    if arguments.json:
        print(json_text(_overdue_json(count, oldest, seconds, capped=capped)))
    else:
        print(_overdue_text(f"{count}{'+' if capped else ''} overdue", oldest, seconds))
    return 1 if events else 0


def _overdue_json(
    count: int, oldest: EventRecord | None, seconds: float, *, capped: bool
) -> dict[str, object]:
    longest = None
    if oldest is not None:
        longest = {"id": oldest.id, "type": oldest.type, "state": oldest.state, "seconds": seconds}
    return {"overdue": count, "or_more": capped, "oldest": longest}


def _overdue_text(figure: str, oldest: EventRecord | None, seconds: float) -> str:
    if oldest is None:
        return figure
    what = f"{oldest.id} ({oldest.type}, {oldest.state})"
    return f"{figure}, the oldest for {shown(seconds)}: {clean(what)}"
