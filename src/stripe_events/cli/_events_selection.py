"""From what was typed to the events that are meant."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stripe_events.errors import UsageError
from stripe_events.storage._records import SETTLED
from stripe_events.storage._results import EVERYTHING, Query

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from stripe_events.cli._ledger import Ledger
    from stripe_events.storage._records import EventRecord, HandlerRecord


def filters(arguments: Namespace) -> Query:
    """Give what the filters ask for; ages count from now, by this machine's clock."""
    now = time.time()
    return Query(
        states=tuple(arguments.state),
        type=arguments.type,
        account=arguments.account,
        seen_before=_before(now, arguments.older_than),
        seen_after=_before(now, arguments.newer_than),
        overdue=arguments.overdue,
    )


def checked_filters(arguments: Namespace) -> Query:
    """
    Give what the filters ask for, of a command that changes something.

    Raises:
        UsageError: ids and filters; or neither of them, nor ``--all``.
    """
    query = filters(arguments)
    handlers = () if arguments.action == "drop" else getattr(arguments, "handlers", ())
    narrowed = query != EVERYTHING or bool(handlers and not arguments.ids)
    if arguments.ids and (narrowed or arguments.all):
        raise UsageError("give event ids or filters, not both")
    if not (arguments.ids or narrowed or arguments.all):
        raise UsageError("which events? Give ids, filters, or --all")
    return query


def with_handlers(
    ledger: Ledger, query: Query, handlers: Sequence[str], *, expected: int | None = None
) -> Iterator[EventRecord]:
    """Give what a query means, if handlers are named only those events that plan one of them."""
    if len(handlers) == 1:
        query = query._replace(handler=handlers[0])
    for record in ledger.events(query, expected=expected):
        if not handlers or any(record.handler(name) for name in handlers):
            yield record


def applicable(verb: str, record: EventRecord, handlers: Sequence[str]) -> tuple[str, ...]:
    """Give the handlers of an event to which a verb can be applied, of all or of those named."""
    return tuple(
        handler.name
        for handler in record.handlers
        if (not handlers or handler.name in handlers) and _applies(verb, handler)
    )


def _applies(verb: str, handler: HandlerRecord) -> bool:
    if verb == "replay":
        return handler.outcome != "dropped"
    return handler.outcome == "dead" or handler.outcome not in SETTLED


def _before(now: float, seconds: float | None) -> float | None:
    return None if seconds is None else now - seconds
