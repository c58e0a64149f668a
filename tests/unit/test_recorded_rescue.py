"""``rescue()``: one pass over what is due, and when what is left is due again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events.errors import (
    ConfigurationError,
    Permanent,
    RetryLater,
    StoreError,
)
from stripe_events.observers import Overdue
from stripe_events.storage._operations import ReadDue
from tests.unit.deliveries import NOW, snapshot
from tests.unit.recorded import (
    AsyncMemoryStore,
    Died,
    Handler,
    only_handle,
)
from tests.unit.waiting import LIMIT, aio

if TYPE_CHECKING:
    from stripe_events._recording import Rescued
    from tests.unit.recorded import Service

AFTER = 345_600.0
"""Seconds; four days, when Stripe has given up."""


def left(service: Service, *event_ids: str) -> None:
    """Record events whose handler ``a`` has failed."""
    router = service.code({"a": Handler(*[ValueError("not now")] * len(event_ids))})
    for event_id in event_ids:
        service.deliver(router, snapshot(id=event_id))


def test_rescue_runs_what_is_due_and_says_what_became_of_it(service: Service) -> None:
    """One event after another, the longest due first."""

    def handler(event: Any) -> None:
        ran.append(event.id)
        if event.id == "evt_2":
            raise ValueError("still not")
        if event.id == "evt_3":
            raise Permanent("never")

    ran: list[str] = []
    for event_id in ("evt_3", "evt_1", "evt_2"):
        left(service, event_id)
        service.clock.now += 1
    service.clock.now += AFTER

    rescued = service.rescue(service.code({"a": handler}))

    assert (3, 1, 1, 1) == rescued
    assert ["evt_3", "evt_1", "evt_2"] == ran


def test_rescue_leaves_alone_what_is_not_due(service: Service) -> None:
    """Stripe still delivers it, or somebody is at it."""
    left(service, "evt_1")
    service.clock.now += AFTER - 1

    rescued = service.rescue(service.code({"a": Handler()}))

    assert (0, 0, 0, 0) == rescued


def test_rescue_after_says_when_stripe_has_given_up(service: Service) -> None:
    """For those who know better."""
    router = service.code({"a": Handler(ValueError("not now"))}, rescue_after=60.0)
    service.deliver(router)
    early = service.rescue(router)
    service.clock.now += 60.0

    assert (0, 1) == (early.events, service.rescue(router).handled)


def test_rescue_of_another_scope_sees_nothing(service: Service) -> None:
    """Another service's events are its own business."""
    left(service, "evt_1")
    service.clock.now += AFTER

    assert 0 == service.rescue(service.code({"a": Handler()}, scope="other")).events


def test_what_rescue_fails_is_due_later(service: Service) -> None:
    """Each event is run once in a pass."""
    left(service, "evt_1")
    service.clock.now += AFTER
    router = service.code({"a": Handler(ValueError("still not"))})

    assert 1 == service.rescue(router).failed
    assert ("failed", service.clock.now + AFTER) == (service.record().state, service.record().due)


def test_a_handler_says_when_it_is_due_again(service: Service) -> None:
    """``RetryLater``; of several the last, so that nobody is asked too early."""
    router = service.code(
        {"a": Handler(RetryLater(60)), "b": Handler(RetryLater(30)), "c": Handler(ValueError())}
    )
    assert Outcome.FAILED == service.deliver(router).outcome
    assert service.clock.now + 60 == service.record().due
    service.clock.now += 60

    assert 1 == service.rescue(router).handled


def test_a_handler_that_is_always_due_at_once_does_not_keep_rescue_going(
    service: Service,
) -> None:
    """It has one run in each pass, and is neither lost nor blamed for what was not run."""
    handler = Handler(*[RetryLater(0)] * 10)
    router = service.code({"a": handler}, max_abandoned=1)
    service.deliver(router)

    passes = [service.rescue(router) for _ in range(3)]

    assert [(1, 0, 1, 0)] * 3 == passes
    assert [1, 2, 3, 4] == handler.attempts
    assert (0, "pending") == (service.handler().abandoned, service.record().state)


def test_events_that_only_a_retired_handler_waits_for_do_not_end_the_pass(
    service: Service,
) -> None:
    """They are settled on the way, and what comes after them is run."""
    for event_id in ("evt_1", "evt_2", "evt_3"):
        service.deliver(service.code({"gone": Handler(ValueError())}), snapshot(id=event_id))
        service.clock.now += 1
    left(service, "evt_4")
    service.clock.now += AFTER
    router = service.code({"a": Handler()})
    router.retire("gone")

    assert 1 == service.rescue(router).handled
    assert {"done"} == {service.record(f"evt_{number}").state for number in range(1, 5)}


