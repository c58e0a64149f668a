"""The adapters' benchmarks, by the names under which the command line has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.figures import Figure

__all__ = ["PARTS", "measure"]

PARTS: Final = ("calls", "servers", "lambda")


def measure(part: str, rounds: int) -> list[Figure]:
    """Measure one of ``PARTS``."""
    # Each imports what the others do without.
    match part:
        case "calls":
            from benchmarks import adapters_calls

            return adapters_calls.measure(rounds)
        case "servers":
            from benchmarks import adapters_servers

            return adapters_servers.measure(rounds)
        case _:
            from benchmarks import adapters_lambda

            return adapters_lambda.measure(rounds)
