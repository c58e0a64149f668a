"""When there is something to say of a worker's progress, and in which words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.worker import WorkerStatus

_SHORTEST: Final = 0.5
"""Seconds over which a rate is worth telling."""


class Step(NamedTuple):
    """What a worker came to; ``rate``: events handled per second of late, None if unclear."""

    status: WorkerStatus
    rate: float | None

    def __str__(self) -> str:
        """Give it in words."""
        return in_words(self.status, "" if self.rate is None else f" ({self.rate:.1f}/s)")


def in_words(status: WorkerStatus, rate: str = "") -> str:
    """Give the counts of a worker; what is nothing is left out, but for the handled ones."""
    counts = {
        f"handled{rate}": status.handled,
        "failed": status.failed,
        "dead": status.dead,
        "given back": status.returned,
        "running": status.running,
        "in overtime": status.overtime,
    }
    told = [f"{count} {what}" for what, count in counts.items() if count or what[:7] == "handled"]
    return ", ".join([*told, "the store fails"] if status.state == "store failing" else told)


class Pace:
    """
    Choose the moments: at once when there is something new, then at intervals.

    Args:
        every: seconds between two steps that are told.
        clock: gives seconds.
    """

    def __init__(self, every: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Know of nothing yet."""
        self._every = every
        self._clock = clock
        self._told = "0 handled"
        self._handled = 0
        self._since = self._next = clock()

    def step(self, status: WorkerStatus) -> Step | None:
        """Give what is to be told now; None if it is nothing new, or too soon."""
        now, text = self._clock(), in_words(status)
        if text == self._told:
            self._since = now
            return None
        if now < self._next:
            return None
        seconds, done = now - self._since, status.handled - self._handled
        self._told, self._handled = text, status.handled
        self._since, self._next = now, now + self._every
        return Step(status, done / seconds if done and seconds >= _SHORTEST else None)
