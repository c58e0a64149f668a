"""The operations that write."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from stripe_events.errors import StoreError
from stripe_events.storage._dynamodb._actions import (
    expiring,
    of_change,
    of_extension,
    of_key_change,
)
from stripe_events.storage._dynamodb._errors import DoesNotHold
from stripe_events.storage._dynamodb._payloads import MOST_PIECES
from stripe_events.storage._dynamodb._values import attribute, text
from stripe_events.storage._operations import Write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stripe_events.storage._dynamodb._actions import Action
    from stripe_events.storage._dynamodb._calling import Table
    from stripe_events.storage._dynamodb._names import Names
    from stripe_events.storage._dynamodb._payloads import Payloads
    from stripe_events.storage._dynamodb._values import Item
    from stripe_events.storage._operations import Change, ExtendLeases, WriteEach
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Claim

_CALLS: Final = {"Put": "put_item", "Update": "update_item"}
_MOST: Final = 100
"""How many items a transaction takes."""


class TooManyError(StoreError):
    """Say that a write is of more items than one transaction takes; nothing was written."""


class Writes:
    """Conditional writes: one item by itself, several in a transaction."""

    def __init__(
        self,
        table: Table,
        names: Names,
        payloads: Payloads,
        clock: Callable[[], float],
        forget_after: float | None,
    ) -> None:
        """Take where to write, and when settled events expire."""
        self._table = table
        self._names = names
        self._payloads = payloads
        self._clock = clock
        self._forget_after = forget_after

    def write(self, write: Write) -> bool:
        """Perform ``Write``."""
        if not write.changes and not write.keys:
            return True
        name = uuid4().hex
        stamp = {"stamp": attribute(name)}
        new = write.changes[0].new if write.changes else None
        if new is None or write.payload is None:
            return self._commit(self._actions(write, stamp, {}), name)
        payload = self._payloads.put(new, write.payload, name)
        made = self._commit(self._actions(write, stamp, payload), name)
        if not made:
            with suppress(StoreError):
                self._payloads.discard(new, payload)
        return made

    def write_each(self, write: WriteEach) -> tuple[bool, ...]:
        """Perform ``WriteEach``, one after another."""
        return tuple(self.write(Write((change,))) for change in write.changes)

    def extend(self, extend: ExtendLeases) -> list[Claim]:
        """Perform ``ExtendLeases``, one after another."""
        return [claim for claim in extend.claims if not self._extended(claim, extend.seconds)]

    def _extended(self, claim: Claim, seconds: float) -> bool:
        try:
            until = self._clock() + seconds
            self._table.call("update_item", **of_extension(self._names, claim, until))
        except DoesNotHold:
            return False
        return True

    def _actions(self, write: Write, stamp: Item, payload: Item) -> list[Action]:
        actions = [of_key_change(self._names, key, stamp) for key in write.keys]
        for change in write.changes:
            extra = {**stamp, **payload, **self._expires(change.new)}
            actions += of_change(self._names, change, extra)
            payload = {}
        pieces = list(self._of_pieces(write.changes))
        if len(actions) > _MOST - MOST_PIECES or len(pieces) > MOST_PIECES:
            raise TooManyError(f"no transaction takes {len(write.changes)} events with payloads")
        return [*actions, *pieces]

    def _expires(self, record: EventRecord | None) -> Item:
        """Give when a done event may be deleted: as ``forget`` would, or later."""
        if self._forget_after is None or record is None or record.state != "done":
            return {}
        last = max(record.created, record.last_seen)
        return {"expires": attribute(math.ceil(last + self._forget_after))}

    def _of_pieces(self, changes: Sequence[Change]) -> Iterator[Action]:
        """Give what becomes of the pieces of payloads together with their events."""
        meant = [change for change in changes if self._concerns_pieces(change)]
        if not meant:
            return
        keys = [self._names.event(one.scope, one.id) for one, _ in meant if one is not None]
        for (old, new), item in zip(meant, self._table.get_all(keys), strict=True):
            if old is None or item is None or "pieces" not in item:
                continue
            pieces = self._payloads.pieces(old.scope, old.id, item)
            if new is None or new.erased:
                self._payloads.sweep(old, item)
                yield from (("Delete", {"Key": key}) for key in pieces)
            else:
                yield from (expiring(key, self._expires(new)) for key in pieces)

    def _concerns_pieces(self, change: Change) -> bool:
        old, new = change
        if old is None or old.erased:
            return False
        expires = self._forget_after is not None and new is not None and new.state == "done"
        return new is None or new.erased or old.state == "done" or expires

    def _commit(self, actions: list[Action], name: str) -> bool:
        try:
            if len(actions) == 1 and actions[0][0] in _CALLS:
                kind, parameters = actions[0]
                self._table.call(_CALLS[kind], **parameters)
            else:
                self._transact(actions, name)
        except DoesNotHold as answer:
            return any(text(item, "stamp") == name for item in answer.found)
        return True

    def _transact(self, actions: list[Action], name: str) -> None:
        items: list[Any] = [
            {kind: {"TableName": self._table.name, **parameters}} for kind, parameters in actions
        ]
        self._table.call_plainly(
            "transact_write_items", TransactItems=items, ClientRequestToken=name
        )
