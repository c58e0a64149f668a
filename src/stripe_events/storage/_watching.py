"""
Watches over a connection of their own, in a thread of their own; see ``WatchableStore``.

Hints are kept few: whoever has sent one sends none for ``SPACING`` seconds, and whoever
hears one looks a second time ``AGAIN`` seconds later. So ten thousand events a second
cost a hundred hints, and none of them is overlooked.

A line counts as live when it has heard a hint that its own watch has sent on another
connection. Not every line does: a pooler such as PgBouncer takes LISTEN, and gives the
session to somebody else.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from stripe_events._fork import start_anew_in_children
from stripe_events.storage._wakes import told

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

Sign: TypeAlias = Literal["hint", "test", "answer"]
"""What a line hears: that there is work, its own test, or the answer to ``look``."""

SPACING: Final = 0.01
"""Seconds for which one hint stands for all that follow."""

AGAIN: Final = 3 * SPACING
"""
Seconds after a hint, when whoever heard it looks again: longer than a write may be on its way
that was sent with no hint.
"""

_TICK: Final = 0.1
"""Seconds after which a thread that hears nothing looks whether it is to end."""

QUIET: Final = 10.0
"""Seconds of silence after which a line is asked for a sign of life."""

ANSWERS_WITHIN: Final = 5.0
"""Seconds after which a line that does not answer is dead."""

_SHORTEST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0

DEAF_PAUSE: Final = 600.0
"""Seconds after which a line is tried again that answers and hears nothing."""

_NEVER: Final = float("inf")


class Spacing:
    """Whose turn it is to send a hint."""

    def __init__(self) -> None:
        """Let the first one through."""
        self._last: dict[str, float] = {}

    def lets(self, scope: str) -> bool:
        """Tell whether a hint for a scope is to be sent; if so, the next ones are not."""
        now = time.monotonic()
        if now < self._last.get(scope, -_NEVER) + SPACING:
            return False
        self._last[scope] = now
        return True


class Line(Protocol):
    """A connection that listens; used by one thread. It raises when it is broken."""

    def test(self) -> None:
        """Send a hint that only this line hears, by another connection."""
        ...

    def look(self) -> None:
        """Ask the server for an answer, and do not wait for it."""
        ...

    def heard(self, seconds: float) -> Collection[Sign]:
        """Wait for so long at most, and give what came."""
        ...

    def close(self) -> None:
        """Close it, whatever state it is in."""
        ...


class DeafError(Exception):
    """Say that a line answers, and does not hear."""


class ThreadedWatch:
    """
    A watch that listens in a thread, on lines that it opens one after another.

    Args:
        connect: opens a line; called in that thread.
        wake: see ``WatchableStore.watch``.
    """

    def __init__(self, connect: Callable[[], Line], wake: Callable[[], None]) -> None:
        """Begin to listen."""
        self._connect = connect
        self._wake = wake
        self._line: Line | None = None
        self._parents: list[Line | None] = []
        self._live = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stripe-events-watch", daemon=True)
        start_anew_in_children(self)
        self._thread.start()

    def start_anew(self) -> None:
        """Be closed in the child of a fork, and keep the parent's line from being closed there."""
        self._parents.append(self._line)
        self._line = None
        self._live = False
        self._closed = threading.Event()
        self._closed.set()

    @property
    def is_live(self) -> bool:
        """See ``Watch.is_live``."""
        return self._live and not self._closed.is_set()

    def close(self) -> None:
        """See ``Watch.close``; a thread that is connecting to nobody ends by itself, later."""
        if not self._closed.is_set():
            self._closed.set()
            self._thread.join(1.0)

    def _run(self) -> None:
        patience = Patience()
        while not self._closed.is_set():
            try:
                self._attend()
            except Exception as error:  # noqa: BLE001 - whatever it is, workers poll
                was_live, self._live = self._live, False
                if not self._closed.is_set():
                    self._closed.wait(patience.after(error, was_live=was_live))

    def _attend(self) -> None:
        """Listen on one line until it breaks, or the watch is closed."""
        line = self._line = self._connect()
        try:
            line.look()
            line.test()
            self._listen(line, Pulse(time.monotonic()))
        finally:
            line.close()

    def _listen(self, line: Line, pulse: Pulse) -> None:
        again = _NEVER
        while not self._closed.is_set():
            signs = line.heard(min(_TICK, max(0.0, again - time.monotonic())))
            now = time.monotonic()
            if "hint" in signs or "test" in signs:
                self._live = True
                again = now + AGAIN
                told(self._wake)
            elif now >= again:
                again = _NEVER
                told(self._wake)
            if pulse.is_quiet(now, bool(signs)):
                line.look()
            if not self._live and now > pulse.began + ANSWERS_WITHIN:
                raise DeafError


class Patience:
    """How long to wait before the next line is tried, and what is logged of that."""

    def __init__(self) -> None:
        """Begin as if a line had been live."""
        self._pause = _SHORTEST_PAUSE
        self._is_told = False

    def after(self, error: Exception, *, was_live: bool) -> float:
        """Give seconds; of several failures in a row, the first one is logged."""
        if was_live:
            self._pause, self._is_told = _SHORTEST_PAUSE, False
        if not self._is_told:
            _log(error)
            self._is_told = True
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        if isinstance(error, DeafError):
            pause = DEAF_PAUSE
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads those who wait


class Pulse:
    """
    When a line is to be asked for a sign of life, and when it is dead.

    Args:
        now: it was asked just now.
    """

    def __init__(self, now: float) -> None:
        """Wait for the first answer."""
        self.began = now
        self._asked: float | None = now
        self._heard = now

    def is_quiet(self, now: float, heard: bool) -> bool:  # noqa: FBT001 - what came
        """
        Tell whether it is to be asked; if so, it counts as asked.

        Raises:
            TimeoutError: it was asked, and has not answered.
        """
        if heard:
            self._asked, self._heard = None, now
            return False
        if self._asked is not None:
            if now > self._asked + ANSWERS_WITHIN:
                raise TimeoutError(f"no answer in {ANSWERS_WITHIN:g} s")
            return False
        if now < self._heard + QUIET:
            return False
        self._asked = now
        return True


def _log(error: Exception) -> None:
    import logging

    logger = logging.getLogger("stripe_events")
    if isinstance(error, DeafError):
        logger.warning(
            "workers are not woken by the database, and poll: what stands before it lets "
            "nobody listen, as PgBouncer does in transaction mode"
        )
    else:
        lines = str(error).splitlines() or [type(error).__name__]
        logger.warning("workers poll until the database wakes them again: %s", lines[0])
