"""
Payloads: compressed, in the event's item if that stays small, else in items beside it.

Those are written before the event is, under a name that is new each time: until an event
names them nobody looks at them. They go in the transaction in which the event is erased or
forgotten, and shortly before it what a process left behind that died before it wrote the
event. Such an event comes again, for it was not acknowledged.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from stripe_events.errors import StoreError
from stripe_events.storage._dynamodb._names import PIECE
from stripe_events.storage._dynamodb._values import Item, attribute, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stripe_events.storage._dynamodb._calling import Table
    from stripe_events.storage._dynamodb._names import Names
    from stripe_events.storage._records import EventRecord

_INLINE: Final = 3_000
"""Bytes in the event's own item, each write of which costs as much as all of it is large."""

_PIECE_BYTES: Final = 380_000
MOST_PIECES: Final = 10
"""An item has 400 kB at most, and a transaction 4 MB."""


def fits(payload: bytes) -> bool:
    """Tell whether a payload needs no items of its own."""
    return len(zlib.compress(payload)) <= _INLINE


class Payloads:
    """The payloads of the events in a table."""

    def __init__(self, table: Table, names: Names) -> None:
        """Take where they are."""
        self._table = table
        self._names = names

    def put(self, record: EventRecord, payload: bytes, name: str) -> Item:
        """Write what is too large for the event's item, and give what belongs into that."""
        compressed = zlib.compress(payload)
        if len(compressed) <= _INLINE:
            return {"payload": attribute(compressed)}
        parts = [
            compressed[start : start + _PIECE_BYTES]
            for start in range(0, len(compressed), _PIECE_BYTES)
        ]
        if len(parts) > MOST_PIECES:
            raise StoreError(f"the payload of {record.id} is too large for DynamoDBStore")
        pieces = {"pieces": attribute(f"{name}:{len(parts)}")}
        for key, part in zip(self.pieces(record.scope, record.id, pieces), parts, strict=True):
            self._table.call("put_item", Item={**key, "part": attribute(part)})
        return pieces

    def discard(self, record: EventRecord, item: Item) -> None:
        """
        Delete what was written for an event that somebody else wrote first.

        It stays where the event names it: then the write was made, but its answer got lost,
        and others have changed the event since.
        """
        if "pieces" not in item:
            return
        there = self._table.get(self._names.event(record.scope, record.id))
        if there is not None and there.get("pieces") != item["pieces"]:
            for key in self.pieces(record.scope, record.id, item):
                self._table.call("delete_item", Key=key)

    def get(self, scope: str, ids: Sequence[str]) -> Iterator[bytes | None]:
        """Give payloads in the order of their events; None for what is not there."""
        items = self._table.get_all(self._names.event(scope, one) for one in ids)
        for event_id, item in zip(ids, items, strict=True):
            if item is None:
                yield None
            elif "payload" in item:
                yield zlib.decompress(item["payload"]["B"])
            else:
                parts = self._table.get_all(self.pieces(scope, event_id, item))
                yield _joined(parts)

    def pieces(self, scope: str, event_id: str, item: Item) -> list[Item]:
        """Give the keys of the pieces that an event's item names."""
        name, _, count = (text(item, "pieces") or ":0").partition(":")
        return [self._names.piece(scope, event_id, name, one) for one in range(int(count))]

    def sweep(self, record: EventRecord, item: Item) -> None:
        """
        Delete the pieces beside a settled event that its item does not name.

        Whoever wrote them had looked before, and found no event. If there is still one, and
        it is the same, the rest of that write is refused.
        """
        named = self.pieces(record.scope, record.id, item)
        orphans = [key for key in self._beside(record) if key not in named]
        if not orphans:
            return
        now = self._table.get(self._names.event(record.scope, record.id))
        if now is not None and now.get("pieces") == item["pieces"]:
            for key in orphans:
                self._table.call("delete_item", Key=key)

    def _beside(self, record: EventRecord) -> list[Item]:
        """Give the keys of all pieces beside an event."""
        partition = self._names.event(record.scope, record.id)["pk"]
        pages = self._table.pages(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :piece)",
            ExpressionAttributeValues={":pk": partition, ":piece": attribute(PIECE)},
            ProjectionExpression="pk, sk",
            ConsistentRead=True,
        )
        return [key for page in pages for key in page]


def _joined(parts: list[Item | None]) -> bytes | None:
    whole = [part["part"]["B"] for part in parts if part is not None]
    return zlib.decompress(b"".join(whole)) if whole and len(whole) == len(parts) else None
