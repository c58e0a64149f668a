"""The inbox's benchmarks, by the names under which the command line has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.figures import Figure

__all__ = ["PARTS", "measure"]

PARTS: Final = ("postgres", "redis", "sqlite", "latency", "idle")
"""What ``inbox`` measures; ``curve`` takes many minutes, so it is asked for by name."""


def measure(part: str, rounds: int) -> list[Figure]:
    """Measure one of ``PARTS``, or ``curve``."""
    # Each imports what the others do without. A round of the first three takes seconds.
    match part:
        case "postgres" | "redis" | "sqlite":
            from benchmarks import inbox_throughput

            measured = getattr(inbox_throughput, f"measure_{part}")
            figures: list[Figure] = measured(max(1, rounds // 8))
            return figures
        case "latency":
            from benchmarks import inbox_latency

            return inbox_latency.measure(5 * rounds)
        case "idle":
            from benchmarks import inbox_idle

            return inbox_idle.measure()
        case _:
            from benchmarks import inbox_curve

            return inbox_curve.measure(rounds)
