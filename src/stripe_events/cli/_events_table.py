"""Events as rows, for people."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from stripe_events.cli._ages import shown
from stripe_events.cli._text import relative
from stripe_events.storage._queries import waiting_since

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stripe_events.storage._records import ErrorRecord, EventRecord, HandlerRecord

HEADINGS = ("ID", "TYPE", "STATE", "SETTLED", "TRIES", "SEEN", "DUE", "ERROR")
ELASTIC = ("ERROR", "TYPE")


def row(record: EventRecord, now: float) -> tuple[str, ...]:
    """Give the cells of an event: how many of its handlers are settled, what comes when."""
    settled = sum(handler.is_settled for handler in record.handlers)
    attempts = max((handler.attempts for handler in record.handlers), default=0)
    return (
        record.id,
        record.type,
        record.state,
        f"{settled}/{len(record.handlers)}",
        str(attempts),
        shown(now - record.last_seen),
        due(record, now),
        last_error(record),
    )


def due(record: EventRecord, now: float) -> str:
    """Say from when on anybody may claim it: since it is due, or the claim's lease ends."""
    since = waiting_since(record)
    return relative(since, now) if isfinite(since) else "-"


def last_error(record: EventRecord) -> str:
    """Give the type of the newest error that still counts, marked if it came late."""
    errors = sorted(error for handler in record.handlers for error in _errors(handler))
    return errors[-1][1] if errors else "-"


def _name(error: ErrorRecord) -> str:
    return error.type.rpartition(".")[2]


def _errors(handler: HandlerRecord) -> Iterator[tuple[float, str]]:
    if handler.late_error is not None:
        yield handler.late_error.at, f"{_name(handler.late_error)} (late)"
    if handler.outcome in ("succeeded", "skipped", "dropped"):
        return
    if handler.error is not None:
        yield handler.error.at, _name(handler.error)
    if handler.missing_since is not None:
        yield handler.missing_since, "HandlerMissing"
