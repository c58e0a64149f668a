"""Which records a ``Query`` means, for stores that have no query language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events import _patterns

if TYPE_CHECKING:
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Query


def is_due(record: EventRecord, now: float) -> bool:
    """Tell whether anybody may claim it now."""
    return waiting_since(record) <= now


def waiting_since(record: EventRecord) -> float:
    """Give the time (unix seconds) from which anybody may claim it; infinity if nobody may."""
    if record.state == "claimed":
        return record.lease_until
    if record.state in ("pending", "failed") and record.due is not None:
        return record.due
    return float("inf")


def matches(query: Query, record: EventRecord, now: float) -> bool:
    """Tell whether a record of the right scope is meant."""
    return (
        (not query.ids or record.id in query.ids)
        and (not query.states or record.state in query.states)
        and (query.type is None or bool(_patterns.compiled(query.type).fullmatch(record.type)))
        and (query.account is None or record.account == query.account)
        and (query.handler is None or record.handler(query.handler) is not None)
        and (query.seen_before is None or record.last_seen <= query.seen_before)
        and (query.seen_after is None or record.last_seen >= query.seen_after)
        and (query.overdue is None or waiting_since(record) <= now - query.overdue)
        and (query.erased is None or record.erased == query.erased)
    )
