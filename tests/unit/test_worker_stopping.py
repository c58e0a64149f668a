"""How a worker ends: what runs is finished, or given back; nothing stays claimed for nothing."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.errors import StoreError
from stripe_events.storage._operations import ReadDue
from stripe_events.worker import Worker, WorkerStatus
from tests.unit.recorded import AsyncMemoryStore, Handler, Service, WatchedStore
from tests.unit.test_recorded_stopping import Hanging
from tests.unit.waiting import aio, ended, ours, reached, turns
from tests.unit.workers import LONG, Gate, burst, fill, running, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import EventRouter

inbox: dict[str, Any] = {"delivery": "inbox"}


def test_a_burst_ends_though_events_are_due_later(service: Service) -> None:
    """They are left to the next one."""
    router = service.code({"a": Handler()}, **inbox)
    fill(service, router, 1)
    service.clock.now -= 100

    status = burst(router, poll=LONG)

    assert ("stopped", 0) == (status.state, status.handled)


def test_a_burst_of_nothing_ends_at_once(service: Service) -> None:
    """It has looked."""
    router = service.code({"a": Handler()}, **inbox)

    status = burst(router, poll=LONG)

    assert ("stopped", 0, None) == (status.state, status.handled, status.error)
    assert status.looked is not None


def test_stop_from_a_thread(service: Service) -> None:
    """What runs is finished, no more is begun."""
    gate = Gate()
    router = service.code({"a": gate}, **inbox)
    fill(service, router, 5)
    worker = Worker(router, concurrency=2, poll=LONG)

    with running(worker):
        gate.wait_for(2)
        worker.stop()
        until(lambda: worker.status.state == "stopping")
        worker.stop()
        gate.open()

    states = [service.record(f"evt_{number}").state for number in range(5)]
    assert (2, ["done", "done", "pending", "pending", "pending"]) == (gate.runs, sorted(states))
    assert ("stopped", 2, 0) == (
        worker.status.state,
        worker.status.handled,
        worker.status.running,
    )


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_stop_from_a_handler(service: Service, is_async: bool) -> None:
    """Which is finished, as others are that run."""
    workers: list[Worker] = []

    def handler(event: object) -> None:
        workers[0].stop()

    async def async_handler(event: object) -> None:
        handler(event)
        await asyncio.sleep(0)

    router = service.code({"a": async_handler if is_async else handler}, **inbox)
    fill(service, router, 3)
    workers.append(Worker(router, concurrency=1, poll=LONG))

    status = workers[0].run()

    assert ("stopped", 1) == (status.state, status.handled)


def test_stop_before_the_start(service: Service) -> None:
    """Nothing is claimed."""
    router = service.code({"a": Handler()}, **inbox)
    fill(service, router, 1)
    worker = Worker(router, poll=LONG)
    worker.stop()

    assert 0 == worker.run().handled
    assert 0 == service.ledger.count(ReadDue)
    worker.stop()


def test_async_handlers_are_cancelled_and_given_back(service: Service) -> None:
    """When they have had ``stop_within``; uncounted, and due at once."""
    handler = Hanging()
    router = service.code({"a": handler}, **inbox)
    fill(service, router, 1)
    worker = Worker(router, poll=LONG, stop_within=0)

    with running(worker):
        reached(handler.started)

    record = service.record("evt_0")
    assert (1, "pending", service.clock.now) == (handler.cleaned_up, record.state, record.due)
    assert 0 == service.handler("a", "evt_0").attempts
    assert (0, 1) == (worker.status.handled, worker.status.returned)
    assert 1 == burst(service.code({"a": Handler()}, **inbox)).handled


def test_sync_handlers_are_left_to_their_leases(service: Service) -> None:
    """A thread cannot be stopped: given back, the event could run twice at once."""
    gate = Gate()
    router = service.code({"a": gate}, **inbox)
    fill(service, router, 1)
    worker = Worker(router, poll=LONG, stop_within=0)

    with running(worker):
        gate.wait_for(1)

    assert "claimed" == service.record("evt_0").state
    assert WorkerStatus("stopped", running=1) == worker.status._replace(looked=None)
    gate.open()
    service.clock.now += 100
    assert 1 == burst(service.code({"a": Handler()}, **inbox)).handled


class SlowlyClaiming(WatchedStore):
    """A store whose answer to ``take_due`` is on its way until it may go on."""

    error: Exception | None = None

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """Hold answers up."""
        super().__init__(clock=clock)
        self.claimed, self.go_on = threading.Event(), threading.Event()

    def take_due(self, *arguments: Any) -> Any:
        """Take, and wait."""
        taken = super().take_due(*arguments)
        self.claimed.set()
        reached(self.go_on)
        return taken

    def give_back(self, *arguments: Any) -> None:
        """Fail if that was asked for."""
        error, self.error = self.error, None
        if error is not None:
            raise error
        super().give_back(*arguments)


class SlowlyClaimingAsync(AsyncMemoryStore):
    """The same, awaited."""

    async def take_due(self, *arguments: Any) -> Any:
        """Take, and wait."""
        store: Any = self._memory
        taken = await super().take_due(*arguments)
        store.claimed.set()
        # A thread that waits would hold up the end of the loop.
        while not store.go_on.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        return taken


@pytest.fixture
def claiming(service: Service) -> EventRouter:
    """Give a router with two due events, whose store is slow to answer claims."""
    service.ledger = SlowlyClaiming(clock=service.clock)
    awaited = service.way.awaits_store
    service.store = SlowlyClaimingAsync(service.ledger) if awaited else service.ledger
    router = service.code({"a": Handler()}, **inbox)
    fill(service, router, 2)
    return router


def given_back(service: Service) -> list[tuple[str, float | None, int]]:
    """Tell of the two events what a return makes of them."""
    records = [service.record(f"evt_{number}") for number in range(2)]
    return [(record.state, record.due, record.handlers[0].abandoned) for record in records]


def test_what_is_claimed_while_it_stops_is_given_back(
    service: Service, claiming: EventRouter
) -> None:
    """Nobody has to wait for the leases of what was never begun."""
    store: Any = service.ledger
    worker = Worker(claiming, poll=LONG)

    with running(worker):
        reached(store.claimed)
        worker.stop()
        until(lambda: worker.status.state == "stopping")
        store.go_on.set()

    assert [("pending", service.clock.now, 0)] * 2 == given_back(service)
    assert (0, 2) == (worker.status.handled, worker.status.returned)


def test_what_is_claimed_while_it_is_cancelled_is_given_back(
    service: Service, claiming: EventRouter
) -> None:
    """A task of the application's may be cancelled, twice too."""

    async def main() -> None:
        work = asyncio.create_task(worker.arun())
        await asyncio.to_thread(reached, store.claimed)
        work.cancel()
        await turns(lambda: worker.status.state == "stopping")
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        store.go_on.set()
        await turns(lambda: worker.status.state == "stopped")
        await turns(lambda: not set(ours()) - before)

    store: Any = service.ledger
    before = set(ours())
    worker = Worker(claiming, poll=LONG)
    aio(main())

    assert [("pending", service.clock.now, 0)] * 2 == given_back(service)
    assert ended(before)


def test_a_store_that_fails_to_take_back_keeps_nothing_else_from_being_given_back(
    service: Service, claiming: EventRouter, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged; the lease covers it."""
    if service.way.awaits_store:
        pytest.skip("its twin has no switch for that")
    store: Any = service.ledger
    store.error = StoreError("down")
    worker = Worker(claiming, poll=LONG)

    with running(worker):
        reached(store.claimed)
        worker.stop()
        store.go_on.set()

    assert ["claimed", "pending"] == sorted(state for state, _, _ in given_back(service))
    assert "was not given back" in caplog.text
    assert 1 == worker.status.returned


def test_a_store_that_hangs_does_not_keep_it_from_stopping(
    service: Service, claiming: EventRouter
) -> None:
    """After ``stop_within`` nobody waits for its answer."""
    store: Any = service.ledger
    worker = Worker(claiming, poll=LONG, stop_within=0)
    before = ours()

    with running(worker):
        reached(store.claimed)

    assert "stopped" == worker.status.state
    store.go_on.set()
    assert ended(before)
