"""How far a long work has come, on standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from stripe_events.cli._text import print_line

if TYPE_CHECKING:
    from collections.abc import Callable

_WIPE = "\r\x1b[K"
_SECONDS_IN_PLACE = 0.1
SECONDS_BETWEEN_LINES = 5.0


class Line:
    """A line that takes the place of the one before, as terminals can, or follows it."""

    def __init__(self, *, in_place: bool) -> None:
        """Show nothing yet."""
        self.is_in_place = in_place
        self._is_shown = False

    def show(self, text: str) -> None:
        """Show this now."""
        if self.is_in_place:
            print(_WIPE + text, end="", file=sys.stderr, flush=True)
            self._is_shown = True
        else:
            print_line(text, sys.stderr)

    def wipe(self) -> None:
        """Take the line away, for others to print."""
        if self._is_shown:
            print(_WIPE, end="", file=sys.stderr, flush=True)
            self._is_shown = False


class Progress:
    """
    Count, and say so now and then: in place on a terminal, else a line every five seconds.

    Args:
        what: is done to how many.
        total: how many there are, if that is known.
        clock: gives seconds.
    """

    def __init__(
        self, what: str, total: int | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start at 0, and say nothing yet."""
        self.count = 0
        self._what = what
        self._of = "" if total is None else f"/{total}"
        self._clock = clock
        self._line = Line(in_place=sys.stderr.isatty())
        self._every = _SECONDS_IN_PLACE if self._line.is_in_place else SECONDS_BETWEEN_LINES
        self._next = clock() + self._every

    def advance(self, by: int = 1) -> None:
        """Count some more."""
        self.count += by
        now = self._clock()
        if now >= self._next:
            self._next = now + self._every
            self._line.show(f"{self._what} {self.count}{self._of}")

    def wipe(self) -> None:
        """Take the line away, for others to print."""
        self._line.wipe()
