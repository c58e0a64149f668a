"""The deliveries that a router has under way, and whether it takes and starts more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

CLEAN_UP = 5.0
"""Seconds that cancelled handlers have to clean up."""


class InFlight:
    """
    A count, by threads and event loops, that a shutdown can close and wait for.

    ``draining`` says that nothing more is taken. ``over`` says that the waiting is over,
    too: nothing more is to be started for the deliveries that are left. ``closings`` counts
    the shutdowns that have not come to their end.
    """

    __slots__ = ("_changed", "_in_threads", "_lock", "_on_loops", "closings", "draining", "over")

    def __init__(self, *, draining: bool = False, over: bool = False) -> None:
        """Start with nothing under way."""
        # Entered in half the time of the condition; again, where a signal's handler
        # closes in the midst of counting.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._in_threads = 0
        self._on_loops: dict[AbstractEventLoop, int] = {}
        self.draining = draining
        self.over = over
        self.closings = 0

    def enter(self, loop: AbstractEventLoop | None = None) -> bool:
        """Count one more, on a loop or in a thread; False, uncounted, while draining."""
        with self._lock:
            if self.draining:
                return False
            if loop is None:
                self._in_threads += 1
            else:
                self.count(loop)
            return True

    def count(self, loop: AbstractEventLoop) -> None:
        """Count one more on a loop, draining or not."""
        with self._lock:
            self._on_loops[loop] = self._on_loops.get(loop, 0) + 1

    def leave(self, loop: AbstractEventLoop | None = None) -> None:
        """Count one less."""
        with self._lock:
            if loop is None:
                self._in_threads -= 1
            else:
                self._on_loops[loop] -= 1
                if not self._on_loops[loop]:
                    del self._on_loops[loop]
            if self.draining:
                self._changed.notify_all()

    def close(self) -> None:
        """Take no more, from now on; ``closed`` must follow."""
        with self._changed:
            self.draining = True
            self.closings += 1

    def closed(self) -> None:
        """Say that a shutdown has come to its end."""
        with self._changed:
            self.closings -= 1

    def wait(self, seconds: float, here: AbstractEventLoop | None = None) -> None:
        """
        Wait until nothing is under way, at most so long.

        A loop that does not run can end nothing, so it is not waited for; nor is
        ``here``, the loop of the thread that waits.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._to_wait_for(here), seconds)

    def anew(self) -> InFlight:
        """Give a count from nothing that takes as much or as little as this one."""
        return InFlight(draining=self.draining, over=self.over)

    def _to_wait_for(self, here: AbstractEventLoop | None) -> bool:
        on_loops = any(loop is not here and loop.is_running() for loop in self._on_loops)
        return self._in_threads > 0 or on_loops
