"""
What this release knows about each event type, without importing ``stripe``.

``EventType`` and ``ThinEventType`` are Literals of all types, for annotations.
Stripe adds types at any time: an unknown one is an error here, because a program
asked for it by name, and an ``UnknownEvent`` where it arrives in a payload.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from stripe_events import _catalogue_data as data
from stripe_events._patterns import compiled
from stripe_events.errors import UnknownEventType

__all__ = [
    "Entry",
    "EventType",
    "Kind",
    "ThinEventType",
    "entries",
    "lookup",
    "match_types",
    "unknown_type",
]

EventType: TypeAlias = data.EventType
"""Every snapshot event type, retired ones included."""

ThinEventType: TypeAlias = data.ThinEventType
"""Every thin event type."""

Kind: TypeAlias = Literal["snapshot", "thin"]
"""Which of the two kinds of events a type is of."""

_TABLES: Final[dict[Kind, dict[str, data.Facts]]] = {
    "snapshot": data.SNAPSHOTS,
    "thin": data.THINS,
}
_NEAREST = 3
"""As many names as fit into an error message that is still read."""


class Entry(NamedTuple):
    """
    One event type.

    ``class_name`` is the class in ``stripe_events.events``, of a thin type in
    ``stripe_events.notifications``. ``resources`` names the stripe-python classes
    of ``data.object`` (more than one: any of them), of a thin type that of its
    related object, empty where it has none. ``object_name`` is what such an object
    says in ``object``; None where that varies or there is none. ``retired``: Stripe
    no longer sends it. ``selection_required``: sent only to endpoints that name it,
    not to those subscribed to everything. ``fetched_event`` names the SDK's class of
    a thin event when fetched, and ``fetched_data`` tells whether that carries data.
    """

    type: str
    kind: Kind
    class_name: str
    resources: tuple[str, ...]
    object_name: str | None
    retired: bool
    selection_required: bool
    fetched_event: str | None
    fetched_data: bool
    summary: str


def lookup(type: str, *, kind: Kind | None = None) -> Entry:  # noqa: A002 (Stripe's word for it)
    """
    Give what is known about one event type.

    No type is of both kinds, so ``kind`` only narrows down what is accepted.

    Raises:
        UnknownEventType: there is no such type (of that kind); names the nearest.
    """
    for each in _kinds(kind):
        if type in _TABLES[each]:
            return Entry(type, each, *_TABLES[each][type])
    raise unknown_type(type, kind=kind)


def entries(*, kind: Kind | None = None) -> tuple[Entry, ...]:
    """Give every type, retired ones included: snapshot before thin, each sorted by name."""
    return tuple(
        Entry(type_, each, *facts)
        for each in _kinds(kind)
        for type_, facts in _TABLES[each].items()
    )


def match_types(pattern: str, kind: Kind = "snapshot") -> tuple[str, ...]:
    """
    Give the types of a kind that a pattern matches, sorted; empty if there are none.

    ``*`` is the only special character: any run of characters, dots included, also
    none. Everything else, brackets too, stands for itself, in its case of letters.
    A pattern without ``*`` matches the type that it is.
    """
    return tuple(filter(compiled(pattern).fullmatch, _TABLES[kind]))


def unknown_type(name: str, *, kind: Kind | None = None) -> UnknownEventType:
    """Give the error for a type or pattern that matches nothing; it names the nearest types."""
    from difflib import get_close_matches

    known = [type_ for each in _kinds(kind) for type_ in _TABLES[each]]
    nearest = get_close_matches(name, known, _NEAREST)
    hint = f"; the nearest: {', '.join(nearest)}" if nearest else ""
    what = f"{kind} event type" if kind else "event type"
    return UnknownEventType(f"no {what} is called {name!r}{hint}")


def _kinds(kind: Kind | None) -> tuple[Kind, ...]:
    return tuple(_TABLES) if kind is None else (kind,)
