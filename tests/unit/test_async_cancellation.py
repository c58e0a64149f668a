"""Whoever waits for a delivery may be cancelled: the waiting stops, the work does not."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import anyio
import anyio.from_thread
import pytest

from stripe_events import EventRouter, Outcome
from stripe_events._delivery import flow as flows
from stripe_events._delivery.drivers import Drivers
from stripe_events._verification import Verification
from stripe_events.observers import Handled, Received
from tests.unit.deliveries import signed, snapshot
from tests.unit.waiting import aio, opened, reached, recording, turns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from stripe_events import Context, Event

    Cancelling = Callable[[Awaitable[Any], asyncio.Event], Awaitable[None]]


async def by_asyncio(waiting: Awaitable[Any], started: asyncio.Event) -> None:
    """Cancel the task that waits."""
    task = asyncio.ensure_future(waiting)
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def by_asyncio_again(waiting: Awaitable[Any], started: asyncio.Event) -> None:
    """Cancel it more than once."""
    task = asyncio.ensure_future(waiting)
    await started.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert task.cancelled()


async def by_asyncio_timeout(waiting: Awaitable[Any], started: asyncio.Event) -> None:
    """Run into a time limit."""

    async def limited() -> None:
        async with asyncio.timeout(None) as limit:
            limits.append(limit)
            await waiting

    limits: list[asyncio.Timeout] = []
    task = asyncio.create_task(limited())
    await started.wait()
    limits[0].reschedule(0)
    with pytest.raises(TimeoutError):
        await task


async def by_anyio_scope(waiting: Awaitable[Any], started: asyncio.Event) -> None:
    """Cancel an anyio scope from outside of it, as a middleware of Starlette does."""
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            await waiting

        group.start_soon(wait)
        await started.wait()
        group.cancel_scope.cancel()


async def by_anyio_deadline(waiting: Awaitable[Any], started: asyncio.Event) -> None:
    """Let the deadline of an anyio scope pass."""
    scope = anyio.CancelScope()

    async def pass_deadline() -> None:
        await started.wait()
        scope.deadline = anyio.current_time()

    async with anyio.create_task_group() as group:
        group.start_soon(pass_deadline)
        with scope:
            await waiting
    assert scope.cancelled_caught


async def by_anyio_again_and_again(waiting: Awaitable[Any], started: asyncio.Event) -> None:
    """Wait on inside a cancelled scope, which anyio cancels at every turn of the loop."""
    with anyio.CancelScope() as scope:
        task = asyncio.ensure_future(waiting)
        await started.wait()
        scope.cancel()
        for _ in range(5):
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                continue
        task.cancel()
        await asyncio.wait([task])
    assert scope.cancel_called


CANCELLING: list[Cancelling] = [
    by_asyncio,
    by_asyncio_again,
    by_asyncio_timeout,
    by_anyio_scope,
    by_anyio_deadline,
    by_anyio_again_and_again,
]

ways = pytest.mark.parametrize("cancelling", CANCELLING)


@ways
@pytest.mark.parametrize("layer", ["none", "sync", "async"])
def test_an_async_handler_goes_on_when_its_request_is_cancelled(
    cancelling: Cancelling, layer: str
) -> None:
    """It is neither cancelled nor forgotten: it ends, and so does its delivery."""
    seen: list[str] = []

    async def main() -> None:
        started, go_on, over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        router.observe(Handled)(lambda record: over.set())

        @router.on("charge.succeeded")
        async def handler(event: Event) -> None:
            started.set()
            await go_on.wait()
            seen.append("handler")

        await cancelling(router.ahandle(*signed(snapshot())), started)
        assert [] == seen
        go_on.set()
        await over.wait()

    with opened() as router:
        put_layer(router, layer, seen)
        aio(main())
    assert ["handler", *(["middleware"] if layer != "none" else [])] == seen


@ways
@pytest.mark.parametrize("layer", ["none", "sync", "async"])
def test_a_thread_still_busy_after_its_request_was_cancelled_completes(
    cancelling: Cancelling, layer: str
) -> None:
    """Nothing can stop a thread, and nothing is lost: its delivery ends well."""
    seen: list[str] = []
    go_on = threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        started, over = asyncio.Event(), asyncio.Event()
        router.observe(Handled)(lambda record: over.set())

        @router.on("charge.succeeded")
        def handler(event: Event) -> None:
            loop.call_soon_threadsafe(started.set)
            reached(go_on)
            seen.append("handler")

        await cancelling(router.ahandle(*signed(snapshot())), started)
        assert [] == seen
        go_on.set()
        await over.wait()

    with opened() as router:
        put_layer(router, layer, seen)
        try:
            aio(main())
        finally:
            go_on.set()
    assert ["handler", *(["middleware"] if layer != "none" else [])] == seen


def put_layer(router: EventRouter, layer: str, seen: list[str]) -> None:
    """Put a middleware of that kind around the handlers, which says when they are over."""
    if layer == "sync":

        @router.middleware
        def sync_layer(event: object, ctx: Context) -> Generator[None, Any, None]:
            yield
            seen.append("middleware")

    elif layer == "async":

        @router.middleware
        async def async_layer(event: object, ctx: Context) -> AsyncGenerator[None, Any]:
            yield
            seen.append("middleware")


@ways
def test_the_flow_reaches_its_end_after_the_request_was_cancelled(cancelling: Cancelling) -> None:
    """Every handler runs and is finished, also those that had not started."""
    effects: list[str] = []

    async def main() -> None:
        started, go_on, over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        router.observe(Handled)(lambda record: over.set())

        @router.on("charge.succeeded", name="first")
        async def first(event: Event) -> None:
            started.set()
            await go_on.wait()

        @router.on("charge.succeeded", name="second")
        def second(event: Event) -> None:
            """Do nothing."""

        flow = recording(flows.trusted(router._compiled(), snapshot(), 60.0), effects)
        await cancelling(drivers.adrive(flow), started)
        go_on.set()
        await over.wait()

    drivers = Drivers(1)
    with opened() as router:
        aio(main())
        drivers.close(0)
    assert ["Accept", "Run", "Finish", "Run", "Finish"] == effects


@pytest.mark.parametrize("cancelling", [by_asyncio, by_anyio_scope, by_anyio_deadline])
def test_a_request_cancelled_while_it_is_verified_starts_nothing(cancelling: Cancelling) -> None:
    """Before the claim there is no work to go on with; Stripe delivers again."""
    told: list[object] = []
    go_on = threading.Event()

    class Verifier:
        blocking = True

        def verify(self, body: bytes, headers: object) -> Verification:
            loop.call_soon_threadsafe(started.set)
            reached(go_on)
            ended.set()
            return Verification(None, None)

    async def main() -> None:
        nonlocal loop, started
        loop, started = asyncio.get_running_loop(), asyncio.Event()
        await cancelling(router.ahandle(*signed(snapshot())), started)
        go_on.set()
        await asyncio.to_thread(reached, ended)
        await router.aclose()

    loop: Any = None
    started: Any = None
    ended = threading.Event()
    router = EventRouter(verifier=Verifier())
    router.observe(Received)(told.append)
    router.on_any(name="any")(told.append)
    try:
        aio(main())
    finally:
        go_on.set()
    assert [] == told


def test_others_go_on_when_one_request_is_cancelled() -> None:
    """Each delivery is a task of its own."""

    async def main() -> list[Any]:
        started, go_on = asyncio.Barrier(4), asyncio.Event()

        @router.on("charge.succeeded")
        async def handler(event: Event) -> None:
            await started.wait()
            await go_on.wait()

        tasks = [asyncio.create_task(router.ahandle(*signed(snapshot()))) for _ in range(3)]
        await started.wait()
        tasks[1].cancel()
        go_on.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    with opened() as router:
        first, second, third = aio(main())
    assert (Outcome.HANDLED, Outcome.HANDLED) == (first.outcome, third.outcome)
    assert isinstance(second, asyncio.CancelledError)


def test_no_task_is_kept_after_its_delivery() -> None:
    """Nothing grows with the number of deliveries, cancelled or not."""

    async def main() -> None:
        for cancel in (False, True, False):
            started, over = asyncio.Event(), asyncio.Event()
            events[:] = [started, over]
            task = asyncio.create_task(router.ahandle(*signed(snapshot())))
            await started.wait()
            if cancel:
                task.cancel()
            over.set()
            await asyncio.wait([task])
        await turns(lambda: not driver._tasks)

    events: list[asyncio.Event] = []
    with opened() as router:

        @router.on("charge.succeeded")
        async def handler(event: Event) -> None:
            events[0].set()
            await events[1].wait()

        driver = router._drivers._driver()
        aio(main())
        assert (0, {}) == (router._drivers._in_flight._in_threads, driver._in_flight._on_loops)
