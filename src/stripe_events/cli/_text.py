"""
What is printed of data.

Ids, messages and tracebacks come from outside: nothing of them that could steer a
terminal is printed as it is.
"""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, cast

from stripe_events.cli._ages import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

_NARROWEST = 10
"""Characters that a column keeps when it gives way to the terminal's width."""


def clean(text: str) -> str:
    """Give a text with escapes in the place of what is not printable, line ends too."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def clean_lines(text: str, indent: str) -> Iterator[str]:
    """Give the lines of a text, each cleaned and indented."""
    return (indent + clean(line.expandtabs()) for line in text.splitlines())


def json_text(value: object, indent: int | None = None) -> str:
    """Give JSON in printable ASCII."""
    return json.dumps(value, indent=indent)  # its escapes cover all that is not printable


def plain(value: Any, omit: frozenset[str] = frozenset()) -> Any:
    """Give records as what JSON knows, without the fields in ``omit``, however deep."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: plain(each, omit) for name, each in fields.items() if name not in omit}
    if isinstance(value, tuple):
        return [plain(each, omit) for each in cast("Iterable[Any]", value)]
    return value


def complain(text: str) -> None:
    """Print a line on standard error."""
    print_line(f"stripe-events: {clean(text)}", sys.stderr)


def print_line(text: str, stream: TextIO) -> None:
    """Print a line by one write, so that lines of others do not get into it."""
    print(f"{text}\n", end="", file=stream, flush=True)


def moment(at: float, now: float) -> str:
    """Give a time (unix seconds) as a date, and how far it is from now."""
    date = datetime.fromtimestamp(at, UTC)
    return f"{date:%Y-%m-%d %H:%M:%S} UTC ({relative(at, now)})"


def relative(at: float, now: float) -> str:
    """Give how long ago a time was, or in how long it comes."""
    return f"{shown(now - at)} ago" if at <= now else f"in {shown(at - now)}"


def bear_any_character() -> None:
    """Let output escape what its encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class Columns:
    """
    Aligned plain text, within the terminal's width where there is one.

    Widths are those of the first rows; longer cells that follow are shortened.

    Args:
        headings: one per column.
        elastic: the columns that are narrowed to fit, in this order; where that is not
            enough the first of them is left out.
    """

    def __init__(self, headings: Sequence[str], elastic: Sequence[str]) -> None:
        """Print nothing yet."""
        self._headings = headings
        self._elastic = [headings.index(name) for name in elastic]
        self._widths: dict[int, int] = {}

    def print(self, rows: Iterable[Sequence[str]]) -> None:
        """Print rows, before the first of them the headings."""
        cells = [[clean(cell) for cell in row] for row in rows]
        if not self._widths:
            cells.insert(0, list(self._headings))
            longest = [max(map(len, column)) for column in zip(*cells, strict=True)]
            # 0 where there is no terminal, and COLUMNS does not say otherwise.
            available = shutil.get_terminal_size((0, 0)).columns
            self._widths = self._fitting(longest, available or sys.maxsize)
        for row in cells:
            shown = [self._fitted(row[column], column) for column in self._widths]
            print("  ".join(shown).rstrip())

    def _fitting(self, longest: list[int], available: int) -> dict[int, int]:
        widths = dict(enumerate(longest))
        if _narrow(widths, self._elastic, available):
            return widths
        first, *others = self._elastic
        widths = dict(enumerate(longest))
        del widths[first]
        _narrow(widths, others, available)
        return widths

    def _fitted(self, cell: str, column: int) -> str:
        width = self._widths[column]
        if len(cell) > width and column in self._elastic:
            cell = cell[: width - 1] + "\N{HORIZONTAL ELLIPSIS}"
        return cell.ljust(width)


def _narrow(widths: dict[int, int], elastic: Sequence[int], available: int) -> bool:
    """Take from elastic columns what is too much, and give whether that was enough."""
    excess = sum(widths.values()) + 2 * (len(widths) - 1) - available
    for column in elastic:
        given = max(0, min(excess, widths[column] - _NARROWEST))
        widths[column] -= given
        excess -= given
    return excess <= 0


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
