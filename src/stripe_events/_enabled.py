"""Which event types an endpoint must be subscribed to for a set of handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events import catalogue

if TYPE_CHECKING:
    from stripe_events._registry import Handler, Kind, Selector


def enabled_events(handlers: tuple[Handler, ...], kind: Kind) -> list[str]:
    """
    Give the types, sorted; ``["*", ...]`` if a handler takes every event.

    ``*`` does not cover types that Stripe sends only when they are named, so
    those follow it, and those not known to be covered. Retired types are left
    out: Stripe refuses them.
    """
    entries = {entry.type: entry for entry in catalogue.entries(kind=kind)}
    wanted = {type_ for handler in handlers for type_ in _types(handler.selector, kind, entries)}
    wanted -= {type_ for type_, entry in entries.items() if entry.retired}
    if not any(handler.selector is None and not handler.is_fallback for handler in handlers):
        return sorted(wanted)
    return ["*", *sorted(t for t in wanted if t not in entries or entries[t].selection_required)]


def _types(selector: Selector | None, kind: Kind, known: dict[str, catalogue.Entry]) -> set[str]:
    if selector is None:
        return set()
    return {type_ for type_ in known if selector.selects(kind, type_)} | selector.types(kind)
