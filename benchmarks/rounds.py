"""
Run two things in turn and compare the time they take.

Processor time is taken, not the clock's, so that other processes count less, and
each round runs both sides, so that they count for both. The garbage collector
stays on, as it is in a server.
"""

from __future__ import annotations

import gc
from statistics import median
from time import process_time_ns
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Timing", "compare"]

_ROUND_NS = 10_000_000


class Timing(NamedTuple):
    """
    What comparing ``ours`` with ``theirs`` gave; times are those of one call.

    ``ratio`` is ours by theirs, of the fastest round of each; ``median_ratio`` is
    the middle one of all rounds' ratios.
    """

    ours_us: float
    theirs_us: float
    ratio: float
    median_ratio: float


def compare(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> Timing:
    """Time both, alternating, each as often in a round as fills some ten milliseconds."""
    sides = (ours, theirs)
    calls = [_calls_per_round(side) for side in sides]
    gc.collect()
    gc.freeze()
    pairs = [
        tuple(_time_us(side, count) for side, count in zip(sides, calls, strict=True))
        for _ in range(rounds)
    ]
    mine, other = (min(times) for times in zip(*pairs, strict=True))
    return Timing(mine, other, mine / other, median(a / b for a, b in pairs))


def _calls_per_round(side: Callable[[], object]) -> int:
    _time_us(side, 50)  # specialised bytecode, caches, first imports
    return max(1, int(_ROUND_NS / 1_000 / _time_us(side, 20)))


def _time_us(side: Callable[[], object], calls: int) -> float:
    started = process_time_ns()
    for _ in range(calls):
        side()
    return (process_time_ns() - started) / calls / 1_000
