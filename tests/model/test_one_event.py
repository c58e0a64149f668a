"""Whatever happens to one event, its handlers keep the promises of the ledger."""

from __future__ import annotations

import pytest

from stripe_events.storage._table import TRANSITIONS
from tests.model.exploring import explored, name, taken
from tests.model.one_event import BEYOND, SETTINGS


@pytest.mark.parametrize("about", SETTINGS)
def test_every_way_keeps_the_promises(about: str, more: int) -> None:
    """No world that can be reached breaks an invariant, and none is stuck."""
    setting, least = SETTINGS[about]

    searched = explored(setting, more).searched

    print(f"{about}: {searched.worlds} worlds, {searched.steps} steps")  # noqa: T201 - for -rP
    assert least <= searched.worlds


def test_one_event_takes_every_row_but_those_of_several(more: int) -> None:
    """What one event alone cannot come to is known by name, and nothing else is missed."""
    rows = taken((setting for setting, _ in SETTINGS.values()), more)

    assert sorted(BEYOND) == sorted({name(row) for row in TRANSITIONS} - rows)
