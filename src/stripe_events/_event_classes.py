"""
From an event type to its generated class, importing only the family that it is in.

This module holds the logic of the two generated packages, which hold none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from stripe_events._event_index import SNAPSHOT_CLASSES, THIN_CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stripe_events._event import Event, EventNotification

__all__ = ["event_class", "lazy_names", "notification_class"]

_events: dict[str, type[Event[Any]]] = {}
_notifications: dict[str, type[EventNotification[Any, Any]]] = {}


def event_class(type_: str) -> type[Event[Any]] | None:
    """Give the class of a snapshot type; None for a type that this release does not know."""
    found = _events.get(type_)
    if found is None and type_ in SNAPSHOT_CLASSES:
        found = _events[type_] = _load("stripe_events.events", SNAPSHOT_CLASSES[type_])
    return found


def notification_class(type_: str) -> type[EventNotification[Any, Any]] | None:
    """Give the class of a thin type; None for a type that this release does not know."""
    found = _notifications.get(type_)
    if found is None and type_ in THIN_CLASSES:
        place = THIN_CLASSES[type_]
        found = _notifications[type_] = _load("stripe_events.notifications", place)
    return found


def lazy_names(
    package: str, index: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """
    Give the ``__getattr__`` and ``__dir__`` of a package of generated classes.

    A class is kept in the package once it was asked for, so that each is looked
    up once.

    Args:
        package: its full name.
        index: from event types to ``module:class`` in it.
    """
    places = {place.partition(":")[2]: place for place in index.values()}

    def __getattr__(name: str) -> Any:  # noqa: N807 (the package's own)
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = _load(package, places[name])
        setattr(import_module(package), name, found)
        return found

    def __dir__() -> list[str]:  # noqa: N807 (the package's own)
        return sorted(places)

    return __getattr__, __dir__


def _load(package: str, place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"{package}.{module}"), name)
