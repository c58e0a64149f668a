"""The event table of the README, between two markers; what is outside is never touched."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from tools.naming import title

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.catalogue_file import Row

__all__ = ["END", "START", "MarkerError", "event_table", "with_table"]

START: Final = "<!-- event-table:start -->"
END: Final = "<!-- event-table:end -->"


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
    """Give the table: a line per family, with how many classes it has of each kind."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[title(row.type, row.kind).removeprefix("v1.")][row.kind] += 1
    lines = (
        f"| `{family}` | {_cell(n['snapshot'])} | {_cell(n['thin'])} |"
        for family, n in sorted(counts.items())
    )
    return "\n".join(["| family | snapshot | thin |", "| --- | ---: | ---: |", *lines, ""])


def _cell(count: int) -> str:
    return str(count) if count else ""
