"""Workers beside an app: ``with`` and ``async with``, and what they share with their router."""

from __future__ import annotations

import asyncio
import threading
import weakref
from typing import Any

import pytest

from stripe_events import Outcome
from stripe_events.errors import UsageError
from stripe_events.worker import Worker
from tests.unit.recorded import HANDLE, Handler, Service
from tests.unit.test_recorded_stopping import Hanging
from tests.unit.waiting import LIMIT, aio, ended, ours, reached
from tests.unit.workers import LONG, Gate, burst, event, fill, until

inbox: dict[str, Any] = {"delivery": "inbox"}


def test_a_worker_runs_once(service: Service) -> None:
    """Its counts and its settings are those of one run."""
    router = service.code({"a": Handler()}, **inbox)
    worker = Worker(router)
    worker.run(burst=True)

    with pytest.raises(UsageError, match="runs once"):
        worker.run(burst=True)
    with pytest.raises(UsageError, match="runs once"):
        asyncio.run(worker.arun())
    with pytest.raises(UsageError, match="runs once"), worker:
        pass


def test_run_is_refused_where_a_loop_runs(service: Service) -> None:
    """It says what to do instead, and the worker is still to be had."""
    router = service.code({"a": Handler()}, **inbox)
    worker = Worker(router)

    async def main() -> int:
        with pytest.raises(UsageError, match="await worker"):
            worker.run()
        return (await worker.arun(burst=True)).handled

    service.deliver(router, event(0))
    assert 1 == aio(main())


def test_a_worker_that_has_ended_is_freed_at_once(service: Service) -> None:
    """And with it what it has read: nothing is left for the garbage collector."""
    router = service.code({"a": Handler()}, **inbox)
    fill(service, router, 5)
    worker = Worker(router)
    worker.run(burst=True)
    watching = weakref.ref(worker)

    del worker

    assert watching() is None


def test_a_block_stops_it(service: Service) -> None:
    """``with`` runs it in a thread of its own."""
    handler = Handler()
    router = service.code({"a": handler}, **inbox)
    before = ours()

    with Worker(router, poll=0.02) as worker:
        service.deliver(router, event(0))
        until(lambda: worker.status.handled == 1)

    assert (1, "stopped") == (handler.runs, worker.status.state)
    assert [] == [one.name for one in ours() if one not in before and "worker" in one.name]


def test_an_async_block_stops_it(service: Service) -> None:
    """``async with`` runs it in a task of the running loop, as a lifespan does."""
    threads: list[threading.Thread] = []

    async def handler(event: object) -> None:
        threads.append(threading.current_thread())

    async def main() -> Worker:
        async with Worker(router, poll=0.02) as worker:
            await asyncio.to_thread(service.deliver, router, event(0))
            while worker.status.handled == 0:  # noqa: ASYNC110 - a status tells nobody
                await asyncio.sleep(0.001)
        return worker

    router = service.code({"a": handler}, **inbox)
    assert "stopped" == aio(main()).status.state
    assert [threading.main_thread()] == threads


@pytest.mark.parametrize("stops", [False, True])
def test_an_exception_in_a_block_passes(service: Service, stops: bool) -> None:
    """Also if the worker has stopped before."""
    router = service.code({"a": Handler()}, **inbox)

    def sync() -> None:
        with Worker(router, poll=LONG) as worker:
            if stops:
                worker.stop()
            msg = "of the block"
            raise ValueError(msg)

    async def awaited() -> None:
        async with Worker(router, poll=LONG) as worker:
            if stops:
                worker.stop()
            msg = "of the block"
            raise KeyError(msg)

    with pytest.raises(ValueError, match="of the block"):
        sync()
    with pytest.raises(KeyError, match="of the block"):
        aio(awaited())


def test_the_router_takes_deliveries_while_and_after_it_works(service: Service) -> None:
    """A worker has threads and a heartbeat of its own; the store stays open."""
    gate = Gate()
    router = service.code({"a": gate}, **inbox)

    with Worker(router, poll=0.02) as worker:
        service.deliver(router, event(0))
        gate.wait_for(1)
        assert Outcome.ACCEPTED == service.deliver(router, event(1)).outcome
        gate.open()
        until(lambda: worker.status.handled == 2)

    assert Outcome.ACCEPTED == service.deliver(router, event(2)).outcome
    assert 1 == burst(router).handled


def test_closing_the_router_does_not_stop_it(service: Service) -> None:
    """Nor does it cancel what the worker runs."""
    gate = Gate()
    router = service.code({"a": gate}, **inbox)
    fill(service, router, 2)

    with Worker(router, concurrency=1, poll=0.01) as worker:
        gate.wait_for(1)
        router.close(wait=0)
        gate.open()
        until(lambda: worker.status.handled == 2)

    assert 2 == gate.runs


def test_its_loop_may_end_with_other_tasks_on_it() -> None:
    """A block that is left by an error does not leave it running."""
    service = Service(HANDLE)
    handler = Hanging()
    router = service.code({"a": handler}, **inbox)
    fill(service, router, 1)
    before = ours()

    async def main() -> None:
        task = asyncio.create_task(Worker(router, poll=LONG, stop_within=0).arun())
        await asyncio.to_thread(reached, handler.started)
        assert not task.done()

    asyncio.run(main())

    assert ended(before)
    assert 1 == handler.cleaned_up
    service.close()


def test_a_worker_may_be_left_in_another_thread() -> None:
    """One of each kind in one process, over one store."""
    service, handler = Service(HANDLE), Handler()
    router = service.code({"a": handler}, **inbox)

    async def main() -> None:
        async with Worker(router, poll=LONG) as two:
            fill(service, router, 20)
            async with asyncio.timeout(LIMIT):
                while one.status.handled + two.status.handled < 20:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)

    with Worker(router, poll=LONG) as one:
        asyncio.run(main())

    assert 20 == handler.runs
    service.close()
