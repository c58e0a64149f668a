"""
The operations that read.

Indexes are some moments behind. So what they name is looked up in the table itself, as it
is now, before it is told; an order key's waiting events have no index.
"""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from stripe_events.errors import StoreError
from stripe_events.storage._dynamodb._items import event_of, key_of
from stripe_events.storage._dynamodb._names import PARKED, seen_at
from stripe_events.storage._dynamodb._values import attribute, sortable
from stripe_events.storage._queries import is_due, matches, waiting_since
from stripe_events.storage._records import KeyId, KeyRecord
from stripe_events.storage._transitions import FORGET_FLOOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stripe_events.storage._dynamodb._calling import Table
    from stripe_events.storage._dynamodb._names import Names
    from stripe_events.storage._dynamodb._values import Item
    from stripe_events.storage._operations import (
        ReadDue,
        ReadEvent,
        ReadKeys,
        ReadList,
        ReadParked,
    )
    from stripe_events.storage._records import EventRecord

_PAGE: Final = 100
_LONG_PAGE: Final = 1_000
"""Of an index, whose entries are a fraction of an event."""

_TRIES: Final = 20
_ALWAYS: Final = "g"
"""After all that ``sortable`` gives."""


class Reads:
    """What the table and its indexes say."""

    def __init__(
        self, table: Table, names: Names, clock: Callable[[], float], *, expiring: bool
    ) -> None:
        """Take where to read; ``expiring``: settled events go by themselves."""
        self._table = table
        self._names = names
        self._clock = clock
        self._expiring = expiring

    def event(self, asked: ReadEvent) -> tuple[float, EventRecord | None]:
        """Perform ``ReadEvent``."""
        item = self._table.get(self._names.event(*asked))
        return self._clock(), None if item is None else event_of(item)

    def keys(self, asked: ReadKeys) -> list[KeyRecord | None]:
        """Perform ``ReadKeys``."""
        items = self._table.get_all(map(self._names.key, asked.ids))
        return [
            self._key(key, None if item is None else key_of(key, item))
            for key, item in zip(asked.ids, items, strict=True)
        ]

    def _key(self, key: KeyId, record: KeyRecord | None) -> KeyRecord | None:
        if key.kind != "forgotten" or not self._expiring:
            return record
        # Whatever has expired was created before this moment, so the watermark is here.
        newest = self._clock() - FORGET_FLOOR
        if record is None:
            return KeyRecord(key, newest=newest, revision=0)
        return record._replace(newest=max(newest, record.newest or newest))

    def parked(self, asked: ReadParked) -> EventRecord | None:
        """Perform ``ReadParked``."""
        key = self._names.key(KeyId(asked.scope, "order", asked.order_key))
        for _ in range(_TRIES):
            found = self._table.call(
                "query",
                KeyConditionExpression="pk = :pk AND begins_with(sk, :parked)",
                ExpressionAttributeValues={":pk": key["pk"], ":parked": attribute(PARKED)},
                ConsistentRead=True,
                Limit=1,
            )["Items"]
            if not found:
                return None
            item = self._table.get(self._names.event(asked.scope, found[0]["id"]["S"]))
            record = None if item is None else event_of(item)
            if record is not None and record.state == "parked":
                return record  # else a transaction took it between the two looks
        raise StoreError(f"the events that wait for {asked.order_key!r} change too fast")

    def due(self, asked: ReadDue) -> tuple[float, list[EventRecord]]:
        """Perform ``ReadDue``."""
        now = self._clock()
        entries = self._waiting(asked.scope, now, asked.limit)
        found = self._found(entries, asked.limit, lambda record: is_due(record, now))
        return now, sorted(found, key=waiting_since)

    def _listed(self, asked: ReadList, now: float) -> Iterable[Item]:
        """Give entries for what may be meant, oldest first: as few as the query allows."""
        scope, query = asked.scope, asked.query
        low = "" if asked.after is None else seen_at(*asked.after)
        if query.ids:
            return [self._names.event(scope, one) for one in sorted(query.ids)]
        if query.overdue is not None:
            late = self._waiting(scope, now - query.overdue, _LONG_PAGE)
            return sorted((one for one in late if one["seen"]["S"] >= low), key=_seen)
        high = _ALWAYS if query.seen_before is None else sortable(query.seen_before) + _ALWAYS
        return self._seen(scope, low or "0", high, asked.limit)

    def _waiting(self, scope: str, until: float, limit: int) -> Iterator[Item]:
        """Give entries of what can be claimed since then, those that wait for longest first."""
        condition = "#shard = :shard AND #at <= :until"
        values = {":until": attribute(until)}
        return heapq.merge(*self._parts("waiting", scope, condition, values, limit), key=_since)

    def _seen(self, scope: str, low: str, high: str, limit: int) -> Iterator[Item]:
        """Give entries of what was first seen between two places, bounds included."""
        if low > high:
            return iter(())
        condition = "#shard = :shard AND #at BETWEEN :low AND :high"
        values = {":low": attribute(low), ":high": attribute(high)}
        return heapq.merge(*self._parts("seen", scope, condition, values, limit), key=_seen)

    def _parts(
        self, index: str, scope: str, condition: str, values: Item, limit: int
    ) -> Iterator[Iterator[Item]]:
        """Give the entries of each partition of an index."""
        for shard in self._names.shards(scope):
            yield self._entries(
                IndexName=index,
                KeyConditionExpression=condition,
                ExpressionAttributeNames={"#shard": "shard", "#at": index},
                ExpressionAttributeValues={**values, ":shard": attribute(shard)},
                Limit=min(limit, _LONG_PAGE),
            )

    def _entries(self, **query: Any) -> Iterator[Item]:
        for page in self._table.pages(**query):
            yield from page

    def _found(
        self, entries: Iterable[Item], limit: int, is_meant: Callable[[EventRecord], bool]
    ) -> list[EventRecord]:
        """Give those records that are meant, as they are now."""
        found: dict[str, EventRecord] = {}  # an entry may move on while others are read
        rest, size = iter(entries), min(limit, _PAGE)
        while len(found) < limit and (batch := list(islice(rest, size))):
            items = self._table.get_all({"pk": one["pk"], "sk": one["sk"]} for one in batch)
            records = [event_of(item) for item in items if item is not None]
            found.update((record.id, record) for record in records if is_meant(record))
            size = min(2 * size, _PAGE)
        return list(found.values())[:limit]

    # Last: below it, `list` is this method and no longer the builtin.
    def list(self, asked: ReadList) -> tuple[float, list[EventRecord]]:
        """Perform ``ReadList``."""
        now = self._clock()

        def is_meant(record: EventRecord) -> bool:
            follows = asked.after is None or (record.first_seen, record.id) > asked.after
            return follows and matches(asked.query, record, now)

        at_most = max(asked.limit, len(asked.query.ids))  # ids tell nothing of the order
        found = self._found(self._listed(asked, now), at_most, is_meant)
        return now, sorted(found, key=_age)[: asked.limit]


def _age(record: EventRecord) -> tuple[float, str]:
    return record.first_seen, record.id


def _since(entry: Item) -> float:
    return float(entry["waiting"]["N"])


def _seen(entry: Item) -> str:
    return str(entry["seen"]["S"])
