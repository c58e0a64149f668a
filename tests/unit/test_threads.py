"""The threads of a driver: no job is lost or done twice, and as many as may be run at once."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
from collections import Counter
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events._delivery.drivers import Drivers
from stripe_events._delivery.sync_driver import Stopped
from stripe_events._delivery.threads import StillRunning, Threads
from tests.unit.waiting import LIMIT, aio, reached, turns
from tests.unit.workers import Gate

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pool() -> Iterator[Threads]:
    """Give four threads, and see that they end."""
    threads = Threads(4, "stripe-events-test")
    yield threads
    threads.shutdown()
    for thread in mine():
        thread.join(LIMIT)
    assert [] == mine()


def mine() -> list[threading.Thread]:
    """Give the threads of these tests that still run."""
    return [one for one in threading.enumerate() if one.name.startswith("stripe-events-test")]


class Doubled:
    """A job that counts how often it is done, by number."""

    def __init__(self) -> None:
        """Have done nothing."""
        self.done: Counter[int] = Counter()
        self._lock = threading.Lock()

    def __call__(self, number: int) -> int:
        """Be done."""
        with self._lock:
            self.done[number] += 1
        return 2 * number


def test_thousands_of_jobs_of_one_loop_are_done_once(pool: Threads) -> None:
    """In whatever order they end, each gives its result to who waits for it."""
    job = Doubled()

    async def main() -> list[int]:
        return await asyncio.gather(*(pool.run(job, number) for number in range(3000)))

    assert [2 * number for number in range(3000)] == aio(main())
    assert {1} == set(job.done.values())
    assert 3000 == len(job.done)


def test_several_loops_and_threads_share_it(pool: Threads) -> None:
    """Nobody gets the result of another, and none waits for ever."""
    job, failures = Doubled(), []

    async def one_by_one(start: int) -> None:
        for number in range(start, start + 300):
            assert 2 * number == await pool.run(job, number)

    def loop(start: int) -> None:
        async def main() -> None:
            await asyncio.gather(*(one_by_one(start + 1000 * part) for part in range(4)))

        try:
            aio(main())
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    def plain(start: int) -> None:
        futures = [pool.submit(job, number) for number in range(start, start + 1000)]
        wait(futures, LIMIT)
        if [2 * number for number in range(start, start + 1000)] != [
            future.result(0).get() for future in futures
        ]:
            failures.append(AssertionError(start))

    callers = [threading.Thread(target=loop, args=(10_000 * n,)) for n in range(1, 4)]
    callers += [threading.Thread(target=plain, args=(100_000 * n,)) for n in range(1, 4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(LIMIT)

    assert [] == failures
    assert ({1}, 3 * 1200 + 3 * 1000) == (set(job.done.values()), len(job.done))


def test_jobs_that_block_run_as_many_as_may_be(pool: Threads) -> None:
    """All threads are at work while there is enough to do, and no more than these."""
    gate = Gate()
    futures = [pool.submit(gate, None) for _ in range(12)]

    gate.wait_for(4)
    gate.open()
    wait(futures, LIMIT)

    assert (4, 12) == (gate.most, gate.runs)


def test_it_fills_up_again_after_a_lull(pool: Threads) -> None:
    """Whatever was asleep or busy before: again and again."""
    for _ in range(50):
        gate, job = Gate(), Doubled()
        quick = [pool.submit(job, number) for number in range(7)]
        blocked = [pool.submit(gate, None) for _ in range(4)]
        gate.wait_for(4)
        gate.open()
        wait(quick + blocked, LIMIT)
        assert {1} == set(job.done.values())


def test_one_that_blocks_does_not_hold_up_others(pool: Threads) -> None:
    """A thread that is busy is not the one that was woken for the next job."""
    gates = [Gate() for _ in range(3)]
    futures = []
    for gate in gates:
        futures.append(pool.submit(gate, None))
        gate.wait_for(1)

    assert 10 == pool.submit(Doubled(), 5).result(LIMIT).get()

    for gate in gates:
        gate.open()
    wait(futures, LIMIT)


def test_a_shutdown_drops_what_is_queued(pool: Threads) -> None:
    """Whoever waits for it learns of it; what runs ends by itself."""
    gate, job = Gate(), Doubled()

    async def main() -> list[Any]:
        running = [asyncio.create_task(pool.run(gate, None)) for _ in range(4)]
        queued = [asyncio.create_task(caught(pool.run(job, n))) for n in range(100)]
        await asyncio.to_thread(gate.wait_for, 4)
        pool.shutdown()
        told = await asyncio.gather(*queued)
        gate.open()
        return [*told, *await asyncio.gather(*running)]

    told = aio(main())

    assert ([Stopped] * 100, [None] * 4) == (told[:100], told[100:])
    assert {} == job.done
    with pytest.raises(Stopped):
        pool.submit(job, 1)


async def caught(job: Any) -> Any:
    """Give the class of what a job raises, which may end a task."""
    try:
        return await job
    except BaseException as error:  # noqa: BLE001 - it is told
        return type(error)


def test_a_job_that_is_cancelled_before_its_start_is_never_done(pool: Threads) -> None:
    """The cancellation goes on."""
    gate, job = Gate(), Doubled()

    async def main() -> Any:
        running = [asyncio.create_task(pool.run(gate, None)) for _ in range(4)]
        await asyncio.to_thread(gate.wait_for, 4)
        queued = asyncio.create_task(pool.run(job, 1))
        await asyncio.sleep(0)
        queued.cancel()
        with pytest.raises(asyncio.CancelledError) as told:
            await queued
        gate.open()
        await asyncio.gather(*running)
        return type(told.value)

    assert asyncio.CancelledError is aio(main())
    assert 4 == pool.submit(job, 2).result(LIMIT).get()
    assert {2: 1} == job.done


def test_a_job_that_is_cancelled_while_it_runs_goes_on(pool: Threads) -> None:
    """Whoever waited gets what to wait for, if that matters."""
    gate = Gate()

    async def main() -> StillRunning:
        task = asyncio.create_task(pool.run(gate, None))
        await asyncio.to_thread(gate.wait_for, 1)
        task.cancel()
        with pytest.raises(StillRunning) as told:
            await task
        return told.value

    still: Any = aio(main())
    assert not still.future.done()
    gate.open()
    assert still.future.result(LIMIT).get() is None


def test_cancelling_at_any_moment_loses_nothing(pool: Threads) -> None:
    """A job is done once, or never and then somebody was told; its neighbours are done."""
    job = Doubled()

    async def main() -> list[Any]:
        told: list[Any] = []
        for part in range(40):
            tasks = [asyncio.create_task(pool.run(job, 50 * part + n)) for n in range(50)]
            for _ in range(part % 7):
                await asyncio.sleep(0)
            for task in tasks[::3]:
                task.cancel()
            told += await asyncio.gather(*tasks, return_exceptions=True)
        return told

    told = aio(main())

    for number, one in enumerate(told):
        if isinstance(one, asyncio.CancelledError):
            assert number % 50 % 3 == 0
            assert job.done[number] <= (1 if isinstance(one, StillRunning) else 0)
        else:
            assert (2 * number, 1) == (one, job.done[number])


@pytest.mark.parametrize("kind", [ValueError, StopIteration, SystemExit, KeyboardInterrupt])
def test_what_a_job_raises_is_for_who_waits(pool: Threads, kind: type[BaseException]) -> None:
    """Its thread goes on with other jobs."""

    def raising() -> None:
        raise kind

    async def main() -> list[Any]:
        return [await caught(pool.run(raising)) for _ in range(8)]

    told = aio(main())

    # A coroutine cannot raise StopIteration: Python makes that a RuntimeError.
    assert [RuntimeError if kind is StopIteration else kind] * 8 == told
    assert 4 == pool.submit(Doubled(), 2).result(LIMIT).get()
    assert len(mine()) <= 4


def test_a_loop_may_be_closed_before_its_job_ends(pool: Threads) -> None:
    """Nobody waits for that any more; other loops are not disturbed."""
    gate = Gate()

    async def leaving() -> None:
        task = asyncio.create_task(pool.run(gate, None))
        await asyncio.to_thread(gate.wait_for, 1)
        task.cancel()
        with pytest.raises(StillRunning):
            await task

    async def main() -> int:
        given: int = await pool.run(Doubled(), 4)
        return given

    aio(leaving())
    assert 8 == aio(main())
    gate.open()
    assert 8 == aio(main())


def test_context_variables_come_along(pool: Threads) -> None:
    """Those of the task; what the job sets stays there."""
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    def job() -> int:
        before = variable.get()
        variable.set(99)
        return before

    async def one(number: int) -> int:
        variable.set(number)
        given: int = await pool.run(job)
        assert number == variable.get()
        return given

    async def main() -> list[int]:
        return await asyncio.gather(*(one(number) for number in range(1, 100)))

    assert list(range(1, 100)) == aio(main())


def test_what_ended_in_one_turn_is_told_in_one(pool: Threads) -> None:
    """A loop that is busy is woken once for all that have ended meanwhile."""
    woken: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        wake = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *args, **options: (  # type: ignore[method-assign]
            woken.append(args),
            wake(*args, **options),
        )[1]
        futures = [pool.submit(Doubled(), number) for number in range(200)]
        waiters = [pool.ended(future) for future in futures]
        wait(futures, LIMIT)  # holds up the loop
        await asyncio.gather(*waiters)
        del loop.call_soon_threadsafe

    aio(main())
    # Those that ended before they were waited for are told by the loop's own thread.
    assert 1 == len(woken)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_fork_has_threads_of_its_own() -> None:
    """Its parent's did not come along, and their jobs are the parent's."""
    gate = Gate()
    drivers = Drivers(2)
    aio(asyncio.sleep(0))
    first = drivers._driver()._for_handlers
    running = first.submit(gate, None)
    gate.wait_for(1)

    child = os.fork()
    if child == 0:
        code = 1
        try:
            given = drivers._driver()._for_handlers.submit(Doubled(), 21).result(LIMIT).get()
            code = 0 if given == 42 else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    gate.open()
    assert running.result(LIMIT).get() is None
    assert 0 == os.waitstatus_to_exitcode(status)
    drivers.close(0)


def test_a_thread_that_cannot_be_started_leaves_no_job_behind(
    pool: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was told that it was not taken must not see it done later, by a thread that is awake."""
    gate, job = Gate(), Doubled()
    running = pool.submit(gate, None)
    gate.wait_for(1)

    def refuse(*_: Any) -> Any:
        msg = "cannot schedule new futures after interpreter shutdown"
        raise RuntimeError(msg)

    with monkeypatch.context() as patch:
        patch.setattr(pool._executor, "submit", refuse)
        with pytest.raises(Stopped):
            pool.submit(job, 1)
    gate.open()
    running.result(LIMIT)

    assert 4 == pool.submit(job, 2).result(LIMIT).get()
    assert {2: 1} == job.done


def test_nothing_of_a_job_is_kept_by_a_thread_that_waits(pool: Threads) -> None:
    """A payload is freed when its handler is through."""

    class Payload:
        pass

    payload = Payload()
    before = sys.getrefcount(payload)
    future = pool.submit(lambda one: None, payload)
    future.result(LIMIT)
    done = threading.Event()
    pool.submit(done.set)
    reached(done)
    del future

    async def main() -> None:
        await turns(lambda: sys.getrefcount(payload) == before)

    aio(main())
