"""
How the demonstration is shown: as a table for people, as JSON for programs.

Each row is printed when it is there, so columns are as wide as what is expected;
only a row that went wrong can be wider.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, Protocol

from stripe_events.cli._demo_deliveries import Delivery, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_RIGHT, _WRONG = "ok   ", "WRONG"
_HEADINGS = ("", "sent", "handlers that ran", "answered", "diagnosis")
_LEGEND = """\
2xx: Stripe takes the event as delivered. Else it delivers it again, for up to three days.
Next: put an adapter around your own router; see README.md, examples/."""


class Row(NamedTuple):
    """A delivery, what became of it, and what was logged meanwhile."""

    delivery: Delivery
    result: Result
    log: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Whether it went as it should."""
        return self.result == self.delivery.expected


class Report(Protocol):
    """Be told of each row, and of the end unless something broke off."""

    def show(self, row: Row) -> None:
        """Print a row at once."""
        ...

    def end(self, total: int, wrong: int) -> None:
        """Say how many rows there were, and how many went wrong."""
        ...


class JsonLines:
    """One JSON object per row and line, and nothing else."""

    def show(self, row: Row) -> None:
        """Print sent, method, ok, what was expected, what came, and the log."""
        delivery, result, log = row
        line = {
            "sent": delivery.sent,
            "method": delivery.method,
            "ok": row.is_right,
            **result._asdict(),
            "expected": delivery.expected._asdict(),
            "log": log,
        }
        print(json.dumps(line), flush=True)

    def end(self, total: int, wrong: int) -> None:
        """Say nothing: the exit status does."""


class Table:
    """
    Aligned plain text; a row that went wrong is followed by what differs and the log.

    Args:
        sent: all deliveries to come, for the widths of the columns.
    """

    def __init__(self, sent: Sequence[Delivery]) -> None:
        """Print the headings."""
        expected = [_cells(_RIGHT, each.sent, each.expected) for each in sent]
        columns = zip(_HEADINGS, *expected, strict=True)
        self._widths = [max(map(len, column)) for column in columns]
        self._print(_HEADINGS)
        self._print("-" * width for width in self._widths)

    def show(self, row: Row) -> None:
        """Print the row, and if it went wrong, how."""
        self._print(_cells(_RIGHT if row.is_right else _WRONG, row.delivery.sent, row.result))
        if not row.is_right:
            for line in _differences(row):
                print(f"      {line}", flush=True)

    def end(self, total: int, wrong: int) -> None:
        """Print the sum, what the statuses mean and where to go on."""
        print(
            f"\n{total - wrong} of {total} deliveries went as they should.\n{_LEGEND}", flush=True
        )

    def _print(self, cells: Iterable[str]) -> None:
        padded = [cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True)]
        print("  ".join(padded).rstrip(), flush=True)


def _cells(mark: str, sent: str, result: Result) -> tuple[str, ...]:
    return mark, sent, ", ".join(result.ran) or "-", result.answer, result.diagnosis


def _differences(row: Row) -> Iterable[str]:
    pairs = zip(Result._fields, row.delivery.expected, row.result, strict=True)
    for name, expected, got in pairs:
        if expected != got:
            yield f"{name}: expected {expected!r}, got {got!r}"
    for entry in row.log:
        yield from entry.splitlines()
