"""What was measured, against what was promised, as a table."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Figure", "shown", "table"]


class Figure(NamedTuple):
    """One line of the table; ``target`` and ``measured`` are written out with their units."""

    what: str
    target: str
    measured: str
    passed: bool | None


def shown(what: str, measured: str) -> Figure:
    """Give a line that has no target."""
    return Figure(what, "-", measured, None)


_VERDICTS = {True: "pass", False: "FAIL", None: ""}


def table(figures: list[Figure]) -> str:
    """Write figures one below the other, in columns."""
    rows = [("", "target", "measured", "")]
    rows += [(f.what, f.target, f.measured, _VERDICTS[f.passed]) for f in figures]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
