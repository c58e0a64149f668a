"""How many deliveries a router has under way, and whether it takes more."""

from __future__ import annotations

import threading


class InFlight:
    """A counter that a shutdown can close and wait for."""

    __slots__ = ("_changed", "_count", "_draining")

    def __init__(self) -> None:
        """Start open, with nothing under way."""
        self._changed = threading.Condition(threading.Lock())
        self._count = 0
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether no more is taken."""
        return self._draining

    def enter(self) -> bool:
        """Count one more; False, uncounted, once draining has begun."""
        with self._changed:
            if self._draining:
                return False
            self._count += 1
            return True

    def leave(self) -> None:
        """Count one less."""
        with self._changed:
            self._count -= 1
            if self._draining and self._count == 0:
                self._changed.notify_all()

    def close(self) -> None:
        """Take no more, from now on."""
        with self._changed:
            self._draining = True

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is under way, at most so long; tell whether that was reached."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, seconds)
