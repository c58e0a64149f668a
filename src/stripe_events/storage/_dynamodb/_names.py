"""
Where things are in the table: the keys of its items, and of the entries of its indexes.

An event and the pieces of a payload that is too large for it have one partition key, an
order key's row and those of the events that wait for it another one. Entries of indexes
are spread over a few partitions of each scope, because one takes a thousand writes a
second at most.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from stripe_events.storage._dynamodb._values import Item, sortable
from stripe_events.storage._records import KeyId

if TYPE_CHECKING:
    from stripe_events.storage._records import EventRecord

SHARDS: Final = 4
"""A number that all processes must agree on: it never changes."""

PIECE: Final = "payload#"
PARKED: Final = "parked#"


class Names:
    """The keys of a ledger whose partition keys begin with ``prefix``."""

    def __init__(self, prefix: str) -> None:
        """Take what keeps several ledgers in a table apart."""
        self._prefix = _quoted(prefix)

    def event(self, scope: str, event_id: str) -> Item:
        """Give the key of an event."""
        return _key(self._event(scope, event_id), "event")

    def piece(self, scope: str, event_id: str, name: str, number: int) -> Item:
        """Give the key of a part of an event's payload; ``name`` is that of the whole."""
        return _key(self._event(scope, event_id), f"{PIECE}{name}#{number:04}")

    def key(self, key: KeyId) -> Item:
        """Give the key of a row that events share."""
        return _key(self._shared(key), "key")

    def parked(self, record: EventRecord) -> Item:
        """Give the key of the row by which an event waits: (created, first_seen, id)."""
        order = KeyId(record.scope, "order", record.order_key or "")
        place = f"{PARKED}{sortable(record.created)}{sortable(record.first_seen)}{record.id}"
        return _key(self._shared(order), place)

    def shard_of(self, scope: str, event_id: str) -> str:
        """Give the partition of both indexes in which an event is."""
        return self.shards(scope)[zlib.crc32(event_id.encode()) % SHARDS]

    def shards(self, scope: str) -> tuple[str, ...]:
        """Give all partitions of a scope."""
        return tuple(f"{self._prefix}#index#{_quoted(scope)}#{n}" for n in range(SHARDS))

    def _event(self, scope: str, event_id: str) -> str:
        return f"{self._prefix}#event#{_quoted(scope)}#{event_id}"

    def _shared(self, key: KeyId) -> str:
        return f"{self._prefix}#{key.kind}#{_quoted(key.scope)}#{key.key}"


def seen_at(first_seen: float, event_id: str) -> str:
    """Give the place of an event in the list of all."""
    return sortable(first_seen) + event_id


def _key(partition: str, place: str) -> Item:
    partition.encode()  # refuses half of a character, which botocore would send
    return {"pk": {"S": partition}, "sk": {"S": place}}


def _quoted(part: str) -> str:
    """Keep the parts of a key apart; the last one may hold anything."""
    return part.replace("%", "%25").replace("#", "%23")
