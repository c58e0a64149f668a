"""
The text of the two modules of plain data: the index that the parser asks, and the catalogue.

They are apart because a router that knows its classes needs the first only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.naming import family
from tools.render_events import BANNER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.catalogue_file import Row

__all__ = ["catalogue_data", "event_index"]


def event_index(rows: tuple[Row, ...]) -> str:
    """Give the module that says in which module the class of a type is."""
    return f'''{BANNER}\
# ruff: noqa: E501 (as long as the types are)
"""From event types to their classes, as ``module:class`` of the kind's package."""

from __future__ import annotations

__all__ = ["SNAPSHOT_CLASSES", "THIN_CLASSES"]

SNAPSHOT_CLASSES: dict[str, str] = {_places(_of_kind(rows, "snapshot"))!r}

THIN_CLASSES: dict[str, str] = {_places(_of_kind(rows, "thin"))!r}
'''


def catalogue_data(rows: tuple[Row, ...]) -> str:
    """Give the module with the Literals of all types and everything known about each."""
    snapshots, thins = _of_kind(rows, "snapshot"), _of_kind(rows, "thin")
    return f'''{BANNER}\
# ruff: noqa: E501 (one line per type)
"""The event types that this release knows, and what is known about each."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ["SNAPSHOTS", "THINS", "EventType", "Facts", "ThinEventType"]

EventType: TypeAlias = Literal{[row.type for row in snapshots]!r}
"""Every snapshot event type, retired ones included."""

ThinEventType: TypeAlias = Literal{[row.type for row in thins]!r}
"""Every thin event type."""

Facts: TypeAlias = tuple[str, tuple[str, ...], str | None, bool, bool, str | None, bool, str]
"""The fields of ``catalogue.Entry`` after type and kind, in their order."""

# fmt: off
SNAPSHOTS: dict[str, Facts] = {{
{_facts(snapshots)}
}}

THINS: dict[str, Facts] = {{
{_facts(thins)}
}}
'''


def _of_kind(rows: Iterable[Row], kind: str) -> list[Row]:
    return [row for row in rows if row.kind == kind]


def _places(rows: list[Row]) -> dict[str, str]:
    return {row.type: f"{family(row.type, row.kind)}:{row.class_name}" for row in rows}


def _facts(rows: list[Row]) -> str:
    return "\n".join(map(_line, rows))


def _line(row: Row) -> str:
    names = ", ".join(map(_text, row.resources))
    resources = f"({names},)" if len(row.resources) == 1 else f"({names})"
    cells = (
        _text(row.class_name),
        resources,
        _text(row.object_name),
        repr(row.retired),
        repr(row.selection),
        _text(row.event_class),
        repr(row.data),
        _text(row.summary),
    )
    return f"    {_text(row.type)}: ({', '.join(cells)}),"


def _text(value: str | None) -> str:
    return "None" if value is None else f'"{value}"'
