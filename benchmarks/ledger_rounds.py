"""
Run several things in turn, a batch of events each, and keep how long each batch took.

What waits for disks and databases is timed by the clock. Each round runs all sides, so
that what else happens on the machine counts for all; the fastest round of each is
compared, and the middle of all rounds' ratios tells how steady that is.
"""

from __future__ import annotations

import gc
import sys
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.ledger_deliveries import Deliveries, Delivery

KeyT = TypeVar("KeyT")

__all__ = ["Ratio", "Rounds", "delivering", "progress", "take_turns"]


class Ratio(NamedTuple):
    """How often the time of one side goes into another's: of the fastest rounds, and the middle."""

    fastest: float
    median: float

    def __str__(self) -> str:
        return f"{self.fastest:.2f}x (median {self.median:.2f}x)"


class Rounds(NamedTuple):
    """Seconds per event, in each round."""

    seconds: list[float]

    @property
    def fastest(self) -> float:
        """The seconds per event in the fastest round."""
        return min(self.seconds)

    @property
    def us(self) -> float:
        """The same, in microseconds."""
        return self.fastest * 1e6

    def in_times(self, other: Rounds) -> Ratio:
        """Tell how many times faster this is than another one."""
        middle = median(b / a for a, b in zip(self.seconds, other.seconds, strict=True))
        return Ratio(other.fastest / self.fastest, middle)


def take_turns(
    sides: Mapping[KeyT, Callable[[], float]], rounds: int, what: str
) -> dict[KeyT, Rounds]:
    """Run a first round that does not count, then so many; each side gives seconds per event."""
    for side in sides.values():
        side()
    gc.collect()
    gc.freeze()
    taken: dict[KeyT, list[float]] = {name: [] for name in sides}
    for number in range(1, rounds + 1):
        progress(f"{what}: round {number} of {rounds}")
        for name, side in sides.items():
            taken[name].append(side())
    progress()
    return {name: Rounds(seconds) for name, seconds in taken.items()}


def delivering(
    handle: Callable[[bytes, str], object],
    deliveries: Deliveries,
    number: int,
    clock: Callable[[], float] = perf_counter,
) -> Callable[[], float]:
    """Give what delivers so many new events; it gives the seconds for each, without signing."""

    def batch() -> float:
        fresh: list[Delivery] = deliveries.fresh(number)
        started = clock()
        for body, signature in fresh:
            handle(body, signature)
        return (clock() - started) / number

    return batch


def progress(text: str = "") -> None:
    """Show on a terminal what goes on, in one line; nothing clears it."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
