"""After the limit of a shutdown, threads that still run are left to themselves."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events._delivery.drivers import Drivers
from tests.unit.observed import ABANDONED, GIVEN_BACK, LAYERS, Observed, put_layer
from tests.unit.waiting import LIMIT, aio, ended, give_awaitable_of, reached, turns

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from concurrent.futures import ThreadPoolExecutor

    from stripe_events import Context, Event, WebhookResponse


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("how", ["aclose", "close elsewhere", "end of the loop"])
def test_a_thread_still_running_after_the_limit_is_abandoned(
    threads: ThreadPoolExecutor, how: str, layer: str
) -> None:
    """Its claim is not given back, because its code still runs; nor is 200 answered."""
    go_on, over = threading.Event(), threading.Event()
    observed = Observed()
    answers: list[WebhookResponse] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        started = asyncio.Event()

        @observed.router.on("charge.succeeded")
        def handler(event: Event) -> None:
            loop.call_soon_threadsafe(started.set)
            reached(go_on)
            over.set()

        delivery = asyncio.create_task(observed.ahandle())
        await started.wait()
        if how == "aclose":
            await observed.drivers.aclose(0)
        elif how == "close elsewhere":
            await asyncio.wrap_future(threads.submit(observed.drivers.close, 0))
        if how != "end of the loop":
            answers.append(await delivery)

    put_layer(observed, layer, [])
    try:
        aio(main())
        assert ABANDONED == observed.effects
        assert not over.is_set()
    finally:
        go_on.set()
    reached(over)
    observed.drivers.close(0)
    assert [Outcome.DRAINING for _ in answers] == [answer.outcome for answer in answers]


def test_a_thread_that_ends_as_the_limit_does_has_succeeded() -> None:
    """Its result is there, so it is recorded, whatever the loop comes to first."""
    observed = Observed()
    observed.drivers = Drivers(1)

    async def main() -> Outcome:
        started = threading.Event()
        observed.router.on("charge.succeeded", name="it")(lambda event: started.set())
        driver = observed.drivers._driver()
        delivery = asyncio.create_task(observed.ahandle())
        await turns(lambda: observed.effects == ["Accept", "Run"])
        # From here on the loop is kept busy: the only thread comes to this after the handler.
        driver._for_handlers.submit(reached, started).result(LIMIT)
        (task,) = driver._tasks
        task.cancel()
        return (await delivery).outcome

    assert Outcome.HANDLED is aio(main())
    observed.drivers.close(0)
    assert ["Accept", "Run", "Finish"] == observed.effects


def test_a_thread_that_cleans_up_for_too_long_is_abandoned() -> None:
    """What it waited for was cancelled; its middleware is still busy, so nothing is given back."""
    observed = Observed()
    cleaning_up, go_on = threading.Event(), threading.Event()

    @observed.router.middleware
    def layer(event: object, ctx: Context) -> Generator[None, Any, None]:
        try:
            yield
        finally:
            cleaning_up.set()
            reached(go_on)

    async def main() -> Outcome:
        started = asyncio.Event()

        async def later() -> None:
            started.set()
            await asyncio.Event().wait()

        observed.router.on("charge.succeeded", name="it")(lambda event: later())
        delivery = asyncio.create_task(observed.ahandle())
        await started.wait()
        (task,) = observed.drivers._driver()._tasks
        task.cancel()
        await asyncio.to_thread(reached, cleaning_up)
        task.cancel()
        return (await delivery).outcome

    try:
        assert Outcome.DRAINING is aio(main())
    finally:
        go_on.set()
        observed.drivers.close(0)
    assert ended()
    assert ABANDONED == observed.effects


def test_a_late_failure_of_an_abandoned_thread_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for it any more, and still somebody hears of it."""
    go_on = threading.Event()
    observed = Observed()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        started = asyncio.Event()

        @observed.router.on("charge.succeeded")
        def handler(event: Event) -> None:
            loop.call_soon_threadsafe(started.set)
            reached(go_on)
            msg = "too late"
            raise LookupError(msg)

        delivery = asyncio.create_task(observed.ahandle())
        await started.wait()
        await observed.drivers.aclose(0)
        await delivery

    try:
        aio(main())
    finally:
        go_on.set()
    assert ended()
    (record,) = caplog.records
    assert "a handler failed after the shutdown had stopped waiting" == record.getMessage()
    assert "LookupError('too late')" == repr(record.exc_info[1])


