"""``order_by=``: one event per object at a time, oldest first (promise 8)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events.errors import ConfigurationError, Permanent
from stripe_events.observers import Busy
from tests.unit.deliveries import NOW, snapshot, thin
from tests.unit.recorded import LEASE, Died, Handler
from tests.unit.waiting import reached

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import Context
    from tests.unit.recorded import Service


def event(number: int, *, created: int | None = None, **fields: Any) -> dict[str, Any]:
    """Give the snapshot event of this number, about one and the same charge."""
    return snapshot(id=f"evt_{number}", created=NOW + (number if created is None else created)) | (
        fields
    )


def about(object_id: str) -> dict[str, Any]:
    """Give the data of an event about another charge."""
    return {"object": {"id": object_id, "object": "charge"}}


def ordered(
    service: Service, handlers: dict[str, Callable[..., Any]], **options: Any
) -> EventRouter:
    """Give code that asks for order by object."""
    return service.code(handlers, order_by="object", order_inline=True, **options)


def held(service: Service, *later: dict[str, Any]) -> tuple[list[Outcome], EventRouter]:
    """Let ``evt_1`` fail, and deliver others meanwhile; give their outcomes and the code."""
    router = ordered(service, {"a": Handler(ValueError("not now"))})
    service.deliver(router, event(1))
    return [service.deliver(router, payload).outcome for payload in later], router


def test_a_second_event_of_an_object_waits(service: Service) -> None:
    """It is recorded and parked; Stripe is told to come again."""

    def handler(received: Any) -> None:
        if received.id == "evt_1":
            twins.append(service.deliver(router, event(2)))

    twins: list[Any] = []
    router = ordered(service, {"a": handler})

    assert Outcome.HANDLED == service.deliver(router, event(1)).outcome
    assert [(409, Outcome.BUSY)] == [(one.status, one.outcome) for one in twins]
    assert ["evt_2"] == [told.event.id for told in service.told_of(Busy)]


def test_without_order_by_nothing_waits(service: Service) -> None:
    """Order is asked for, or there is none."""

    def handler(received: Any) -> None:
        if received.id == "evt_1":
            twins.append(service.deliver(router, event(2)))

    twins: list[Any] = []
    router = service.code({"a": handler})

    service.deliver(router, event(1))

    assert [Outcome.HANDLED] == [one.outcome for one in twins]


@pytest.mark.parametrize(
    "other",
    [
        event(2, data=about("ch_2")),
        event(2, account="acct_1"),
        event(2, data={"object": {"object": "balance"}}),
    ],
    ids=["another object", "another account", "an object without id"],
)
def test_other_objects_do_not_wait(service: Service, other: dict[str, Any]) -> None:
    """Nor does the same id in another account."""
    outcomes, _ = held(service, other)

    assert [Outcome.HANDLED] == outcomes


def test_thin_and_snapshot_events_of_an_object_are_in_one_order(service: Service) -> None:
    """Both are about the charge."""
    handler = Handler(ValueError("not now"))
    router = ordered(service, {"a": handler})
    router.on_any(name="any")(Handler())
    service.deliver(router, event(1))

    assert Outcome.BUSY == service.deliver(router, thin(id="evt_2")).outcome


def test_a_parked_event_stays_parked_however_often_it_is_delivered(service: Service) -> None:
    """Until the one before it is settled."""
    outcomes, router = held(service, event(2), event(2), event(2))

    assert [Outcome.BUSY] * 3 == outcomes
    assert "parked" == service.record("evt_2").state
    assert Outcome.HANDLED == service.deliver(router, event(1)).outcome
    assert Outcome.HANDLED == service.deliver(router, event(2)).outcome


def test_a_failed_event_holds_its_successors_back(service: Service) -> None:
    """Also for longer than any lease."""
    _, router = held(service, event(2))
    service.clock.now += 10 * LEASE

    assert Outcome.BUSY == service.deliver(router, event(2)).outcome
    assert "failed" == service.record("evt_1").state


def test_a_dead_event_does_not_hold_its_successors_back(service: Service) -> None:
    """Nobody will ever settle it."""
    router = ordered(service, {"a": Handler(ValueError("not now"), Permanent("never"))})
    service.deliver(router, event(1))
    parked = service.deliver(router, event(2)).outcome

    outcomes = [service.deliver(router, event(number)).outcome for number in (1, 2)]

    assert Outcome.BUSY == parked
    assert [Outcome.DEAD, Outcome.HANDLED] == outcomes


def test_the_oldest_that_waits_is_next(service: Service) -> None:
    """By Stripe's time of creation, not by arrival."""
    _, router = held(service, event(4), event(2), event(3))

    service.deliver(router, event(1))

    states = {number: service.record(f"evt_{number}").state for number in (2, 3, 4)}
    assert {2: "pending", 3: "parked", 4: "parked"} == states
    assert Outcome.BUSY == service.deliver(router, event(3)).outcome
    order = [service.deliver(router, event(number)).outcome for number in (2, 3, 4)]
    assert [Outcome.HANDLED] * 3 == order


