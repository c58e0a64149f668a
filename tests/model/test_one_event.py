"""Whatever happens to one event, its handlers keep the promises of the ledger."""

from __future__ import annotations

import pytest

from stripe_events.storage._table import TRANSITIONS
from tests.model.exploring import explored, name, needs_another_event
from tests.model.one_event import SETTINGS


@pytest.mark.parametrize("about", SETTINGS)
def test_every_way_keeps_the_promises(about: str, more: int) -> None:
    """No world that can be reached breaks an invariant, and none is stuck."""
    setting, least = SETTINGS[about]

    searched = explored(setting, more).searched

    print(f"{about}: {searched.worlds} worlds, {searched.steps} steps")  # noqa: T201 - for -rP
    assert least <= searched.worlds


def test_one_event_takes_every_row_of_the_table(more: int) -> None:
    """But for those with a key that another event holds, and what comes a month later."""
    taken = frozenset[object]().union(*(explored(one, more).rows for one, _ in SETTINGS.values()))

    missed = [name(row) for row in TRANSITIONS if row not in taken and not needs_another_event(row)]

    assert [] == missed
