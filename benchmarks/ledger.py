"""The ledger's benchmarks, by the names under which the command line has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.figures import Figure

__all__ = ["PARTS", "measure"]

PARTS: Final = ("memory", "sqlite", "postgres")
"""What ``ledger`` measures; ``curve`` takes many minutes, so it is asked for by name."""


def measure(part: str, rounds: int) -> list[Figure]:
    """Measure one of ``PARTS``, or ``curve``."""
    # Each imports what the others do without.
    match part:
        case "memory":
            from benchmarks import ledger_memory

            return ledger_memory.measure(5 * rounds)
        case "sqlite":
            from benchmarks import ledger_sqlite

            # A round takes a second.
            return ledger_sqlite.measure(max(1, rounds // 2))
        case "postgres":
            from benchmarks import ledger_postgres

            return ledger_postgres.measure(5 * rounds)
        case _:
            from benchmarks import ledger_curve

            return ledger_curve.measure(rounds)