def test_of_two_created_at_the_same_time_the_first_received_is_next(service: Service) -> None:
    """And of those the one whose id is first."""
    router = ordered(service, {"a": Handler(ValueError("not now"))})
    service.deliver(router, event(1, created=0))
    service.deliver(router, event(5, created=1))
    service.clock.now += 1
    for number in (4, 3):
        service.deliver(router, event(number, created=1))

    numbers = (1, 5, 3, 4)
    outcomes = [service.deliver(router, event(number)).outcome for number in numbers]

    assert [Outcome.HANDLED] * 4 == outcomes


def test_an_earlier_event_that_arrives_later_is_marked(service: Service) -> None:
    """It runs; its handler is told."""
    handler = Handler()
    router = ordered(service, {"a": handler})
    service.deliver(router, event(2))

    assert Outcome.HANDLED == service.deliver(router, event(1)).outcome
    assert [False, True] == [ctx.out_of_order for ctx in handler.contexts]


def test_an_event_that_waited_is_marked_too(service: Service) -> None:
    """It was parked behind one that was created after it."""
    handler = Handler(ValueError("not now"))
    router = ordered(service, {"a": handler})
    for number in (2, 1):
        service.deliver(router, event(number))

    outcomes = [service.deliver(router, event(number)).outcome for number in (2, 1)]

    assert [Outcome.HANDLED] * 2 == outcomes
    assert [False, False, True] == [ctx.out_of_order for ctx in handler.contexts]


def test_a_function_gives_the_key(service: Service) -> None:
    """Whatever belongs together; None is without order."""

    def customer(received: Any) -> str | None:
        key: str | None = received.payload["data"]["object"].get("customer")
        return key

    def of(number: int, customer_id: str | None) -> dict[str, Any]:
        data = {"object": {"id": f"ch_{number}", "customer": customer_id}}
        return event(number, data=data)

    handler = Handler(ValueError("not now"))
    router = service.code({"a": handler}, order_by=customer, order_inline=True)

    payloads = (of(1, "cus_1"), of(2, "cus_1"), of(3, "cus_2"), of(4, None))
    outcomes = [service.deliver(router, payload).outcome for payload in payloads]

    assert [Outcome.FAILED, Outcome.BUSY, Outcome.HANDLED, Outcome.HANDLED] == outcomes


def test_the_key_of_a_dead_process_is_taken_with_its_event(service: Service) -> None:
    """A successor does not overtake it when its lease is over."""
    router = ordered(service, {"a": Handler(Died())})
    with pytest.raises(Died):
        service.deliver(router, event(1))
    service.clock.now += LEASE

    outcomes = [service.deliver(router, event(number)).outcome for number in (2, 1, 2)]

    assert [Outcome.BUSY, Outcome.HANDLED, Outcome.HANDLED] == outcomes


def test_rescue_runs_a_key_in_order(service: Service) -> None:
    """What is parked becomes due when it is its turn."""

    def handler(received: Any, ctx: Context) -> None:
        ran.append(received.id)
        if len(ran) == 1:
            raise ValueError("not now")

    ran: list[str] = []
    router = ordered(service, {"a": handler})
    for number in (1, 3, 2):
        service.deliver(router, event(number))
    service.clock.now += 345_600

    assert 3 == service.rescue(router).handled
    assert ["evt_1", "evt_1", "evt_2", "evt_3"] == ran


def test_a_waiting_delivery_gets_its_turn(service: Service) -> None:
    """The one before it ends within ``busy_wait``."""
    running, go_on = threading.Event(), threading.Event()

    def handler(received: Any) -> None:
        ran.append(received.id)
        if received.id == "evt_1":
            running.set()
            reached(go_on)

    ran: list[str] = []
    router = ordered(service, {"a": handler}, busy_wait=20)
    first = service.threads.submit(service.deliver, router, event(1))
    reached(running)
    second = service.threads.submit(service.deliver, router, event(2))
    service.wait_until_recorded("evt_2")
    go_on.set()

    assert [Outcome.HANDLED] * 2 == [first.result().outcome, second.result().outcome]
    assert ["evt_1", "evt_2"] == ran


def test_order_needs_a_store(service: Service) -> None:
    """Where else would it be kept."""
    with pytest.raises(ConfigurationError, match="needs a store"):
        EventRouter(order_by="object", order_inline=True)


def test_inline_order_is_to_be_meant(service: Service) -> None:
    """A successor waits for Stripe's next try, which may take hours."""
    with pytest.raises(ConfigurationError, match="order_inline=True"):
        EventRouter(store=service.store, order_by="object")
