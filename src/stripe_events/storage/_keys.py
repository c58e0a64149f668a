"""
What several events share: the head of an order key, the newest snapshot, the watermark; pure.

Whoever changes what a key row says, or relies on it, writes it with its revision, so
that two events of one key never decide at the same time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.storage._operations import Change, KeyChange
from stripe_events.storage._records import KeyId, KeyRecord
from stripe_events.storage._table import target

if TYPE_CHECKING:
    from stripe_events.storage._records import EventRecord


def order_id(scope: str, order_key: str) -> KeyId:
    """Give the id of an order key's row."""
    return KeyId(scope, "order", order_key)


def stale_id(scope: str, stale_key: str) -> KeyId:
    """Give the id of the row that holds the newest snapshot of a group and object."""
    return KeyId(scope, "stale", stale_key)


def watermark_id(scope: str) -> KeyId:
    """Give the id of the row that says up to when events were forgotten."""
    return KeyId(scope, "forgotten", "")


def is_older(created: float, key: KeyRecord | None) -> bool:
    """Tell whether an event was created before the newest one that the row knows."""
    return key is not None and key.newest is not None and created < key.newest


def is_forgotten(created: float, watermark: KeyRecord | None) -> bool:
    """Tell whether an absent event may be one of those that were forgotten."""
    return watermark is not None and watermark.newest is not None and created <= watermark.newest


def is_held(key: KeyRecord | None, event_id: str) -> bool:
    """Tell whether another event is the head of an order key."""
    return key is not None and key.holder not in (None, event_id)


def entered(key: KeyRecord | None, key_id: KeyId, event_id: str) -> KeyChange:
    """Make an event the head of a free key; of one that is held, only say that it waits."""
    old = key or KeyRecord(key_id)
    return KeyChange(key, old._replace(holder=old.holder or event_id))


def handed_on(
    key: KeyRecord, record: EventRecord, successor: EventRecord | None
) -> tuple[KeyChange, tuple[Change, ...]]:
    """
    Let the first that is parked follow the head that was settled.

    A successor of the inline lane keeps its due time: Stripe's next delivery runs it.
    """
    newest = key.newest
    if record.state == "done":
        newest = record.created if newest is None else max(newest, record.created)
    holder = None if successor is None else successor.id
    change = KeyChange(key, key._replace(holder=holder, newest=newest))
    if successor is None:
        return change, ()
    late = successor.out_of_order or is_older(successor.created, change.new)
    promoted = successor._replace(state=target("finish", "parked", "key free"), out_of_order=late)
    return change, (Change(successor, promoted),)


def raised(key: KeyRecord | None, key_id: KeyId, created: float) -> KeyChange:
    """Let a row know of an event at least as new as any before."""
    old = key or KeyRecord(key_id)
    newest = created if old.newest is None else max(created, old.newest)
    return KeyChange(key, old._replace(newest=newest))
