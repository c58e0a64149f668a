"""
Inline on an SQLite file, against dj-stripe where it only records.

Both sides get the same signed charges under new ids, each in one process, in WAL mode
with synchronous=NORMAL, and both make two commits per event. Ours is called as a
framework's view would call it; dj-stripe is called by Django's test client, and what
that costs alone (an empty view) is told, too.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from benchmarks import payloads
from benchmarks.figures import Figure, shown
from benchmarks.ledger_deliveries import Deliveries
from benchmarks.ledger_djstripe import DjStripe
from benchmarks.ledger_rounds import Rounds, delivering, take_turns
from benchmarks.ledger_routers import handling
from stripe_events.storage import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["measure"]

_AT_LEAST = 5
_BATCH = 300


def measure(rounds: int) -> list[Figure]:
    """Measure events a second of ours, in both modes, and of dj-stripe."""
    with TemporaryDirectory(prefix="stripe-events-") as folder:
        path = Path(folder)
        with DjStripe(path / "djstripe.db") as djstripe:
            print(f"{djstripe.versions}; its webhook verifies and stores the request, then calls")
            print("a DJSTRIPE_WEBHOOK_EVENT_CALLBACK that does nothing; it fetches nothing\n")
            sides = {
                "NORMAL": _ours(path / "normal.db", "NORMAL"),
                "djstripe": djstripe.posting("webhook", _BATCH),
                "nothing": djstripe.posting("nothing", _BATCH),
                "FULL": _ours(path / "full.db", "FULL"),
            }
            return _figures(take_turns(sides, rounds, "SQLite"))


def _figures(taken: dict[str, Rounds]) -> list[Figure]:
    normal, full, theirs, nothing = (
        taken[name] for name in ("NORMAL", "FULL", "djstripe", "nothing")
    )
    ratio = normal.in_times(theirs)
    beside = Rounds([a - b for a, b in zip(theirs.seconds, nothing.seconds, strict=True)])
    return [
        Figure(
            "ledger: SQLite NORMAL / dj-stripe",
            f"at least {_AT_LEAST}x",
            f"{ratio}   {_rates(normal, theirs)}",
            ratio.fastest >= _AT_LEAST,
        ),
        shown("the same, less an empty view", f"{normal.in_times(beside)}"),
        shown(
            "ledger: SQLite FULL / dj-stripe NORMAL",
            f"{full.in_times(theirs)}   {_rates(full, theirs)}",
        ),
    ]


def _rates(mine: Rounds, other: Rounds) -> str:
    return f"{1 / mine.fastest:.0f} : {1 / other.fastest:.0f} events/s"


def _ours(path: Path, synchronous: Literal["FULL", "NORMAL"]) -> Callable[[], float]:
    store = SQLiteStore(path, synchronous=synchronous)
    return delivering(handling(store), Deliveries(payloads.charge()), _BATCH)
