"""
Corrections of what the SDK says, from ``tools/overrides.toml``, each with its reason.

A correction that corrects nothing is an error: the SDK has caught up, or the type
is gone, and a stale correction would hide the next change.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.sdk import Fact

__all__ = ["OVERRIDES", "Override", "OverrideError", "apply", "load"]

OVERRIDES: Final = Path(__file__).with_name("overrides.toml")


class OverrideError(ValueError):
    """Say which correction is incomplete or corrects nothing."""


class Override(NamedTuple):
    """The cells to set in what the SDK says about one type, and why."""

    type: str
    reason: str
    cells: dict[str, str]


def load(path: Path = OVERRIDES) -> list[Override]:
    """Read the corrections; one without a reason or without cells is an OverrideError."""
    tables: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["override"]
    return [_override(table) for table in tables]


def apply(overrides: Iterable[Override], facts: Iterable[Fact]) -> list[Fact]:
    """Give the facts with their corrections; raises OverrideError (see the module)."""
    by_type = {fact.type: fact for fact in facts}
    for override in overrides:
        fact = by_type.get(override.type)
        if fact is None:
            raise OverrideError(f"{override.type}: the SDK has no such type, drop the override")
        for column, text in override.cells.items():
            if fact.cells.get(column) == text:
                raise OverrideError(f"{override.type}: the SDK itself says {column} {text!r} now")
        by_type[override.type] = fact._replace(cells={**fact.cells, **override.cells})
    return [*by_type.values()]


def _override(table: dict[str, Any]) -> Override:
    if table.keys() != {"type", "reason", "set"} or not table["reason"] or not table["set"]:
        raise OverrideError(f"an override has type, reason and set, not {table}")
    return Override(table["type"], table["reason"], table["set"])
