"""What a worker does with what is due: claims, runs, records; many at once, but not too many."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome, Retry
from stripe_events.errors import Permanent, RetryLater
from stripe_events.events import ChargeSucceeded
from stripe_events.observers import Dead, Failed, Handled
from stripe_events.storage import SQLiteStore
from stripe_events.storage._operations import ReadDue
from stripe_events.worker import Worker
from tests.unit.both_ways import pass_through, pass_through_async
from tests.unit.deliveries import NOW
from tests.unit.recorded import HANDLE, Died, Handler, Service
from tests.unit.workers import LONG, Gate, Log, burst, event, fill, noting, running, until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from stripe_events import Context
    from tests.unit.recorded_sql import SQLService

inbox: dict[str, Any] = {"delivery": "inbox"}


def test_it_runs_what_is_due(service: Service) -> None:
    """Sync and async handlers of one event, in order; the ends are recorded and counted."""
    seen: list[str] = []

    def first(event: object) -> None:
        seen.append(threading.current_thread().name)

    async def second(event: object) -> None:
        await asyncio.sleep(0)
        seen.append(threading.current_thread().name)

    router = service.code({"a": first, "b": second}, **inbox)
    fill(service, router, 1)

    status = burst(router)

    assert seen[0].startswith("stripe-events-handler")
    assert "MainThread" == seen[1]
    assert ("stopped", 1, 0, 0, 0) == (
        status.state,
        status.handled,
        status.failed,
        status.dead,
        status.returned,
    )
    assert "done" == service.record("evt_0").state
    assert 1 == len(service.told_of(Handled))
    assert Outcome.DUPLICATE == service.deliver(router, event(0)).outcome


def test_it_runs_on_an_event_loop_as_well(service: Service) -> None:
    """``arun`` is for programs that have one."""
    handler = Handler()
    router = service.code({"a": handler}, **inbox)
    fill(service, router, 3)

    status = asyncio.run(Worker(router).arun(burst=True))

    assert (3, 3) == (status.handled, handler.runs)


@pytest.mark.parametrize("layer", [pass_through, pass_through_async])
def test_middleware_of_either_kind_is_around_handlers(service: Service, layer: Any) -> None:
    """A worker has an event loop for what is async."""
    handler = Handler()
    router = service.code({}, **inbox)
    router.middleware(layer)
    router.on(ChargeSucceeded, name="a")(handler)
    fill_async(service, router)

    assert (1, 1) == (burst(router).handled, handler.runs)


def fill_async(service: Service, router: Any) -> None:
    """Record ``evt_1``, also where ``handle`` is refused for async middleware."""
    router.freeze()
    service.enqueue(router)


def test_concurrency_is_reached_and_kept() -> None:
    """With threads to spare, no more events are worked on at once, and no more are claimed."""
    service, gate = Service(HANDLE), Gate()
    router = service.code({"a": gate}, **inbox)
    fill(service, router, 20)
    worker = Worker(router, concurrency=4, poll=0.01)

    with running(worker):
        gate.wait_for(4)
        until(lambda: worker.status.running == 4)
        claimed = [service.record(f"evt_{n}").state for n in range(20)].count("claimed")
        assert ("working", 4) == (worker.status.state, claimed)
        gate.open()
        until(lambda: worker.status.handled == 20)

    assert (4, 20) == (gate.most, gate.runs)
    service.close()


def test_concurrency_holds_for_async_handlers() -> None:
    """They are tasks, and as many as may be."""
    service = Service(HANDLE)
    running_now, most = 0, 0
    all_here = asyncio.Event()

    async def handler(event: object) -> None:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        if most == 4:
            all_here.set()
        await all_here.wait()
        await asyncio.sleep(0)
        running_now -= 1

    router = service.code({"a": handler}, **inbox)
    fill(service, router, 20)

    assert 20 == burst(router, concurrency=4).handled
    assert 4 == most
    service.close()


def test_events_are_claimed_in_batches() -> None:
    """As many as there is room for, by one question to the store."""
    service = Service(HANDLE)
    router = service.code({"a": Handler()}, **inbox)
    fill(service, router, 40)

    assert 40 == burst(router, concurrency=40).handled
    assert service.ledger.count(ReadDue) <= 4
    service.close()


def test_handlers_see_the_context_of_the_worker() -> None:
    """Context variables that are set before the start are visible, and stay what they were."""
    service = Service(HANDLE)
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")
    seen: list[str] = []

    def sync(event: object) -> None:
        seen.append(name.get())
        name.set("sync")

    async def awaited(event: object) -> None:
        seen.append(name.get())
        name.set("awaited")

    async def main() -> str:
        name.set("main")
        await Worker(router).arun(burst=True)
        return name.get()

    router = service.code({"a": sync, "b": awaited}, **inbox)
    fill(service, router, 2)

    assert "main" == asyncio.run(main())
    # What an event's async handler sets is seen by none of the other events.
    assert 4 == len(seen)
    assert ["main", "main"] == seen[::2]
    service.close()


def test_the_deadline_of_handlers_is_the_time_limit(service: Service) -> None:
    """They know how long they have."""
    handler = Handler()
    router = service.code({"a": handler}, **inbox)
    fill(service, router, 1)

    burst(router, time_limit=77.0)

    assert 0 < handler.contexts[0].remaining() <= 77.0


def test_what_fails_is_tried_again_when_its_time_comes(service: Service) -> None:
    """Not before: a burst leaves it."""
    handler = Handler(ValueError("not now"))
    router = service.code({"a": handler}, **inbox, retry=Retry(first=50.0, most=50.0))
    fill(service, router, 1)

    first = burst(router)
    second = burst(router)
    service.clock.now += 51
    third = burst(router)

    assert [(0, 1), (0, 0), (1, 0)] == [(s.handled, s.failed) for s in (first, second, third)]
    assert [1, 2] == handler.attempts
    assert 1 == len(service.told_of(Failed))


def test_retry_later_is_obeyed(service: Service) -> None:
    """To the second."""
    router = service.code({"a": Handler(RetryLater(123.0))}, **inbox)
    fill(service, router, 1)

    assert 1 == burst(router).failed
    assert service.clock.now + 123 == service.record("evt_0").due


def test_what_gives_up_is_a_dead_letter(service: Service) -> None:
    """By ``Permanent``, or at its limit; an operator can have it tried again."""
    handler = Handler(Permanent("no"), ValueError("no"))
    router = service.code({"a": handler}, **inbox, retry=Retry(attempts=1))
    fill(service, router, 2)

    status = burst(router, concurrency=1)

    assert (0, 0, 2) == (status.handled, status.failed, status.dead)
    assert 2 == len(service.told_of(Dead))
    service.ledger.retry("default", "evt_0")
    assert 1 == burst(router).handled


def test_a_failure_does_not_keep_siblings_from_running(service: Service) -> None:
    """The next attempt runs only what is left."""
    bad, good = Handler(ValueError("1")), Handler()
    router = service.code({"a": bad, "b": good}, **inbox, retry=Retry(first=1, most=1))
    fill(service, router, 1)

    burst(router)
    assert {"a": "failed", "b": "succeeded"} == service.outcomes("evt_0")
    service.clock.now += 2
    burst(router)

    assert (2, 1, "done") == (bad.runs, good.runs, service.record("evt_0").state)


def test_what_was_left_by_the_dead_is_taken_over(service: Service) -> None:
    """Whatever its lane; the handler that was running is a suspect, and runs last."""
    order: list[str] = []
    poison, good = Handler(Died()), Handler()
    service.die({"a": poison, "b": good})

    def logged(name: str) -> Any:
        return lambda event: order.append(name)

    status = burst(service.code({"a": logged("a"), "b": logged("b")}))

    assert (1, ["b", "a"]) == (status.handled, order)


def test_only_the_suspect_is_dead(service: Service) -> None:
    """After so many runs that died; its sibling succeeds."""
    good, poison = Handler(), Handler(*[Died()] * 9)
    service.die({"a": poison, "b": good}, max_abandoned=1)

    status = burst(service.code({"a": poison, "b": good}, max_abandoned=1))

    assert (1, {"a": "dead", "b": "succeeded"}) == (status.dead, service.outcomes())
    assert 1 == poison.runs


def ordered(service: Service, handler: Any, **options: Any) -> Any:
    """Give a router by which the events of one charge come one after another."""
    return service.code({"a": handler}, **inbox, order_by="object", **options)


def test_a_successor_starts_at_once(service: Service) -> None:
    """Nobody waits for the next look at the store between two events of one key."""
    log = Log()
    router = ordered(service, noting(log))
    for number in range(5):
        service.deliver(router, event(number, created=NOW - 10 + number))

    with running(Worker(router, poll=LONG)):
        log.wait_for(lambda ids: len(ids) == 5)

    assert [f"evt_{number}" for number in range(5)] == log.entries


def test_a_burst_empties_chains(service: Service) -> None:
    """An event that gets its turn by the end of another is due then."""
    log = Log()
    router = ordered(service, noting(log))
    for number in range(8):
        service.deliver(router, event(number, created=NOW - 10 + number))

    assert 8 == burst(router, poll=LONG).handled
    assert [f"evt_{number}" for number in range(8)] == log.entries


def test_two_of_one_key_never_run_at_once() -> None:
    """Though there is room for both."""
    service, gate = Service(HANDLE), Gate()
    router = ordered(service, gate)
    fill(service, router, 3)
    worker = Worker(router, concurrency=5, poll=0.01)

    with running(worker):
        gate.wait_for(1)
        looks = service.ledger.count(ReadDue)
        until(lambda: service.ledger.count(ReadDue) > looks + 2)
        gate.open()
        until(lambda: worker.status.handled == 3)

    assert 1 == gate.most
    service.close()


def test_effects_and_ends_commit_together(bank: SQLService) -> None:
    """``ctx.transaction()`` works in a worker as it does in a delivery."""
    router = bank.code({"a": bank.crediting()}, **inbox)
    for number in range(10):
        bank.deliver(router, event(number))

    # The async store of these tests blocks its loop: two transactions there would never end.
    assert 10 == burst(router, concurrency=1 if bank.way.awaits_store else 10).handled
    assert ["attempt 1"] * 10 == bank.credits()


def test_an_sqlite_file_is_emptied(tmp_path: Path) -> None:
    """By several workers at once, each event by one of them."""
    service, handler = Service(HANDLE), Handler()
    store = SQLiteStore(tmp_path / "app.db")
    router = service.code({"a": handler}, **inbox, store=store)
    fill(service, router, 60)
    workers = [Worker(router, concurrency=4, poll=0.05) for _ in range(3)]

    for worker in workers:
        worker.__enter__()
    until(lambda: sum(worker.status.handled for worker in workers) >= 60)
    for worker in workers:
        worker.__exit__(None, None, None)

    assert (60, 60) == (handler.runs, sum(worker.status.handled for worker in workers))
    service.close()
    store.close()


def test_middleware_may_skip_a_handler(service: Service) -> None:
    """Which settles it."""
    handler = Handler()
    router = service.code({}, **inbox)

    @router.middleware
    def layer(event: object, ctx: Context) -> Generator[None, Any, None]:
        ctx.skip("not today")
        return
        yield

    router.on(ChargeSucceeded, name="a")(handler)
    fill(service, router, 1)

    assert (1, 0) == (burst(router).handled, handler.runs)
    assert {"a": "skipped"} == service.outcomes("evt_0")
