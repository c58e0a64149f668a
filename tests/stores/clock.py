"""A clock for stores that tests move."""

from __future__ import annotations


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        """Begin at some time."""
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Give the time (unix seconds)."""
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
