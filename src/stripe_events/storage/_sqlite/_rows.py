"""Records as rows of a table, and back."""

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
from stripe_events.storage._records import EventRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS: Final = EventRecord._fields
FIXED: Final = COLUMNS.index("last_seen")
"""How many columns, from the first on, never change: writes leave their indexes alone."""

_LIVEMODE = COLUMNS.index("livemode")
_HANDLERS = COLUMNS.index("handlers")
_OUT_OF_ORDER = COLUMNS.index("out_of_order")


def dumped(record: EventRecord) -> tuple[Any, ...]:
    """Give the values of ``COLUMNS``."""
    return (
        *record[:_HANDLERS],
        dump_handlers(record.handlers),
        dump_names(record.refused),
        dump_names(record.running),
        dump_answer(record.answer),
        *record[_OUT_OF_ORDER:],
    )


def loaded(row: Sequence[Any]) -> EventRecord:
    """Give the record of these values of ``COLUMNS``."""
    handlers, refused, running, answer, out_of_order, erased, revision = row[_HANDLERS:]
    return EventRecord._make(
        (
            *row[:_LIVEMODE],
            bool(row[_LIVEMODE]),
            *row[_LIVEMODE + 1 : _HANDLERS],
            load_handlers(handlers),
            load_names(refused),
            load_names(running),
            load_answer(answer),
            bool(out_of_order),
            bool(erased),
            revision,
        )
    )
