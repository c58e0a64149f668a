"""``order_by=`` with an inbox: one event per object at a time, oldest first (8, 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome, Retry
from stripe_events.errors import Busy, HandlerError, Permanent
from tests.unit.deliveries import NOW, snapshot
from tests.unit.recorded import LEASE, Died
from tests.unit.test_inbox_mixed import mixed

if TYPE_CHECKING:
    from stripe_events import EventRouter
    from tests.unit.recorded import Service


class Seen:
    """A handler that writes down which events it ran for, and raises for some."""

    def __init__(self, **errors: list[BaseException]) -> None:
        """Take what to raise for which event, run by run."""
        self.ids: list[str] = []
        self._errors = errors

    def __call__(self, event: Any) -> None:
        """Be run."""
        self.ids.append(event.id)
        errors = self._errors.get(event.id)
        if errors:
            raise errors.pop(0)


def event(number: int, *, about: str = "ch_1", created: int | None = None) -> dict[str, Any]:
    """Give the event of this number, about a charge."""
    data = {"object": {"id": about, "object": "charge"}}
    return snapshot(id=f"evt_{number}", created=NOW + (created or number), data=data)


def ordered(service: Service, handler: Any, **options: Any) -> EventRouter:
    """Give code whose inbox keeps order; nobody has to consent to anything."""
    return service.code({"a": handler}, order_by="object", delivery="inbox", **options)


def states(service: Service, *numbers: int) -> list[str]:
    """Give the states of these events."""
    return [service.record(f"evt_{number}").state for number in numbers]


def test_no_delivery_waits_for_another(service: Service) -> None:
    """All are answered at once, and run one after another."""
    seen = Seen()
    router = ordered(service, seen)

    outcomes = {service.deliver(router, event(number)).outcome for number in (1, 2, 3)}

    assert {Outcome.ACCEPTED} == outcomes
    assert ["pending", "parked", "parked"] == states(service, 1, 2, 3)
    assert (3, 3, 0, 0) == service.rescue(router)
    assert ["evt_1", "evt_2", "evt_3"] == seen.ids


def test_the_oldest_that_waits_is_next(service: Service) -> None:
    """By Stripe's time of creation, among those recorded when the head is settled."""
    seen = Seen()
    router = ordered(service, seen)
    for number in (4, 3, 1, 2):
        service.deliver(router, event(number))

    service.rescue(router)

    assert ["evt_4", "evt_1", "evt_2", "evt_3"] == seen.ids
    assert service.record("evt_1").out_of_order


def test_a_failed_event_holds_its_successors_back(service: Service) -> None:
    """For as many passes as it fails; others are not held up."""
    seen = Seen(evt_1=[ValueError("1"), ValueError("2")])
    router = ordered(service, seen, retry=Retry(first=10.0, most=10.0))
    for payload in (event(1), event(2), event(3, about="ch_2")):
        service.deliver(router, payload)

    for _ in range(3):
        service.rescue(router)
        service.clock.now += 10

    assert ["evt_1", "evt_3", "evt_1", "evt_1", "evt_2"] == seen.ids
    assert ["done", "done", "done"] == states(service, 1, 2, 3)


def test_a_dead_event_does_not_hold_its_successors_back(service: Service) -> None:
    """In the very pass in which it dies."""
    seen = Seen(evt_1=[Permanent("never")])
    router = ordered(service, seen)
    for number in (1, 2):
        service.deliver(router, event(number))

    assert (2, 1, 0, 1) == service.rescue(router)
    assert ["evt_1", "evt_2"] == seen.ids


def test_an_event_whose_worker_died_holds_its_successors_back(service: Service) -> None:
    """Until its lease is over and it was run."""
    router = ordered(service, Seen(evt_1=[Died()]))
    for number in (1, 2):
        service.deliver(router, event(number))
    with pytest.raises(Died):
        service.rescue(router)
    seen = Seen()
    router = ordered(service, seen)

    assert 0 == service.rescue(router).events
    service.clock.now += LEASE
    assert 2 == service.rescue(router).handled
    assert ["evt_1", "evt_2"] == seen.ids


def test_jobs_keep_the_order(service: Service) -> None:
    """A job that comes too early is busy; it is due for workers if its queue gives up."""
    seen = Seen(evt_1=[ValueError("not now")])
    router = ordered(service, seen, dispatch=lambda event_id: None)
    for number in (1, 2):
        service.deliver(router, event(number))

    with pytest.raises(Busy):
        service.run(router, "evt_2")
    with pytest.raises(HandlerError):
        service.run(router, "evt_1")
    with pytest.raises(Busy):
        service.run(router, "evt_2")
    assert Outcome.HANDLED == service.run(router, "evt_1").outcome
    due = service.record("evt_2").due
    assert due is not None
    assert due <= service.clock.now + 60
    assert Outcome.HANDLED == service.run(router, "evt_2").outcome
    assert ["evt_1", "evt_1", "evt_2"] == seen.ids


def test_mixed_events_keep_the_order_with_consent(service: Service) -> None:
    """An inline part waits for all of its predecessor, so for a worker; Stripe comes again."""
    now, later = Seen(), Seen()
    router = mixed(service, now, later, order_by="object", order_inline=True)

    first, second = (service.deliver(router, event(number)) for number in (1, 2))

    assert [(200, Outcome.ACCEPTED), (409, Outcome.BUSY)] == [
        (one.status, one.outcome) for one in (first, second)
    ]
    assert ("parked", "inbox") == (service.record("evt_2").state, service.record("evt_2").lane)
    service.rescue(router)
    assert (["evt_1", "evt_2"], ["evt_1", "evt_2"]) == (now.ids, later.ids)
    assert Outcome.DUPLICATE == service.deliver(router, event(2)).outcome


def test_an_event_of_the_inbox_may_follow_an_inline_one(service: Service) -> None:
    """After a switch of the code, say; it is due as soon as its turn has come."""
    seen = Seen(evt_1=[ValueError("not now")])
    inline = service.code({"a": seen}, order_by="object", order_inline=True)
    inbox = ordered(service, seen)
    service.deliver(inline, event(1))
    service.deliver(inbox, event(2))
    assert 0 == service.rescue(inbox).events

    assert Outcome.HANDLED == service.deliver(inline, event(1)).outcome
    assert 1 == service.rescue(inbox).handled
    assert ["evt_1", "evt_1", "evt_2"] == seen.ids


def test_a_function_may_give_the_key(service: Service) -> None:
    """It is asked in the request; what it raises is answered 500, and nothing is recorded."""

    def key(received: Any) -> str | None:
        if received.id == "evt_3":
            raise ValueError("a defect")
        return "one for all"

    seen = Seen()
    router = service.code({"a": seen}, order_by=key, delivery="inbox")
    for number in (1, 2):
        service.deliver(router, event(number, about=f"ch_{number}"))

    assert 500 == service.deliver(router, event(3)).status
    assert not service.has("evt_3")
    assert ["pending", "parked"] == states(service, 1, 2)


def test_an_operator_who_tries_a_dead_one_again_keeps_it_in_order(service: Service) -> None:
    """It waits for those that went ahead, and is marked as out of order."""
    seen = Seen(evt_1=[Permanent("never")])
    router = ordered(service, seen)
    for number in (1, 2):
        service.deliver(router, event(number))
    service.rescue(router)
    service.deliver(router, event(3))
    service.ledger.retry("default", "evt_1")

    assert ["parked", "done", "pending"] == states(service, 1, 2, 3)
    service.rescue(router)
    assert ["evt_1", "evt_2", "evt_3", "evt_1"] == seen.ids
    assert service.record("evt_1").out_of_order
