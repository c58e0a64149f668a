"""The page of docs that draws how a recorded event goes from state to state."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from stripe_events.storage._table import TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stripe_events.storage._table import Transition

__all__ = ["states_page"]

_INTRODUCTION: Final = """<!-- @generated from src/stripe_events/storage/_table.py; do not edit.
     Regenerate: python -m tools.generate -->

# The states of a recorded event

What the verbs of a store make of an event, each as one atomic step. The promises behind
it are in [delivery.md](delivery.md). The diagram leaves out steps that keep the state.

"""
_HEADER: Final = "| from | when | to | writes | gives |\n| --- | --- | --- | --- | --- |\n"
_FENCE: Final = "`fence` means that the token and the claim id are those of the last claim.\n"


def states_page() -> str:
    """Give the page: a diagram, and below it a table per verb."""
    sections = groupby(TRANSITIONS, key=lambda row: row.verb)
    tables = "".join(f"\n## `{verb}`\n\n{_table(rows)}" for verb, rows in sections)
    return f"{_INTRODUCTION}{_diagram()}\n{_FENCE}{tables}"


def _diagram() -> str:
    labels: dict[tuple[str, str], list[str]] = {}
    for row in TRANSITIONS:
        if row.source != row.target:
            verbs = labels.setdefault((_node(row.source), _node(row.target)), [])
            verbs += [row.verb] if row.verb not in verbs else []
    edges = (f"    {a} --> {b} : {', '.join(verbs)}\n" for (a, b), verbs in labels.items())
    return f"```mermaid\nstateDiagram-v2\n{''.join(edges)}```\n"


def _node(state: str) -> str:
    return "[*]" if state == "absent" else state


def _table(rows: Iterable[Transition]) -> str:
    lines = (f"| {r.source} | {r.when} | {r.target} | {r.writes} | {r.gives} |\n" for r in rows)
    return f"{_HEADER}{''.join(lines)}"
