"""Which events must follow one another: order keys, and groups that skip stale snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from stripe_events._event import AnyEvent, Event
from stripe_events._registry import account_of
from stripe_events.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OrderBy: TypeAlias = "Literal['object'] | Callable[[AnyEvent], str | None]"
"""``"object"``, or a function that gives an event's key; None for events without order."""


def order_key(order_by: OrderBy, event: AnyEvent) -> str | None:
    """
    Give the key of the events that this one must not overtake; None if it has none.

    An empty one is none, too.

    Raises:
        UsageError: the function gave neither text nor None; what it raises is raised.
    """
    if order_by == "object":
        return object_key(event)
    key = cast("object", order_by(event))
    if key is None or isinstance(key, str):
        return key or None
    msg = f"order_by= gives an event's key as text, or None, not {key!r}"
    raise UsageError(msg)


def stale_key(group: str, event: AnyEvent) -> str | None:
    """Give the key under which a group remembers the newest snapshot of the event's object."""
    key = object_key(event)
    return None if key is None else f"{group} {key}"


def object_key(event: AnyEvent) -> str | None:
    """Give what names the object that an event is about, in its account; None if it has no id."""
    object_id = _object_id(event)
    return None if object_id is None else f"{account_of(event) or ''}/{object_id}"


def _object_id(event: AnyEvent) -> str | None:
    if isinstance(event, Event):
        data: Mapping[str, Any] = event.payload["data"].get("object") or {}
        found: object = data.get("id")
        return found if isinstance(found, str) else None
    related = event.related_object
    return None if related is None else related.id
