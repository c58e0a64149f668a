"""The bridge from threads to loops, where a shutdown meets it between two of its steps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from stripe_events._delivery import bridge
from stripe_events._delivery.bridge import Bridge
from stripe_events._delivery.sync_driver import Stopped
from tests.unit.waiting import aio

if TYPE_CHECKING:
    from collections.abc import Coroutine


def noting(seen: list[str]) -> Coroutine[None, None, None]:
    """Give a coroutine that notes that it ran, and that must not be dropped unawaited."""

    async def run() -> None:
        seen.append("ran")

    return run()


def test_what_is_handed_to_a_closed_loop_is_stopped() -> None:
    """The loop of a thread's delivery may be gone by the time the thread gets there."""
    loop = asyncio.new_event_loop()
    loop.close()
    seen: list[str] = []
    with pytest.raises(Stopped):
        Bridge().wait(loop, noting(seen), None)
    assert [] == seen


def test_what_is_handed_over_after_the_cut_is_stopped() -> None:
    """Also where the loop still runs: nobody would wait for it."""
    seen: list[str] = []

    async def main() -> None:
        cut = Bridge()
        assert not cut.cancel()
        with pytest.raises(Stopped):
            cut.submit(asyncio.get_running_loop(), noting(seen), None)

    aio(main())
    assert [] == seen


def test_what_has_not_started_when_the_cut_comes_does_not_start() -> None:
    """It was handed over, and the loop has not come to it yet."""
    seen: list[str] = []

    async def main() -> None:
        cut = Bridge()
        coroutine = noting(seen)
        future = cut.submit(asyncio.get_running_loop(), coroutine, None)
        assert not cut.cancel()
        with pytest.raises(Stopped):
            await asyncio.to_thread(cut.result, future, coroutine)

    aio(main())
    assert [] == seen


def test_cancelling_a_task_of_a_closed_loop_does_nothing() -> None:
    """Nothing of it can run any more."""

    async def for_ever() -> None:
        await asyncio.Event().wait()

    loop = asyncio.new_event_loop()
    task = loop.create_task(for_ever())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    bridge.cancel(task)
    assert 0 == task.cancelling()
    task.get_coro().close()
    task._log_destroy_pending = False  # it is pending on purpose


def test_a_task_that_is_being_cancelled_may_clean_up_undisturbed() -> None:
    """A second shutdown, or the end of the loop, does not interrupt the first."""
    seen = []

    async def main() -> None:
        started, go_on = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            try:
                started.set()
                await asyncio.Event().wait()
            finally:
                await go_on.wait()
                seen.append("cleaned up")

        task = asyncio.create_task(work())
        await started.wait()
        for _ in range(3):
            bridge.cancel(task)
            await asyncio.sleep(0)
        go_on.set()
        await asyncio.wait([task])
        assert task.cancelled()

    aio(main())
    assert ["cleaned up"] == seen
