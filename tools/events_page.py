"""The page of docs that lists every event type, with a folded table per family."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from tools.naming import title

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.catalogue_file import Row

__all__ = ["events_page"]

_INTRODUCTION: Final = """<!-- @generated from tools/catalogue.tsv; do not edit.
     Regenerate: python -m tools.generate -->

# Every event type

One class per type. `stripe_events.catalogue.lookup(type)` gives the same at run
time, with a line on what happened.
"""
_HEADERS: Final = {
    "snapshot": "| type | class | `data.object` |",
    "thin": "| type | class | related object |",
}
_TITLES: Final = {
    "snapshot": "Snapshot events (`stripe_events.events`)",
    "thin": "Thin events (`stripe_events.notifications`)",
}


def events_page(rows: Iterable[Row]) -> str:
    """Give the page: a heading per kind, below it a folded table per family."""
    by_kind = groupby(rows, key=lambda row: row.kind)
    sections = (f"\n## {_TITLES[kind]}\n\n{_families([*group])}" for kind, group in by_kind)
    return _INTRODUCTION + "".join(sections)


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
