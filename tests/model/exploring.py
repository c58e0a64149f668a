"""Search a setting once for all tests that look at it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from tests.model.worlds import Explorer

if TYPE_CHECKING:
    from stripe_events.storage._table import Transition
    from tests.model.search import Searched
    from tests.model.settings import Setting


class Explored(NamedTuple):
    """How far a search went, and the rows of the table that it took."""

    searched: Searched
    rows: frozenset[Transition]


@cache
def explored(setting: Setting, more: int = 0) -> Explored:
    """Search a setting with that many more faults."""
    explorer = Explorer(setting._replace(faults=setting.faults + more))
    searched = explorer.search()
    return Explored(searched, frozenset(explorer.rows.taken))


def name(row: Transition) -> str:
    """Give what a row is called in messages."""
    return f"{row.verb}: {row.source}, {row.when} -> {row.target}"


def needs_another_event(row: Transition) -> bool:
    """Tell whether one event alone cannot go this way, or not in its first month."""
    return (
        "parked" in (row.source, row.target)
        or row.when == "older than the watermark"
        or row.verb == "forget"
    )
