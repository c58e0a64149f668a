"""An owner that is paused for longer than its lease, and goes on when others have come."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.stores.faults.applications import Application, lines
from tests.stores.faults.children import be_paused
from tests.stores.faults.processes import LIMIT, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stores.faults.places import Place


@pytest.mark.parametrize(
    ("handler", "step"),
    [("block", 1), ("block", 3), ("joined", 1), ("joined", 2), ("file", 1)],
)
def test_what_it_does_after_a_takeover_is_refused_and_reported(
    place: Place, file: Path, handler: str, step: int
) -> None:
    """Its transaction rolls back, be it open already or not; it answers 500 and says why."""
    if place.kind == "sqlite" and step > 1:
        pytest.skip("on SQLite, an open transaction keeps others from taking over")
    with (
        running(be_paused, place, file, handler, step) as owner,
        closing(Application(place, file, handlers=[handler], busy_wait=LIMIT)) as successor,
    ):
        assert "in the handler" == owner.hear()
        owner.pause()
        assert 200 == successor.deliver("evt_1").status
        owner.tell("go on")
        owner.resume()
        assert (500, "LostClaim", ["LostClaim"]) == owner.hear()
        assert "done" == successor.state("evt_1")
    effects, texts = place.effects(), lines(file)
    assert ({} if handler == "file" else {("evt_1", handler): 1}) == effects
    assert ({"evt_1": 2} if handler == "file" else {}) == texts


@pytest.mark.parametrize(("handler", "step"), [("block", 3), ("joined", 3)])
def test_what_it_has_written_cannot_be_taken_over_before_its_commit(
    place: Place, file: Path, handler: str, step: int
) -> None:
    """Whoever comes meanwhile is not answered 200; what the owner commits then, counts."""
    if place.kind == "postgres" and handler == "block":
        pytest.skip("on PostgreSQL, a block locks nothing before its last statement")
    patience = {"sqlite": "busy_timeout", "postgres": "lock_timeout"}[place.kind]
    store = place.store(**{patience: 0.05})
    with (
        running(be_paused, place, file, handler, step) as owner,
        closing(Application(place, file, store=store, handlers=[handler], busy_wait=0)) as other,
    ):
        assert "in the handler" == owner.hear()
        owner.pause()
        wait_for_the_end_of_the_lease(other)
        assert 500 == other.deliver("evt_1").status
        owner.tell("go on")
        owner.resume()
        assert (200, "NoneType", []) == owner.hear()
        assert "duplicate" == other.deliver("evt_1").outcome
    assert {("evt_1", handler): 1} == place.effects()


def wait_for_the_end_of_the_lease(application: Application) -> None:
    """Look until it is over by this machine's clock, which is the store's too."""
    deadline = time.monotonic() + LIMIT
    while application.store.get("default", "evt_1").record.lease_until > time.time():
        assert time.monotonic() < deadline, "the lease does not end"
