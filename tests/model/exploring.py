"""Search a setting once for all tests that look at it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from tests.model.worlds import Explorer

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def taken(settings: Iterable[Setting], more: int) -> set[str]:
    """Name the rows of the table that these searches take."""
    return {name(row) for setting in settings for row in explored(setting, more).rows}