def test_a_pass_goes_on_after_events_that_it_settled(service: Service) -> None:
    """Nobody wants them any more, so there is nothing to run."""
    for number in range(3):
        router = service.code({"gone": Handler(ValueError())})
        service.deliver(router, snapshot(id=f"evt_{number}"))
    service.clock.now += AFTER
    router = service.code({})
    router.retire("gone")

    assert 0 == service.rescue(router).events
    assert {"done"} == {service.record(f"evt_{number}").state for number in range(3)}


def test_an_inbox_event_is_tried_again_with_growing_pauses(service: Service) -> None:
    """Up to ten seconds after the first failure, twice as long after each other one."""
    router = service.code({"a": Handler(*[ValueError(str(one)) for one in range(13)])})
    service.deliver(router)
    service.ledger.retry("default", "evt_1")
    pauses = []
    for _ in range(12):
        service.rescue(router)
        record = service.record()
        assert record.due is not None
        pauses.append(record.due - service.clock.now)
        service.clock.now = record.due

    assert "inbox" == record.lane
    for attempt, pause in enumerate(pauses):
        assert 1.0 <= pause <= min(3_600.0, 10.0 * 2**attempt)
    assert max(pauses) > 60.0  # by chance below that once in millions of runs


def test_handlers_have_fifteen_minutes_when_nobody_waits(service: Service) -> None:
    """Or what they are given."""
    left(service, "evt_1")
    handler = Handler()
    service.clock.now += AFTER

    service.rescue(service.code({"a": handler}))

    assert 800 < handler.contexts[0].remaining() <= 900


def test_a_handler_that_rescue_does_not_have_is_given_back(service: Service) -> None:
    """As by a delivery; nothing is completed over it."""
    left(service, "evt_1")
    service.clock.now += AFTER

    assert 1 == service.rescue(service.code({})).failed
    assert ("pending", 1) == (service.record().state, service.handler().attempts)


def test_a_payload_that_cannot_be_read_does_not_end_the_pass(service: Service) -> None:
    """It is told in the log, and tried again later: newer code may read it."""
    left(service, "evt_1", "evt_2")
    service.ledger._payloads["default", "evt_1"] = b"[]"
    service.clock.now += AFTER

    rescued = service.rescue(service.code({"a": Handler()}))

    assert (2, 1, 1, 0) == rescued
    assert service.record("evt_1").due == service.clock.now + AFTER


@only_handle
def test_two_passes_at_once_run_each_event_once(service: Service) -> None:
    """Cron may start the next one before the last one has ended."""
    event_ids = [f"evt_{number}" for number in range(20)]
    left(service, *event_ids)
    service.clock.now += AFTER
    handler = Handler()
    router = service.code({"a": handler})
    start = threading.Barrier(2)

    def rescue() -> Rescued:
        start.wait(LIMIT)
        return service.rescue(router)

    passes = [future.result() for future in [service.threads.submit(rescue) for _ in "12"]]

    assert (20, 20) == (sum(one.handled for one in passes), handler.runs)


def test_rescue_needs_a_store(service: Service) -> None:
    """There is nothing else that could be due."""
    with pytest.raises(ConfigurationError, match="no store"):
        service.rescue(service.code({}, store=None))


def test_rescue_needs_an_inbox(service: Service) -> None:
    """A store of the user's may have only what inline delivery needs."""

    class Small:
        accept = finish = suspend = give_back = extend = print

    with pytest.raises(ConfigurationError, match="Small lacks enqueue, take_due"):
        service.rescue(service.code({}, store=Small()))


def test_a_store_that_fails_ends_the_pass(service: Service) -> None:
    """Whoever called it learns of it; what was run until then stays done."""
    left(service, "evt_1", "evt_2")
    service.clock.now += AFTER

    def handler(event: object) -> None:
        service.ledger.break_at(ReadDue, StoreError("refused"))

    with pytest.raises(StoreError, match="refused"):
        service.rescue(service.code({"a": handler}))
    states = sorted(service.record(event_id).state for event_id in ("evt_1", "evt_2"))
    assert ["done", "failed"] == states


def test_overdue_counts_what_nobody_has_come_for(service: Service) -> None:
    """Due, or with a lease that is over, for longer than the grace; observers are told."""
    left(service, "evt_1")
    service.clock.now += AFTER
    service.die({"a": Handler(Died())})
    router = EventRouter(store=service.ledger, clock=service.clock)
    router.observe(Overdue)(service.told.append)

    assert (0, 0.0) == router.overdue()
    service.clock.now += 301
    overdue = router.overdue()

    assert (1, 301.0) == overdue
    assert [overdue] == service.told_of(Overdue)


@only_handle
def test_overdue_is_counted_with_an_awaited_store_too(service: Service) -> None:
    """With ``aoverdue``."""
    left(service, "evt_1")
    service.clock.now += AFTER + 500
    for store in (service.ledger, AsyncMemoryStore(service.ledger)):
        router = EventRouter(store=store, clock=lambda: NOW + AFTER + 500)  # type: ignore[arg-type]

        assert (1, 500.0) == aio(router.aoverdue())
        assert (0, 0.0) == aio(router.aoverdue(grace=501))
        router.close()
