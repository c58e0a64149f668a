"""``stale=``: snapshots that a newer one has overtaken are skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.events import ChargeSucceeded
from tests.unit.deliveries import NOW, snapshot
from tests.unit.recorded import Handler, only_handle

if TYPE_CHECKING:
    from tests.unit.recorded import Service


@only_handle
def test_a_renamed_handler_remembers_the_newest_snapshot(service: Service) -> None:
    """Its group is its own, whatever it is called now."""
    before = service.code({})
    before.on(ChargeSucceeded, name="old", stale="skip")(Handler())
    service.deliver(before, snapshot(id="evt_newer", created=NOW + 1))
    handler = Handler()
    after = service.code({})
    after.on(ChargeSucceeded, name="new", formerly="old", stale="skip")(handler)

    service.deliver(after, snapshot(id="evt_older"))

    assert (0, {"new": "skipped"}) == (handler.runs, service.outcomes("evt_older"))