def test_a_handler_still_queued_for_a_thread_is_given_back() -> None:
    """It never started, so nothing of it can run any more."""
    go_on = threading.Event()
    observed = Observed()
    observed.drivers = Drivers(1)
    second = Observed()
    second.drivers = observed.drivers

    async def main() -> None:
        loop = asyncio.get_running_loop()
        started = asyncio.Event()

        @observed.router.on("charge.succeeded")
        def handler(event: Event) -> None:
            loop.call_soon_threadsafe(started.set)
            reached(go_on)

        second.router.on("charge.succeeded", name="it")(lambda event: None)
        deliveries = [asyncio.create_task(observed.ahandle())]
        await started.wait()
        deliveries.append(asyncio.create_task(second.ahandle()))
        await turns(lambda: second.effects == ["Accept", "Run"])
        await observed.drivers.aclose(0)
        await asyncio.gather(*deliveries)

    try:
        aio(main())
    finally:
        go_on.set()
    assert ended()
    assert (ABANDONED, GIVEN_BACK) == (observed.effects, second.effects)


@pytest.mark.parametrize("kind", ["sync", "async", "disguised"])
def test_no_handler_starts_after_the_limit_under_handle(
    threads: ThreadPoolExecutor, kind: str
) -> None:
    """The thread that could not be stopped finishes its handler; the next is given back."""
    started, go_on = threading.Event(), threading.Event()
    observed = Observed()
    seen: list[str] = []

    @observed.router.on("charge.succeeded", name="first")
    def first(event: Event) -> None:
        started.set()
        reached(go_on)
        seen.append("first")

    def sync_second(event: Event) -> None:
        seen.append("second")

    async def async_second(event: Event) -> None:
        seen.append("second")

    handlers: dict[str, Callable[..., Any]] = {
        "sync": sync_second,
        "async": async_second,
        "disguised": give_awaitable_of(async_second),
    }
    observed.router.on("charge.succeeded", name="second")(handlers[kind])
    delivery = threads.submit(observed.handle)
    reached(started)
    observed.drivers.close(0)
    go_on.set()
    assert Outcome.DRAINING is delivery.result(LIMIT).outcome
    assert ["Accept", "Run", "Finish", "Run", "GiveBack"] == observed.effects
    assert ["first"] == seen


@pytest.mark.parametrize("used", [True, False], ids=["loop in use", "first async handler"])
def test_what_a_thread_returns_after_the_limit_is_given_back_and_no_loop_is_left(
    threads: ThreadPoolExecutor, used: bool
) -> None:
    """No background loop is started, or started again, for a router that is closed."""
    started, go_on = threading.Event(), threading.Event()
    observed = Observed()
    seen: list[str] = []

    async def later() -> None:
        seen.append("second half")

    if used:

        @observed.router.on("charge.succeeded", name="use")
        async def use_the_loop(event: Event) -> None:
            seen.append("use")

    @observed.router.on("charge.succeeded", name="it")
    def handler(event: Event) -> Any:
        started.set()
        reached(go_on)
        return later()

    delivery = threads.submit(observed.handle)
    reached(started)
    observed.drivers.close(0)
    go_on.set()
    assert Outcome.DRAINING is delivery.result(LIMIT).outcome
    assert "GiveBack" == observed.effects[-1]
    assert "second half" not in seen


@pytest.mark.parametrize("how", ["aclose", "end of the loop"])
def test_what_an_abandoned_thread_returns_is_not_run(how: str) -> None:
    """Nobody waits on the loop any more: the thread ends, and the coroutine is let go of."""
    go_on = threading.Event()
    observed = Observed()
    seen: list[str] = []
    put_layer(observed, "sync", seen)  # keeps the thread until what it returned is over

    async def later() -> None:
        seen.append("second half")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        started = asyncio.Event()

        @observed.router.on("charge.succeeded", name="it")
        def handler(event: Event) -> Any:
            loop.call_soon_threadsafe(started.set)
            reached(go_on)
            return later()

        delivery = asyncio.create_task(observed.ahandle())
        await started.wait()
        if how == "aclose":
            await observed.drivers.aclose(0)
            await delivery
            go_on.set()
            await asyncio.to_thread(ended)

    try:
        aio(main())
    finally:
        go_on.set()
        observed.drivers.close(0)
    assert ended()
    assert (ABANDONED, ["middleware"]) == (observed.effects, seen)
