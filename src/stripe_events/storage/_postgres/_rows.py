"""Records as rows: one column for each field, in the order of the fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stripe_events.storage._json import (
    dump_answer,
    dump_handlers,
    dump_names,
    load_answer,
    load_handlers,
    load_names,
)
from stripe_events.storage._records import EventRecord, KeyId, KeyRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COLUMNS: Final = EventRecord._fields

TYPES: Final = {
    "scope": "text",
    "id": "text",
    "type": "text",
    "account": "text",
    "livemode": "boolean",
    "created": "float8",
    "order_key": "text",
    "first_seen": "float8",
    "last_seen": "float8",
    "state": "text",
    "lane": "text",
    "due": "float8",
    "token": "bigint",
    "claim_id": "text",
    "lease_until": "float8",
    "abandoned": "bigint",
    "generation": "bigint",
    "handlers": "json",
    "refused": "json",
    "running": "json",
    "answer": "json",
    "out_of_order": "boolean",
    "erased": "boolean",
    "revision": "bigint",
}
"""
``json``, not ``jsonb``: the text of an error may hold what jsonb refuses, as ``\\u0000``.
"""

MUTABLE: Final = (
    "last_seen",
    "state",
    "lane",
    "due",
    "token",
    "claim_id",
    "lease_until",
    "abandoned",
    "generation",
    "handlers",
    "refused",
    "running",
    "answer",
    "out_of_order",
    "erased",
)
"""What verbs change, besides the revision."""

_HANDLERS, _REFUSED, _RUNNING, _ANSWER = map(
    COLUMNS.index, ("handlers", "refused", "running", "answer")
)

_DUMPERS: Final[dict[str, Callable[[Any], Any]]] = {
    "handlers": dump_handlers,
    "refused": dump_names,
    "running": dump_names,
    "answer": dump_answer,
}


def selected(alias: str = "") -> str:
    """Give the columns of a SELECT, such that ``event_of`` can read its rows."""
    dot = f"{alias}." if alias else ""
    return ", ".join(
        f"{dot}{name}::text" if TYPES[name] == "json" else f"{dot}{name}" for name in COLUMNS
    )


def event_of(row: Sequence[Any]) -> EventRecord:
    """Read an event."""
    values = list(row)
    values[_HANDLERS] = load_handlers(row[_HANDLERS])
    values[_REFUSED] = load_names(row[_REFUSED])
    values[_RUNNING] = load_names(row[_RUNNING])
    values[_ANSWER] = load_answer(row[_ANSWER])
    return EventRecord._make(values)


def row_of(record: EventRecord) -> list[Any]:
    """Give the values of an event, in the order of ``COLUMNS``."""
    values: list[Any] = list(record)
    values[_HANDLERS] = dump_handlers(record.handlers)
    values[_REFUSED] = dump_names(record.refused)
    values[_RUNNING] = dump_names(record.running)
    values[_ANSWER] = dump_answer(record.answer)
    return values


def value_of(record: EventRecord, column: str) -> Any:
    """Give the value of one column."""
    value = getattr(record, column)
    dump = _DUMPERS.get(column)
    return value if dump is None else dump(value)


def changed(old: EventRecord, new: EventRecord) -> tuple[str, ...]:
    """Name the columns in which they differ, but for the revision."""
    return tuple(name for name in MUTABLE if getattr(old, name) != getattr(new, name))


def key_of(row: Sequence[Any]) -> KeyRecord:
    """Read a key row: scope, kind, key, holder, newest, revision."""
    scope, kind, key, holder, newest, revision = row
    return KeyRecord(KeyId(scope, kind, key), holder, newest, revision)
