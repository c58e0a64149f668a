"""
Print the tables: ``python -m benchmarks [speed|import|adapters|ledger|inbox] [--no-fail]``.

``adapters-calls``, ``adapters-servers`` and ``adapters-lambda`` are parts of ``adapters``.
``ledger-memory``, ``ledger-sqlite`` and ``ledger-postgres`` are parts of ``ledger``.
``inbox-postgres``, ``-redis``, ``-sqlite``, ``-latency`` and ``-idle`` are parts of ``inbox``;
``ledger-curve`` and ``inbox-curve``, which fill databases with millions of rows, are only run
by their names, and so are ``simulation``, which has no targets, and ``scaling``, what events
cost in each database.

Exit status 1 when a target is missed, unless ``--no-fail``; 2 where the stripe
installed is too old to compare with.
"""

from __future__ import annotations

import argparse
import platform
import sys
from importlib.metadata import version

from benchmarks import adapters, inbox, ledger, startup
from benchmarks.figures import Figure, table

_OLDEST_STRIPE = 15


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for, print it, and give the exit status."""
    options = _parser().parse_args(arguments)
    stripe = version("stripe")
    if int(stripe.partition(".")[0]) < _OLDEST_STRIPE:
        print(f"stripe {stripe} is installed; the targets are for {_OLDEST_STRIPE} or newer")
        return 2
    print(f"Python {platform.python_version()}, stripe {stripe}, {platform.platform()}\n")
    figures = _measure(options)
    print(table(figures))
    missed = any(figure.passed is False for figure in figures)
    return int(missed and not options.no_fail)


def _measure(options: argparse.Namespace) -> list[Figure]:
    figures: list[Figure] = []
    if options.part in ("speed", "all"):
        from benchmarks import speed  # imports stripe

        figures += speed.measure(options.rounds, options.indent)
    if options.part in ("import", "all"):
        figures += startup.measure(options.rounds)
    for part in adapters.PARTS:
        if options.part in (f"adapters-{part}", "adapters", "all"):
            figures += adapters.measure(part, options.rounds)
    if options.part == "simulation":
        from benchmarks import simulation  # needs no stripe

        figures += simulation.measure()
    if options.part == "scaling":
        from benchmarks import scaling  # starts servers of all kinds

        figures += scaling.measure()
    for part in _ledger_parts(options.part):
        figures += ledger.measure(part, options.rounds)
    for part in _inbox_parts(options.part):
        figures += inbox.measure(part, options.rounds)
    return figures


def _ledger_parts(asked: str) -> tuple[str, ...]:
    if asked in ("ledger", "all"):
        return ledger.PARTS
    return (asked.removeprefix("ledger-"),) if asked.startswith("ledger-") else ()


def _inbox_parts(asked: str) -> tuple[str, ...]:
    if asked in ("inbox", "all"):
        return inbox.PARTS
    return (asked.removeprefix("inbox-"),) if asked.startswith("inbox-") else ()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    ledgers = [f"ledger-{part}" for part in (*ledger.PARTS, "curve")]
    of_adapters = [f"adapters-{part}" for part in adapters.PARTS]
    inboxes = ["inbox", *(f"inbox-{part}" for part in (*inbox.PARTS, "curve"))]
    parts = ["speed", "import", "adapters", *of_adapters, "ledger", *ledgers, "simulation"]
    parts += ["scaling", *inboxes, "all"]
    parser.add_argument("part", nargs="?", choices=parts, default="all")
    parser.add_argument("--no-fail", action="store_true", help="exit 0 also if a target is missed")
    parser.add_argument("--rounds", type=int, default=40, help="of each comparison (40)")
    parser.add_argument("--indent", type=int, help="measure with JSON indented so far")
    return parser


if __name__ == "__main__":
    sys.exit(main())
