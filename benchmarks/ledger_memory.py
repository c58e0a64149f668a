"""What the ledger itself costs: ``MemoryStore`` against no store at all."""

from __future__ import annotations

from statistics import median
from time import process_time
from typing import TYPE_CHECKING

from benchmarks import payloads
from benchmarks.figures import Figure
from benchmarks.ledger_deliveries import Deliveries
from benchmarks.ledger_rounds import delivering, take_turns
from benchmarks.ledger_routers import handling
from stripe_events.storage import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["measure"]

_MOST_US = 40
_BATCH = 50


def measure(rounds: int) -> list[Figure]:
    """Measure the overhead per event, in processor time."""
    sides = {"with": _side(MemoryStore()), "without": _side(None)}
    taken = take_turns(sides, rounds, "memory")
    mine, other = taken["with"], taken["without"]
    added = mine.us - other.us
    middle = median(a - b for a, b in zip(mine.seconds, other.seconds, strict=True)) * 1e6
    measured = f"{added:.1f} us (median {middle:.1f} us)   {mine.us:.1f} - {other.us:.1f} us"
    what = "ledger: MemoryStore - none"
    return [Figure(what, f"at most {_MOST_US} us", measured, added <= _MOST_US)]


def _side(store: MemoryStore | None) -> Callable[[], float]:
    return delivering(handling(store), Deliveries(payloads.charge()), _BATCH, process_time)
