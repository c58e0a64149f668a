"""A job meets code that has changed since its event was recorded: what it runs of the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events import Outcome
from stripe_events.errors import HandlerMissing
from stripe_events.events import ChargeSucceeded
from tests.unit.recorded import Handler
from tests.unit.test_inbox_jobs import inbox
from tests.unit.test_recorded_where import Where

if TYPE_CHECKING:
    from tests.unit.recorded import Service


def test_missing_handlers_are_raised(service: Service) -> None:
    """Older code met a newer event: it is given back uncounted, and due within a minute."""
    inbox(service, dispatch_grace=0.0)
    b = Handler()

    with pytest.raises(HandlerMissing, match="a planned for evt_1"):
        service.run(service.code({"b": b}, delivery="inbox"))
    record = service.record()
    assert record.due is not None
    assert ("pending", True) == (record.state, 30 <= record.due - service.clock.now <= 60)
    assert (0, "planned", 1) == (service.handler().attempts, service.handler().outcome, b.runs)


def test_a_handler_that_is_missing_for_a_day_is_dead(service: Service) -> None:
    """By jobs, as by workers."""
    inbox(service)
    router = service.code({"b": Handler()}, delivery="inbox")
    with pytest.raises(HandlerMissing):
        service.run(router)
    service.clock.now += 86_400

    assert Outcome.DEAD == service.run(router).outcome


def test_where_is_not_asked_again(service: Service) -> None:
    """Only that of handlers which were registered since."""
    before, since = Where(True), Where(False)
    router = service.code({}, delivery="inbox")
    router.on(ChargeSucceeded, name="a", where=before)(Handler())
    service.deliver(router)
    joined = service.code({}, delivery="inbox")
    joined.on(ChargeSucceeded, name="a", where=before)(Handler())
    joined.on(ChargeSucceeded, name="b", where=since)(Handler())

    assert Outcome.HANDLED == service.run(joined).outcome
    assert (1, 1) == (before.asked, since.asked)


def test_a_renamed_handler_is_gone_on_with(service: Service) -> None:
    """By ``formerly=``, as in deliveries."""
    inbox(service)
    handler = Handler()
    router = service.code({}, delivery="inbox")
    router.on(ChargeSucceeded, name="b", formerly="a")(handler)

    assert (Outcome.HANDLED, 1) == (service.run(router).outcome, handler.runs)


def test_an_event_whose_last_handler_was_retired_is_done(service: Service) -> None:
    """By the very claim: the job is told that nothing is left."""
    inbox(service)
    router = service.code({}, delivery="inbox")
    router.retire("a")

    assert Outcome.DUPLICATE == service.run(router).outcome
    assert "done" == service.record().state
