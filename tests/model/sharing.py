"""What must hold of events that share a key: order, snapshots that overtake, the watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.search import Violated, require

if TYPE_CHECKING:
    from stripe_events.storage._records import EventRecord, KeyRecord
    from tests.model.ledgers import Ledger
    from tests.model.settings import Setting
    from tests.model.worlds import World

HEADS = ("pending", "claimed", "failed")


def check(ledger: Ledger) -> None:
    """Check the heads of all order keys."""
    for key in ledger.keys:
        if key.id.kind == "order":
            _check_head(ledger, key)


def _check_head(ledger: Ledger, key: KeyRecord) -> None:
    ours = [one for one in ledger.events if one.order_key == key.id.key]
    heads = [one.id for one in ours if one.state in HEADS]
    parked = [one.id for one in ours if one.state == "parked"]
    require(len(heads) <= 1, f"{' and '.join(heads)} are at the head of one key")
    holder = heads[0] if heads else None
    require(key.holder == holder, f"the key is held by {key.holder}, its head is {holder}")
    require(heads or not parked, f"the key is free, and {', '.join(parked)} still parked")


def followed(setting: Setting, before: Ledger, world: World) -> World:
    """
    Remember the newest event that was done in each order, and of each group.

    Raises:
        Violated: a group's transaction was committed after one of a newer snapshot, or
            an event became the head of its key out of turn.
    """
    newest = dict(world.newest)
    groups = dict(setting.stale)
    for new in world.ledger.events:
        old = before.event(new.id)
        if old is not None and old is not new:
            _remember_success(setting, groups, newest, old, new)
        if new.order_key and new.state == "done":
            _remember(newest, f"order {new.order_key}", new.created)
    for new in world.ledger.events:
        old = before.event(new.id)
        if new.order_key and new.state in HEADS and (old is None or old.state not in HEADS):
            _check_turn(world.ledger, newest, old, new)
    return world._replace(newest=tuple(sorted(newest.items())))


def _remember_success(
    setting: Setting,
    groups: dict[str, str],
    newest: dict[str, float],
    old: EventRecord,
    new: EventRecord,
) -> None:
    for one, other in zip(old.handlers, new.handlers, strict=False):
        group = groups.get(one.name)
        if group is None or one.outcome == other.outcome or other.outcome != "succeeded":
            continue
        overtaken = newest.get(group, 0.0) > new.created
        if overtaken and one.name in setting.transactional:
            raise Violated(f"{new.id}.{one.name} was committed over a newer snapshot")
        _remember(newest, group, new.created)


def _remember(newest: dict[str, float], name: str, created: float) -> None:
    newest[name] = max(newest.get(name, 0.0), created)


def _check_turn(
    ledger: Ledger, newest: dict[str, float], old: EventRecord | None, new: EventRecord
) -> None:
    late = newest.get(f"order {new.order_key}", 0.0) > new.created
    require(new.out_of_order == late, f"{new.id} is {'' if late else 'not '}out of order, unmarked")
    if old is None or old.state != "parked":
        return
    for other in ledger.events:
        if other.order_key == new.order_key and other.state == "parked":
            require(_position(new) <= _position(other), f"{new.id} goes before {other.id}")


def _position(record: EventRecord) -> tuple[float, float, str]:
    return record.created, record.first_seen, record.id
