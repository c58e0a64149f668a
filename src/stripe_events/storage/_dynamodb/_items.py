"""Records as items, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stripe_events.storage._dynamodb._names import seen_at
from stripe_events.storage._dynamodb._values import (
    attribute,
    attributes,
    number,
    packed,
    text,
    unpacked,
)
from stripe_events.storage._json import (
    dump_answer,
    dump_handlers,
    dump_names,
    load_answer,
    load_handlers,
    load_names,
)
from stripe_events.storage._queries import waiting_since
from stripe_events.storage._records import EventRecord, KeyRecord

if TYPE_CHECKING:
    from stripe_events.storage._dynamodb._names import Names
    from stripe_events.storage._dynamodb._values import Item
    from stripe_events.storage._records import KeyId

_TEXTS: Final = ("scope", "id", "type", "account", "order_key", "state", "lane", "claim_id")
_COUNTS: Final = ("token", "abandoned", "generation", "revision")
_TIMES: Final = ("created", "first_seen", "last_seen", "due", "lease_until")
_FLAGS: Final = ("livemode", "out_of_order", "erased")
_NONE: Final = "[]"


def event_item(names: Names, record: EventRecord) -> Item:
    """Give the attributes of an event, and by what the indexes find it; not its key."""
    waiting = waiting_since(record)
    values: dict[str, Any] = record._asdict()
    values.update(
        handlers=packed(dump_handlers(record.handlers)),
        refused=_dumped(record.refused),
        running=_dumped(record.running),
        answer=packed(dump_answer(record.answer)),
        shard=names.shard_of(record.scope, record.id),
        seen=seen_at(record.first_seen, record.id),
        waiting=None if waiting == float("inf") else waiting,
    )
    return attributes(values)


def event_of(item: Item) -> EventRecord:
    """Read an event."""
    values: dict[str, Any] = {name: text(item, name) for name in _TEXTS}
    values.update({name: int(item[name]["N"]) for name in _COUNTS})
    values.update({name: number(item, name) for name in _TIMES})
    values.update({name: item[name]["BOOL"] for name in _FLAGS if name in item})
    return EventRecord(
        handlers=load_handlers(unpacked(item, "handlers") or _NONE),
        refused=load_names(unpacked(item, "refused") or _NONE),
        running=load_names(unpacked(item, "running") or _NONE),
        answer=load_answer(unpacked(item, "answer")),
        **values,
    )


def key_item(record: KeyRecord, revision: int) -> Item:
    """Give the attributes of a row that events share; not its key."""
    item = attributes({"holder": record.holder, "newest": record.newest})
    return {**item, "revision": attribute(revision)}


def key_of(key: KeyId, item: Item) -> KeyRecord:
    """Read such a row."""
    return KeyRecord(key, text(item, "holder"), number(item, "newest"), int(item["revision"]["N"]))


def _dumped(names: tuple[str, ...]) -> str | bytes | None:
    return packed(dump_names(names)) if names else None
