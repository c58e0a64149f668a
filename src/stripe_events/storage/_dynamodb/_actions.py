"""
Changes as conditional writes of items, each as DynamoDB's transactions have it; pure.

Every item says by which write it came to be (``stamp``). A write that is repeated, because
its answer was lost, and meets its own stamp was made by its first try.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from stripe_events.storage._dynamodb._items import event_item, key_item
from stripe_events.storage._dynamodb._values import attribute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stripe_events.storage._dynamodb._names import Names
    from stripe_events.storage._dynamodb._values import Item
    from stripe_events.storage._operations import Change, KeyChange
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Claim

Action: TypeAlias = tuple[str, dict[str, Any]]
"""``Put``, ``Update`` or ``Delete``, and its parameters but for the table."""

_ABSENT = {
    "ConditionExpression": "attribute_not_exists(pk)",
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}


def of_change(names: Names, change: Change, extra: Item) -> Iterator[Action]:
    """
    Give what changes an event, and the row by which it waits for its order key.

    ``extra``: attributes besides those of the record: the stamp, a new event's payload, and
    when a settled one expires.
    """
    old, new = change
    if new is not None:
        key = names.event(new.scope, new.id)
        if old is None:
            yield "Put", {"Item": {**key, **event_item(names, new), **extra}, **_ABSENT}
        else:
            new = new._replace(revision=old.revision + 1)
            before, after = event_item(names, old), {**event_item(names, new), **extra}
            yield "Update", {"Key": key, **_update(before, after, erased=new.erased)}
    elif old is not None:
        yield "Delete", {"Key": names.event(old.scope, old.id), **_unchanged(old.revision)}
    yield from _of_waiting(names, old, new)


def of_key_change(names: Names, change: KeyChange, stamp: Item) -> Action:
    """Give what changes a row that events share; a revision of 0 is absence."""
    key = names.key(change.new.id)
    revision = 0 if change.old is None else change.old.revision
    item = {**key, **key_item(change.new, revision + 1), **stamp}
    return "Put", {"Item": item, **(_unchanged(revision) if revision else _ABSENT)}


def of_extension(names: Names, claim: Claim, until: float) -> dict[str, Any]:
    """Give the parameters of an update that lets a lease end later, if the claim is valid."""
    return {
        "Key": names.event(claim.scope, claim.id),
        "UpdateExpression": "SET #lease_until = :until, #waiting = :until ADD #revision :one",
        "ConditionExpression": "#state = :claimed AND #token = :token AND #claim_id = :claim_id",
        "ExpressionAttributeNames": {
            f"#{name}": name
            for name in ("lease_until", "waiting", "revision", "state", "token", "claim_id")
        },
        "ExpressionAttributeValues": {
            ":until": attribute(until),
            ":one": attribute(1),
            ":claimed": attribute("claimed"),
            ":token": attribute(claim.token),
            ":claim_id": attribute(claim.claim_id),
        },
    }


def expiring(piece: Item, expires: Item) -> Action:
    """Give what lets a piece of a payload expire with its event, or stay as long as it."""
    values = {"ExpressionAttributeValues": {":expires": expires["expires"]}} if expires else {}
    return "Update", {
        "Key": piece,
        "UpdateExpression": "SET #expires = :expires" if expires else "REMOVE #expires",
        "ExpressionAttributeNames": {"#expires": "expires"},
        **values,
    }


def _update(before: Item, after: Item, *, erased: bool) -> dict[str, Any]:
    put = {name: value for name, value in after.items() if before.get(name) != value}
    # What was there may have been written with another setting.
    gone = sorted({*before, "expires"} - after.keys()) + ["payload", "pieces"] * erased
    sets = ", ".join(f"#{name} = :{name}" for name in put)
    removes = ", ".join(f"#{name}" for name in gone)
    return {
        "UpdateExpression": f"SET {sets}" + (f" REMOVE {removes}" if gone else ""),
        # Revisions repeat after a restore or a forget, claims do not.
        "ConditionExpression": "#revision = :before AND #claim_id = :claimed_by",
        "ExpressionAttributeNames": {f"#{name}": name for name in (*put, *gone, "claim_id")},
        "ExpressionAttributeValues": {
            ":before": before["revision"],
            ":claimed_by": before["claim_id"],
            **{f":{name}": value for name, value in put.items()},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _unchanged(revision: int) -> dict[str, Any]:
    return {
        "ConditionExpression": "#revision = :before",
        "ExpressionAttributeNames": {"#revision": "revision"},
        "ExpressionAttributeValues": {":before": attribute(revision)},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _of_waiting(names: Names, old: EventRecord | None, new: EventRecord | None) -> Iterator[Action]:
    waited = old is not None and old.state == "parked"
    waits = new is not None and new.state == "parked"
    if new is not None and waits and not waited:
        yield "Put", {"Item": {**names.parked(new), "id": attribute(new.id)}}
    if old is not None and waited and not waits:
        yield "Delete", {"Key": names.parked(old)}
