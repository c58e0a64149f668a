"""When an event is due again of which some handlers failed, and others were not run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from stripe_events import EventRouter, Outcome
from stripe_events.errors import RetryLater
from stripe_events.storage import MemoryStore
from stripe_events.worker import Worker
from tests.unit.deliveries import NOW, SECRET, signed, snapshot
from tests.unit.recorded import Handler
from tests.unit.test_inbox_mixed import mixed
from tests.unit.waiting import aio

if TYPE_CHECKING:
    from tests.unit.recorded import Service

DAY = 86_400


def test_what_is_left_to_workers_does_not_wait_for_an_inline_handler(service: Service) -> None:
    """Whatever that one asks for: Stripe comes again for it by its own schedule."""
    router = mixed(service, Handler(RetryLater(DAY), RetryLater(DAY)), Handler())

    assert Outcome.FAILED == service.deliver(router).outcome
    assert service.clock.now == service.record().due
    service.rescue(router)

    assert {"now": "failed", "later": "succeeded"} == service.outcomes()
    assert service.clock.now + DAY == service.record().due


def test_with_a_queue_it_is_due_after_the_grace(service: Service) -> None:
    """The next delivery tells the queue of it; a worker comes if there is none."""
    router = mixed(service, Handler(RetryLater(DAY)), Handler(), dispatch=list, dispatch_grace=7.0)

    assert Outcome.FAILED == service.deliver(router).outcome
    assert service.clock.now + 7.0 == service.record().due


def test_a_stop_keeps_to_what_a_handler_asked_for() -> None:
    """The one that was cancelled waits with it: an event is due at one time."""
    store = MemoryStore(clock=lambda: NOW)
    router = EventRouter(SECRET, store=store, delivery="inbox", clock=lambda: NOW)

    @router.on("charge.succeeded", name="asks")
    async def asks(event: object) -> None:
        raise RetryLater(DAY)

    @router.on("charge.succeeded", name="hangs")
    async def hangs(event: object) -> None:
        worker.stop()
        await asyncio.Event().wait()

    worker = Worker(router, stop_within=0.0)
    router.handle(*signed(snapshot()))
    aio(worker.arun())

    stored = store.get("default", snapshot()["id"])
    assert stored is not None
    assert ("pending", NOW + DAY) == (stored.record.state, stored.record.due)
    assert [1, 0] == [handler.attempts for handler in stored.record.handlers]
