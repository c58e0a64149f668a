"""A cancellation that comes from inside a handler is its failure, not the worker's stop."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from stripe_events import EventRouter, Retry
from stripe_events.storage import MemoryStore
from stripe_events.worker import Worker
from tests.unit.deliveries import NOW, SECRET, signed, snapshot
from tests.unit.waiting import aio

NEVER = Retry(attempts=1)


def inbox(**options: object) -> EventRouter:
    """Give a router with an inbox in memory."""
    options = {"store": MemoryStore(), "delivery": "inbox", "clock": lambda: NOW, **options}
    return EventRouter(SECRET, **options)  # type: ignore[arg-type]


def outcomes(router: EventRouter) -> dict[str, tuple[str, int]]:
    """Empty the inbox; give how each handler of the event ended, and after how many runs."""
    router.handle(*signed(snapshot()))
    aio(Worker(router).arun(burst=True))
    stored = router.store.get("default", snapshot()["id"])
    return {one.name: (one.outcome, one.attempts) for one in stored.record.handlers}


def test_a_handler_that_cancels_itself_has_failed() -> None:
    """Else it would be given back, uncounted, again and again."""
    router = inbox(retry=NEVER)

    @router.on("charge.succeeded", name="selfish")
    async def selfish(event: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    assert {"selfish": ("dead", 1)} == outcomes(router)


@pytest.mark.parametrize("is_async", [True, False])
def test_a_cancellation_that_a_handler_leaves_behind_does_not_reach_the_next_one(
    *, is_async: bool
) -> None:
    """Old timeouts leave one: they cancel their task, and raise something else."""
    router = inbox()

    @router.on("charge.succeeded", name="leaves")
    async def leaves(event: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)

    async def awaits(event: object) -> None:
        await asyncio.sleep(0)

    def runs(event: object) -> None: ...

    router.on("charge.succeeded", name="next")(awaits if is_async else runs)

    assert {"leaves": ("succeeded", 1), "next": ("succeeded", 1)} == outcomes(router)
