"""The event table of the README, between two markers; what is outside is never touched."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from tools.naming import title

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.catalogue_file import Row

__all__ = ["END", "START", "MarkerError", "event_table", "with_table"]

START: Final = "<!-- event-table:start -->"
END: Final = "<!-- event-table:end -->"

_HEADERS: Final = {
    "snapshot": "| type | class | `data.object` |",
    "thin": "| type | class | related object |",
}
_TITLES: Final = {
    "snapshot": "Snapshot events (`stripe_events.events`)",
    "thin": "Thin events (`stripe_events.notifications`)",
}


class MarkerError(ValueError):
    """Say that the README does not have each marker once, in their order."""


def with_table(readme: str, rows: tuple[Row, ...]) -> str:
    """
    Give the README with the table of these rows between its markers.

    Raises:
        MarkerError: a marker is missing or repeated, or they are in the wrong order.
    """
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end) or readme.count(START) != 1 or readme.count(END) != 1:
        raise MarkerError(f"README.md must have {START} and, below it, {END}, each once")
    return f"{before}{START}\n\n{event_table(rows)}\n{END}{after}"


def event_table(rows: Iterable[Row]) -> str:
    """Give the table: a heading per kind, below it a folded table per family."""
    by_kind = groupby(rows, key=lambda row: row.kind)
    return "\n".join(f"#### {_TITLES[kind]}\n\n{_families([*group])}" for kind, group in by_kind)


def _families(rows: list[Row]) -> str:
    ordered = sorted(rows, key=lambda row: title(row.type, row.kind))
    groups = groupby(ordered, key=lambda row: title(row.type, row.kind))
    return "".join(_details([*group]) for _, group in groups)


def _details(rows: list[Row]) -> str:
    name = title(rows[0].type, rows[0].kind)
    lines = "\n".join(map(_line, rows))
    return (
        f"<details><summary><code>{name}</code> ({len(rows)})</summary>\n\n"
        f"{_HEADERS[rows[0].kind]}\n| --- | --- | --- |\n{lines}\n\n</details>\n"
    )


def _line(row: Row) -> str:
    # A bar inside code would still end the cell.
    resources = " or ".join(f"`{name}`" for name in row.resources) or "none"
    retired = " (retired)" if row.retired else ""
    return f"| `{row.type}`{retired} | `{row.class_name}` | {resources} |"
