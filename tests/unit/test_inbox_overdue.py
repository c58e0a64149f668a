"""Somebody must take up what jobs of another queue have lost; else it is told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events.errors import Busy, HandlerError, StoreError
from stripe_events.observers import Overdue
from stripe_events.storage._operations import ReadList
from tests.unit.deliveries import snapshot
from tests.unit.recorded import Handler

if TYPE_CHECKING:
    from stripe_events import EventRouter
    from tests.unit.recorded import Service


def lost(service: Service, *event_ids: str, **options: Any) -> EventRouter:
    """Give code whose queue loses the jobs of these, which were due 301 s ago."""
    told = {"delivery": "inbox", "dispatch": lambda _: None, "tolerance": 1e9}
    router = service.code({"a": Handler()}, clock=service.clock, **{**told, **options})
    for event_id in event_ids:
        service.deliver(router, snapshot(id=event_id))
    service.clock.now += 60 + 301
    return router


def job(service: Service, router: EventRouter, event_id: str = "evt_job") -> None:
    """Let another event come, whose job is run at once."""
    service.deliver(router, snapshot(id=event_id))
    assert Outcome.HANDLED == service.run(router, event_id).outcome


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what was warned of since this was asked last."""
    found = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    caplog.clear()
    return found


def test_a_job_tells_of_events_that_nobody_has_come_for(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """Observers are told, and one warning says what to do."""
    router = lost(service, "evt_1", "evt_2")

    job(service, router)

    assert [(2, 301.0)] == service.told_of(Overdue)
    (warning,) = warnings(caplog)
    assert (
        "2 events are overdue, the oldest for 301 s: nothing takes what is due in the inbox. "
        "Start `stripe-events work module:router`, or call router.rescue() by cron"
    ) == warning


def test_one_event_is_enough(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """And is told of as one."""
    job(service, lost(service, "evt_1"))

    (warning,) = warnings(caplog)
    assert warning.startswith("1 event is overdue, the oldest for 301 s: ")


def test_it_is_told_once_a_minute(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """However many jobs there are; as long as nobody comes."""
    router = lost(service, "evt_1")
    looks = []
    for second in range(0, 150, 10):
        job(service, router, f"evt_job_{second}")
        looks.append(len(warnings(caplog)))
        service.clock.now += 10

    assert [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0] == looks
    assert 3 == service.ledger.count(ReadList)
    service.rescue(router)
    service.clock.now += 60
    job(service, router)
    assert ([], 4) == (warnings(caplog), service.ledger.count(ReadList))


def test_a_clock_that_was_set_back_does_not_silence_it(service: Service) -> None:
    """It looks again at once, and not when the clock has caught up."""
    router = lost(service, "evt_1")
    service.clock.now += 10_000
    job(service, router)
    service.clock.now -= 5_000
    job(service, router, "evt_job_2")

    assert 2 == service.ledger.count(ReadList)


def test_each_router_looks_for_itself(service: Service) -> None:
    """Two services in one process have two inboxes."""
    first = lost(service, "evt_1")
    second = lost(service, "evt_1", scope="other")

    job(service, first)
    job(service, second)

    assert [1, 1] == [told.events for told in service.told_of(Overdue)]


def test_nothing_is_told_where_somebody_comes(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """What is due for five minutes at most may be a queue that is long for a moment."""
    router = lost(service, "evt_1")
    service.clock.now -= 2

    job(service, router)

    assert ([], []) == (service.told_of(Overdue), warnings(caplog))
    assert 1 == service.ledger.count(ReadList)


def test_a_job_that_fails_tells_too(service: Service) -> None:
    """Whatever becomes of it."""
    lost(service, "evt_1", "evt_2")
    failing = service.code({"a": Handler(ValueError("not now"))}, clock=service.clock)

    with pytest.raises(HandlerError):
        service.run(failing)
    assert [1] == [told.events for told in service.told_of(Overdue)]


def test_no_delivery_looks(service: Service) -> None:
    """Stripe waits for it."""
    router = lost(service, "evt_1")

    service.deliver(router)
    service.process(router, snapshot(id="evt_2"))

    assert 0 == service.ledger.count(ReadList)


def test_a_look_that_fails_changes_nothing(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """The job was done; the log says what went wrong."""
    router = lost(service, "evt_1")
    service.ledger.break_at(ReadList, StoreError("refused"))

    job(service, router)

    assert ["it could not be looked whether events are overdue"] == warnings(caplog)


def test_a_store_that_cannot_list_is_not_asked(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """It may have no more than it needs."""
    router = lost(service, "evt_1", store=Without(service.store, "list"))

    job(service, router)

    assert ([], []) == (service.told_of(Overdue), warnings(caplog))


class Without:
    """A store that lacks a verb."""

    def __init__(self, store: Any, verb: str) -> None:
        """Take a store that has it."""
        self._store = store
        self._verb = verb

    def __getattr__(self, name: str) -> Any:
        """Give what the store has, but for that verb."""
        if name == self._verb:
            raise AttributeError(name)
        return getattr(self._store, name)


def test_a_closed_router_does_not_look(service: Service) -> None:
    """Its store may be closed as well."""
    router = lost(service, "evt_1")
    router.close(wait=0)

    with pytest.raises(Busy):
        service.run(router)
    assert 0 == service.ledger.count(ReadList)
