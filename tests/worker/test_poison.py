"""A poison event, whose handler kills the process, ends dead and stops nobody else."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.worker.applications import LEASE, lines
from tests.worker.children import crew
from tests.worker.conditions import until
from tests.worker.desks import Poisoned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.worker.children import Crew
    from tests.worker.places import AnyPlace

MAX_ABANDONED = 4


def test_it_alone_is_dead_and_its_sibling_succeeds(place: AnyPlace, file: Path) -> None:
    """A supervisor starts the worker again each time; events that died beside it are done."""
    options = {"max_abandoned": MAX_ABANDONED, "lease": LEASE / 2}
    innocent = {f"evt_{number}" for number in range(6)}
    with (
        closing(Poisoned(place, file, **options)) as office,
        crew(place, file, Poisoned, **options) as workers,
    ):
        office.receive("evt_poison", *sorted(innocent))
        deaths = supervise(office, workers)
        poison = office.records()["evt_poison"]
        assert {"evt_poison"} == office.in_states({"dead"})
        assert {"deadly": "dead", "file": "succeeded"} == {
            handler.name: handler.outcome for handler in poison.handlers
        }
        assert poison.handler("file").at < poison.handler("deadly").at
        assert MAX_ABANDONED == deaths == poison.handler("deadly").abandoned
        assert innocent == office.in_states({"done"})
    assert {f"{event}/file" for event in {*innocent, "evt_poison"}} == set(lines(file))


def supervise(office: Poisoned, workers: Crew, died: Callable[[], object] = bool) -> int:
    """Have a worker until all is over; tell of each death, and count them."""
    deaths = 0
    workers.hire()

    def over() -> bool:
        nonlocal deaths
        if not workers.members[0].is_alive:
            deaths += 1
            died()
            workers.kill()
            workers.hire()
        return office.all_over()

    until(over)
    return deaths


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_what_comes_in_meanwhile_does_not_wait_for_its_end(place: AnyPlace, file: Path) -> None:
    """Between two of its deaths others are done, for it is due only when its lease is over."""
    options = {"max_abandoned": 2, "lease": 2 * LEASE}
    with (
        closing(Poisoned(place, file, **options)) as office,
        crew(place, file, Poisoned, **options) as workers,
    ):
        office.receive("evt_poison")
        names = iter(("evt_1", "evt_2"))
        assert 2 == supervise(office, workers, lambda: office.receive(next(names)))
        records = office.records()
        assert {"evt_1", "evt_2"} == office.in_states({"done"})
        ends = [records[name].handler("file").at for name in ("evt_1", "evt_2")]
        assert max(ends) < records["evt_poison"].handler("deadly").at
