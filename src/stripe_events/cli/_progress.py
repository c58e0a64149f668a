"""How far a long work has come, on standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WIPE = "\r\x1b[K"
_SECONDS_IN_PLACE = 0.1
_SECONDS_BETWEEN_LINES = 5.0


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
        self._in_place = sys.stderr.isatty()
        self._every = _SECONDS_IN_PLACE if self._in_place else _SECONDS_BETWEEN_LINES
        self._next = clock() + self._every
        self._is_shown = False

    def advance(self, by: int = 1) -> None:
        """Count some more."""
        self.count += by
        now = self._clock()
        if now >= self._next:
            self._next = now + self._every
            self._show()

    def wipe(self) -> None:
        """Take the line away, for others to print."""
        if self._is_shown:
            print(_WIPE, end="", file=sys.stderr, flush=True)
            self._is_shown = False

    def _show(self) -> None:
        line = f"{self._what} {self.count}{self._of}"
        if self._in_place:
            print(_WIPE + line, end="", file=sys.stderr, flush=True)
            self._is_shown = True
        else:
            print(line, file=sys.stderr, flush=True)
