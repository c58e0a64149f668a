"""Ledgers in words, for traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stripe_events.storage._records import EventRecord, HandlerRecord
    from tests.model.ledgers import Ledger


def shown(ledger: Ledger, effects: tuple[tuple[str, str], ...]) -> str:
    """Give all that is stored, and what has happened outside."""
    return "\n       ".join((f"at {ledger.now}: {_effects(effects)}", *_rows(ledger)))


def _effects(effects: tuple[tuple[str, str], ...]) -> str:
    return "effects " + (", ".join(f"{event}.{handler}" for event, handler in effects) or "none")


def _rows(ledger: Ledger) -> Iterator[str]:
    for record in ledger.events:
        handlers = ", ".join(_handler(one) for one in record.handlers)
        yield f"{record.id}: {_state(record)}; {handlers}"
    for key in ledger.keys:
        yield f"{key.id.kind} {key.id.key}: holder {key.holder}, newest {key.newest}"


def _state(record: EventRecord) -> str:
    words = f"{record.state}, {record.lane}, token {record.token}"
    if record.state == "claimed":
        words += f" by {record.claim_id} until {record.lease_until}"
        words += f" running {', '.join(record.running) or 'nothing'}"
    if record.due is not None:
        words += f", due {record.due}"
    return words + (", out of order" if record.out_of_order else "")


def _handler(handler: HandlerRecord) -> str:
    words = f"{handler.name} {handler.outcome}"
    if handler.attempts:
        words += f" after {handler.attempts}"
    if handler.abandoned:
        words += f", abandoned {handler.abandoned}"
    return words + (", late error" if handler.late_error else "")
