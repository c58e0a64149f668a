"""Two deliveries of one event at the same moment (promise 5)."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from stripe_events import Outcome
from stripe_events.observers import Busy, Duplicate
from stripe_events.storage._operations import ReadEvent
from tests.unit.deliveries import signed, snapshot
from tests.unit.recorded import Died, Handler, only_async, only_handle
from tests.unit.waiting import LIMIT, aio, reached

if TYPE_CHECKING:
    from stripe_events import Context
    from tests.unit.recorded import Service


def test_the_second_of_two_is_busy(service: Service) -> None:
    """Stripe comes again after a second; the first is not disturbed."""
    twins = []

    def handler(event: object) -> None:
        twins.append(service.deliver(router))

    router = service.code({"a": handler})

    assert Outcome.HANDLED == service.deliver(router).outcome
    (twin,) = twins
    assert (409, Outcome.BUSY, "1") == (twin.status, twin.outcome, twin.headers["retry-after"])
    assert b'{"outcome":"busy","event":"evt_1"}' == twin.body
    assert ["evt_1"] == [told.event.id for told in service.told_of(Busy)]


def test_the_second_waits_for_the_first(service: Service) -> None:
    """It ends in time, so that the second one learns that it is a duplicate."""

    def handler(event: object) -> None:
        running.set()
        service.ledger.wait_for(ReadEvent, 2)  # a delivery that looks again

    running = threading.Event()
    router = service.code({"a": handler}, busy_wait=LIMIT)
    first = service.threads.submit(service.deliver, router)
    reached(running)

    second = service.deliver(router)

    assert Outcome.HANDLED == first.result().outcome
    assert (200, Outcome.DUPLICATE) == (second.status, second.outcome)
    assert (1, 0) == (len(service.told_of(Duplicate)), len(service.told_of(Busy)))


def test_the_second_runs_what_the_first_has_left(service: Service) -> None:
    """The first fails while the second waits."""

    def handler(event: object, ctx: Context) -> None:
        if ctx.attempt == 1:
            running.set()
            service.ledger.wait_for(ReadEvent, 2)
            raise ValueError("not now")

    running = threading.Event()
    router = service.code({"a": handler}, busy_wait=LIMIT)
    first = service.threads.submit(service.deliver, router)
    reached(running)

    second = service.deliver(router)

    outcomes = (first.result().outcome, second.outcome)
    assert (Outcome.FAILED, Outcome.HANDLED) == outcomes


def test_the_second_waits_no_longer_than_busy_wait(service: Service) -> None:
    """It has looked at least once more before it gave up."""
    reads: list[int] = []

    def handler(event: object) -> None:
        before = service.ledger.count(ReadEvent)
        service.deliver(waiting)
        reads.append(service.ledger.count(ReadEvent) - before)

    waiting = service.code({"a": Handler()}, busy_wait=0.01)

    service.deliver(service.code({"a": handler}))

    assert 2 <= reads[0]
    assert 1 == len(service.told_of(Busy))


def test_the_second_gets_the_answer_as_soon_as_it_is_there(service: Service) -> None:
    """Stripe waits two seconds for it, and does not care for the other handlers."""

    def answering(event: object, ctx: Context) -> None:
        running.set()
        service.ledger.wait_for(ReadEvent, 2)
        ctx.respond({"approved": True}, {"Stripe-Version": "2025-09-30.clover"})

    def long(event: object) -> None:
        reached(answered)

    running, answered = threading.Event(), threading.Event()
    router = service.code({"answering": answering, "long": long}, busy_wait=LIMIT)
    first = service.threads.submit(service.deliver, router)
    reached(running)

    second = service.deliver(router)
    answered.set()

    assert (200, Outcome.BUSY) == (second.status, second.outcome)
    assert b'{"approved": true}' == second.body == first.result().body
    assert "2025-09-30.clover" == second.headers["stripe-version"]


def test_a_waiting_delivery_takes_over_when_the_lease_ends(service: Service) -> None:
    """No third delivery is needed for it."""
    service.die({"a": Handler(Died())})
    service.clock.now -= 1.5
    service.clock.step = 1.0
    handler = Handler()

    response = service.deliver(service.code({"a": handler}, busy_wait=LIMIT))

    assert (Outcome.HANDLED, [2]) == (response.outcome, handler.attempts)


@only_async
def test_many_on_one_loop_run_it_once(service: Service) -> None:
    """One is handled; the others wait for it on the same loop, blocking nothing."""

    async def main() -> list[Outcome]:
        responses = [router.ahandle(*signed(snapshot())) for _ in range(20)]
        return [response.outcome for response in await asyncio.gather(*responses)]

    async def handler(event: object) -> None:
        runs.append(1)
        await asyncio.sleep(0)

    runs: list[int] = []
    router = service.code({"a": handler}, busy_wait=LIMIT)

    outcomes = aio(main())

    assert {Outcome.HANDLED: 1, Outcome.DUPLICATE: 19} == {
        outcome: outcomes.count(outcome) for outcome in outcomes
    }
    assert [1] == runs


@only_handle
def test_many_in_threads_run_it_once(service: Service) -> None:
    """A claim is one atomic step."""
    handler = Handler()
    router = service.code({"a": handler}, busy_wait=LIMIT)
    start = threading.Barrier(8)

    def deliver() -> Outcome:
        start.wait(LIMIT)
        return service.deliver(router).outcome

    outcomes = [future.result() for future in [service.threads.submit(deliver) for _ in range(8)]]

    assert 1 == outcomes.count(Outcome.HANDLED) == handler.runs
    assert 7 == outcomes.count(Outcome.DUPLICATE)
