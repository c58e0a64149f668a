"""From what a user names to the event types that are meant."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import UnionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Union, get_args, get_origin

from stripe_events._event import AnyEvent, Event, EventNotification
from stripe_events._patterns import compiled
from stripe_events._registry import Kind, Selector
from stripe_events.errors import UnknownEventType, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from stripe_events._delivery.context import Context

_THIN = ("v1.", "v2.")

E_contra = TypeVar("E_contra", bound=AnyEvent, contravariant=True)


class EventHandler(ABC, Generic[E_contra]):
    """
    The base of handlers that are classes: ``class Fulfil(EventHandler[InvoicePaid])``.

    The parameter is an event class, or a union of some; it says which events the
    handler is for. Register with ``router.register(Fulfil(db))``.
    """

    @abstractmethod
    def __call__(self, event: E_contra, ctx: Context, /) -> object | Awaitable[object]:
        """Handle one event; what is returned is awaited if it can be."""


def select(named: tuple[Any, ...], kind: Kind, *, unlisted: bool = False) -> Selector:
    """
    Give the selector for event classes, or for names and patterns.

    Raises:
        UnknownEventType: a name or pattern matches nothing in the catalogue.
        UsageError: nothing is named, or something that is neither, or there is no
            such kind.
    """
    if kind not in ("snapshot", "thin"):
        msg = f"kind= is 'snapshot' or 'thin', not {kind!r}"
        raise UsageError(msg)
    if not named:
        raise UsageError("name at least one event class or type; on_any() takes every event")
    if all(isinstance(item, str) for item in named):
        return _select_names(named, kind, unlisted=unlisted)
    if any(isinstance(item, str) for item in named):
        raise UsageError("give event classes or names of types, not both in one call")
    return _select_classes(named)


def select_any(named: Iterable[Any]) -> Selector:
    """
    Give the selector for classes, and for names and patterns of either kind, together.

    Thin types are told by how they begin: ``v1.`` or ``v2.``.

    Raises:
        UnknownEventType, UsageError: as ``select`` does.
    """
    by_kind: dict[Kind, list[str]] = {"snapshot": [], "thin": []}
    classes: list[Any] = []
    for one in named:
        if isinstance(one, str):
            by_kind["thin" if one.startswith(_THIN) else "snapshot"].append(one)
        else:
            classes.append(one)
    parts = [select(tuple(names), kind) for kind, names in by_kind.items() if names]
    parts.append(_select_classes(tuple(classes)))
    return Selector(
        frozenset[str]().union(*(part.snapshot for part in parts)),
        frozenset[str]().union(*(part.thin for part in parts)),
        tuple(pattern for part in parts for pattern in part.snapshot_patterns),
        tuple(pattern for part in parts for pattern in part.thin_patterns),
    )


def handled_classes(cls: type[EventHandler[Any]]) -> tuple[Any, ...]:
    """
    Give the event classes that the base of a class-based handler names.

    Raises:
        UsageError: it names none, or not by class.
    """
    for base in _original_bases(cls):
        if get_origin(base) is EventHandler:
            (parameter,) = get_args(base)
            is_union = get_origin(parameter) in (Union, UnionType)
            return get_args(parameter) if is_union else (parameter,)
    msg = f"{cls.__qualname__} names no events: derive it from EventHandler[ChargeSucceeded]"
    raise UsageError(msg)


def _original_bases(cls: type[Any]) -> Iterable[Any]:
    mro: tuple[Any, ...] = cls.__mro__
    return (base for c in mro for base in c.__dict__.get("__orig_bases__", ()))


def _select_classes(classes: tuple[Any, ...]) -> Selector:
    types: dict[Kind, set[str]] = {"snapshot": set(), "thin": set()}
    for cls in classes:
        types[_kind_of_class(cls)].add(cls.type)
    return Selector(frozenset(types["snapshot"]), frozenset(types["thin"]))


def _kind_of_class(cls: Any) -> Kind:
    if isinstance(cls, type) and type(cls.__dict__.get("type")) is str:
        if issubclass(cls, Event):
            return "snapshot"
        if issubclass(cls, EventNotification):
            return "thin"
    msg = (
        f"{cls!r} is not the class of one event type: take classes "
        "from stripe_events.events or stripe_events.notifications, or names of types as text"
    )
    raise UsageError(msg)


def _select_names(names: tuple[str, ...], kind: Kind, *, unlisted: bool) -> Selector:
    exact = {name for name in names if unlisted and "*" not in name}
    listed = {type_ for name in names if name not in exact for type_ in _listed(name, kind)}
    patterns = tuple(compiled(name) for name in names if "*" in name)
    if kind == "snapshot":
        return Selector(snapshot=frozenset(exact | listed), snapshot_patterns=patterns)
    return Selector(thin=frozenset(exact | listed), thin_patterns=patterns)


def _listed(name: str, kind: Kind) -> tuple[str, ...]:
    from stripe_events import catalogue

    types = catalogue.match_types(name, kind)
    if not types:
        raise _unknown(name, kind)
    return types


def _unknown(name: str, kind: Kind) -> UnknownEventType:
    from stripe_events import catalogue

    other: Kind = "thin" if kind == "snapshot" else "snapshot"
    if catalogue.match_types(name, other):
        return UnknownEventType(
            f"no {kind} event type is called {name!r}, but there are such {other} ones: "
            f"say kind={other!r} if they are meant"
        )
    return catalogue.unknown_type(name, kind=kind)
