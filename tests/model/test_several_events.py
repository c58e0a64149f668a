"""Events of one key keep their order, and older snapshots do not overwrite newer ones."""

from __future__ import annotations

import pytest

from tests.model.exploring import explored, taken
from tests.model.one_event import BEYOND
from tests.model.several_events import SETTINGS


@pytest.mark.parametrize("about", SETTINGS)
def test_every_way_keeps_order(about: str, more: int) -> None:
    """No world that can be reached breaks an invariant, and none is stuck."""
    setting, least = SETTINGS[about]

    searched = explored(setting, more).searched

    print(f"{about}: {searched.worlds} worlds, {searched.steps} steps")  # noqa: T201 - for -rP
    assert least <= searched.worlds


def test_several_events_take_the_other_rows(more: int) -> None:
    """Nothing in the table is beyond both searches."""
    rows = taken((setting for setting, _ in SETTINGS.values()), more)

    assert [] == sorted(set(BEYOND) - rows)
