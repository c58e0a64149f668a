"""Closing a router: new deliveries are refused, running ones waited for, then given back."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events._delivery import flow as flows
from stripe_events._delivery.drivers import Drivers
from stripe_events._verification import Verification
from stripe_events.errors import UsageError
from tests.unit.deliveries import router as make_router
from tests.unit.deliveries import signed, snapshot
from tests.unit.waiting import (
    LIMIT,
    aio,
    ended,
    give_awaitable_of,
    opened,
    reached,
    recording,
    turns,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator

    from stripe_events import Context, Event, WebhookResponse


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Give threads for requests, and see in the end that none of ours is left."""
    with ThreadPoolExecutor(8, "request") as pool:
        yield pool
    assert ended()


class Observed:
    """A router and its drivers, whose effects are written down."""

    def __init__(self) -> None:
        """Start with a router that has no handlers."""
        self.router = make_router()
        self.drivers = Drivers(2)
        self.effects: list[str] = []

    def flow(self) -> Any:
        """Give the flow of a new delivery."""
        flow = flows.trusted(self.router._compiled(), snapshot(), 60.0)
        return recording(flow, self.effects)

    def handle(self) -> WebhookResponse:
        """Deliver in this thread."""
        return self.drivers.drive(self.flow())

    async def ahandle(self) -> WebhookResponse:
        """Deliver on this loop."""
        return await self.drivers.adrive(self.flow())


GIVEN_BACK = ["Accept", "Run", "GiveBack"]
ABANDONED = ["Accept", "Run"]


def no_handler(event: Event) -> None:
    """Do nothing."""


@pytest.mark.parametrize("close", ["close", "aclose"])
def test_new_deliveries_are_refused_with_retry_after(close: str) -> None:
    """Whoever asks, in a thread or on a loop, is told to come again."""

    async def main() -> None:
        with opened() as router:
            router.on("charge.succeeded")(no_handler)
            if close == "close":
                router.close()
            else:
                await router.aclose()
            for response in (
                router.handle(*signed(snapshot())),
                await router.ahandle(*signed(snapshot())),
                router.process(snapshot()),
                await router.aprocess(snapshot()),
            ):
                assert (503, Outcome.DRAINING) == (response.status, response.outcome)
                assert "5" == response.headers["retry-after"]

    aio(main())


def test_closing_twice_is_closing_once() -> None:
    """Shutdown code may run more than once."""

    async def main() -> None:
        await router.aprocess(snapshot())
        router.process(snapshot())
        router.close()
        await router.aclose()
        router.close()

    router = make_router()

    @router.on("charge.succeeded")
    async def handler(event: Event) -> None:
        """Do nothing."""

    aio(main())
    assert ended()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_close_waits_for_deliveries_in_threads(threads: ThreadPoolExecutor, kind: str) -> None:
    """What runs may end in its time; close returns after it."""
    started, go_on = threading.Event(), threading.Event()
    router = make_router()

    def sync_handler(event: Event) -> None:
        started.set()
        reached(go_on)

    async def async_handler(event: Event) -> None:
        started.set()
        await asyncio.to_thread(reached, go_on)

    router.on("charge.succeeded")(sync_handler if kind == "sync" else async_handler)
    delivery = threads.submit(router.handle, *signed(snapshot()))
    reached(started)
    closing = threads.submit(router.close, wait=LIMIT)
    wait_until_draining(router)
    assert not closing.done()
    go_on.set()
    closing.result(LIMIT)
    assert Outcome.HANDLED is delivery.result(LIMIT).outcome


def wait_until_draining(router: EventRouter) -> None:
    """Deliver until a delivery is refused."""
    while router.handle(b"", None).outcome is not Outcome.DRAINING:
        pass


@pytest.mark.parametrize("close", ["close", "aclose"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_closing_waits_for_deliveries_on_a_loop(
    threads: ThreadPoolExecutor, close: str, kind: str
) -> None:
    """The closing may come from another thread, or from the loop itself."""
    release = threading.Event()
    router = make_router()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        started, go_on = asyncio.Event(), asyncio.Event()

        async def async_handler(event: Event) -> None:
            started.set()
            await go_on.wait()

        def sync_handler(event: Event) -> None:
            loop.call_soon_threadsafe(started.set)
            reached(release)

        router.on("charge.succeeded")(sync_handler if kind == "sync" else async_handler)
        delivery = asyncio.create_task(router.ahandle(*signed(snapshot())))
        await started.wait()
        if close == "aclose":
            closing: Any = asyncio.create_task(router.aclose(wait=LIMIT))
        else:
            closing = asyncio.wrap_future(threads.submit(router.close, wait=LIMIT))
        await turns(lambda: router._drivers._in_flight._draining)
        assert not closing.done()
        release.set()
        go_on.set()
        await closing
        assert Outcome.HANDLED is (await delivery).outcome

    try:
        aio(main())
    finally:
        release.set()


def test_aclose_also_waits_for_deliveries_in_threads(threads: ThreadPoolExecutor) -> None:
    """A sync view of an async framework runs handle() in a thread."""
    started, go_on = threading.Event(), threading.Event()
    router = make_router()

    @router.on("charge.succeeded")
    def handler(event: Event) -> None:
        started.set()
        reached(go_on)

    delivery = threads.submit(router.handle, *signed(snapshot()))
    reached(started)

    async def main() -> None:
        closing = asyncio.create_task(router.aclose(wait=LIMIT))
        await turns(lambda: router._drivers._in_flight._draining)
        assert not closing.done()
        go_on.set()
        await closing

    aio(main())
    assert Outcome.HANDLED is delivery.result(LIMIT).outcome


LAYERS = ["none", "sync", "async"]


def put_layer(observed: Observed, layer: str, seen: list[str]) -> None:
    """Put a middleware of that kind around the handlers, which cleans up."""
    if layer == "sync":

        @observed.router.middleware
        def sync_layer(event: object, ctx: Context) -> Generator[None, Any, None]:
            try:
                yield
            finally:
                seen.append("middleware")

    elif layer == "async":

        @observed.router.middleware
        async def async_layer(event: object, ctx: Context) -> AsyncGenerator[None, Any]:
            try:
                yield
            finally:
                await asyncio.sleep(0)
                seen.append("middleware")


def expected_clean_up(layer: str) -> list[str]:
    """Give what is said in which order when a handler and its middleware clean up."""
    return ["handler", *(["middleware"] if layer != "none" else [])]


@pytest.mark.parametrize("disguised", [False, True], ids=["async", "disguised"])
@pytest.mark.parametrize("layer", ["none", "sync"])
def test_async_handlers_are_cancelled_after_the_limit_and_given_back_under_handle(
    threads: ThreadPoolExecutor, layer: str, disguised: bool
) -> None:
    """Their clean-up is over, and that of the middleware, before the claim is given back."""
    started = threading.Event()
    observed = Observed()
    seen = observed.effects

    async def handler(event: Event) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            seen.append("handler")

    put_layer(observed, layer, seen)
    observed.router.on("charge.succeeded", name="it")(
        give_awaitable_of(handler) if disguised else handler
    )
    delivery = threads.submit(observed.handle)
    reached(started)
    observed.drivers.close(0)
    assert delivery.done(), "close() returned before the claim was given back"
    assert Outcome.DRAINING is delivery.result().outcome
    assert ["Accept", "Run", *expected_clean_up(layer), "GiveBack"] == observed.effects


@pytest.mark.parametrize("how", ["aclose", "close elsewhere", "end of the loop"])
@pytest.mark.parametrize("disguised", [False, True], ids=["async", "disguised"])
@pytest.mark.parametrize("layer", LAYERS)
def test_async_handlers_are_cancelled_after_the_limit_and_given_back_under_ahandle(
    threads: ThreadPoolExecutor, layer: str, disguised: bool, how: str
) -> None:
    """However the shutdown comes: their clean-up is over before the claim is given back."""
    observed = Observed()
    seen = observed.effects
    deliveries: list[asyncio.Task[WebhookResponse]] = []

    async def main() -> None:
        started = asyncio.Event()

        async def handler(event: Event) -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                seen.append("handler")

        put_layer(observed, layer, seen)
        observed.router.on("charge.succeeded", name="it")(
            give_awaitable_of(handler) if disguised else handler
        )
        deliveries.append(asyncio.create_task(observed.ahandle()))
        await started.wait()
        if how == "aclose":
            await observed.drivers.aclose(0)
        elif how == "close elsewhere":
            await asyncio.wrap_future(threads.submit(observed.drivers.close, 0))
        if how != "end of the loop":
            assert Outcome.DRAINING is (await deliveries[0]).outcome

    aio(main())
    observed.drivers.close(0)
    assert ["Accept", "Run", *expected_clean_up(layer), "GiveBack"] == observed.effects


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

        second.router.on("charge.succeeded")(no_handler)
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


@pytest.mark.parametrize("how", ["aclose", "end of the loop"])
def test_a_handler_that_resists_its_cancellation_is_the_last_to_run(how: str) -> None:
    """It may end well and is recorded; the next handler is given back, not started."""
    observed = Observed()
    seen: list[str] = []

    async def main() -> None:
        started = asyncio.Event()

        @observed.router.on("charge.succeeded", name="first")
        async def first(event: Event) -> None:
            started.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            seen.append("first")

        @observed.router.on("charge.succeeded", name="second")
        async def second(event: Event) -> None:
            seen.append("second")

        delivery = asyncio.create_task(observed.ahandle())
        await started.wait()
        if how == "aclose":
            await observed.drivers.aclose(0)
            assert Outcome.DRAINING is (await delivery).outcome

    aio(main())
    observed.drivers.close(0)
    assert ["Accept", "Run", "Finish", "Run", "GiveBack"] == observed.effects
    assert ["first"] == seen


@pytest.mark.parametrize("layer", ["sync", "async"])
@pytest.mark.parametrize("kind", ["swallows", "replaces"])
def test_middleware_cannot_turn_a_shutdown_into_success_or_failure(layer: str, kind: str) -> None:
    """A handler that was stopped has neither succeeded nor failed, whatever is caught."""
    observed = Observed()

    def make_of_it() -> None:
        if kind == "replaces":
            msg = "rollback failed"
            raise LookupError(msg)

    async def main() -> None:
        started = asyncio.Event()

        if layer == "sync":

            @observed.router.middleware
            def sync_layer(event: object, ctx: Context) -> Generator[None, Any, None]:
                try:
                    yield
                except BaseException:  # noqa: BLE001 - that is the point
                    make_of_it()
        else:

            @observed.router.middleware
            async def async_layer(event: object, ctx: Context) -> AsyncGenerator[None, Any]:
                try:
                    yield
                except BaseException:  # noqa: BLE001 - that is the point
                    make_of_it()

        @observed.router.on("charge.succeeded")
        async def handler(event: Event) -> None:
            started.set()
            await asyncio.Event().wait()

        delivery = asyncio.create_task(observed.ahandle())
        await started.wait()
        await observed.drivers.aclose(0)
        await delivery

    aio(main())
    assert GIVEN_BACK == observed.effects


def test_middleware_cannot_turn_a_shutdown_into_success_under_handle(
    threads: ThreadPoolExecutor,
) -> None:
    """The same in a thread that waits for the background loop."""
    started = threading.Event()
    observed = Observed()

    @observed.router.middleware
    def layer(event: object, ctx: Context) -> Generator[None, Any, None]:
        with suppress(BaseException):
            yield

    @observed.router.on("charge.succeeded")
    async def handler(event: Event) -> None:
        started.set()
        await asyncio.Event().wait()

    delivery = threads.submit(observed.handle)
    reached(started)
    observed.drivers.close(0)
    delivery.result(LIMIT)
    assert GIVEN_BACK == observed.effects


def test_a_delivery_that_was_just_claimed_when_the_limit_is_over_is_given_back() -> None:
    """Whoever waits for it is answered, not cancelled, and no handler starts."""
    observed = Observed()
    seen: list[object] = []

    async def main() -> WebhookResponse:
        observed.router.on("charge.succeeded", name="it")(seen.append)
        delivery = asyncio.create_task(observed.ahandle())
        await turns(lambda: observed.effects == ["Accept"])
        observed.drivers.close(0)
        return await delivery

    assert Outcome.DRAINING is aio(main()).outcome
    assert (GIVEN_BACK, []) == (observed.effects, seen)
    assert ended()


@pytest.mark.parametrize("wait", [0.0, LIMIT])
def test_a_delivery_that_is_being_verified_counts_as_under_way(wait: float) -> None:
    """It is waited for; after the limit its handlers do not start any more."""
    seen: list[object] = []
    asked, go_on = threading.Event(), threading.Event()

    class Verifier:
        blocking = True

        def verify(self, body: bytes, headers: object) -> Verification:
            asked.set()
            reached(go_on)
            return Verification(None, None)

    router = EventRouter(verifier=Verifier())
    router.on_any(name="it")(seen.append)

    async def main() -> WebhookResponse:
        delivery = asyncio.create_task(router.ahandle(*signed(snapshot())))
        await asyncio.to_thread(reached, asked)
        closing = asyncio.create_task(router.aclose(wait=wait))
        await turns(lambda: router._drivers._in_flight._draining)
        if wait:
            assert not closing.done()
        else:
            await closing
        go_on.set()
        await closing
        return await delivery

    try:
        outcome = aio(main()).outcome
    finally:
        go_on.set()
    assert (Outcome.HANDLED if wait else Outcome.DRAINING) is outcome
    assert (1 if wait else 0) == len(seen)
    assert ended()


def test_deliveries_queued_for_a_verifier_thread_are_refused_after_the_limit() -> None:
    """Whoever waits for them is answered 503, and not cancelled."""
    asked, go_on = threading.Semaphore(0), threading.Event()

    class Verifier:
        blocking = True

        def verify(self, body: bytes, headers: object) -> Verification:
            asked.release()
            reached(go_on)
            return Verification(None, None)

    router = EventRouter(verifier=Verifier())
    threads = router._drivers._driver()._for_verifiers._max_workers

    async def main() -> list[Outcome]:
        router.on_any(name="it")(no_handler)
        deliveries = [
            asyncio.create_task(router.ahandle(*signed(snapshot()))) for _ in range(threads + 2)
        ]
        for _ in range(threads):
            await asyncio.to_thread(asked.acquire, timeout=LIMIT)
        await router.aclose(wait=0)
        go_on.set()
        return [(await delivery).outcome for delivery in deliveries]

    try:
        outcomes = aio(main())
    finally:
        go_on.set()
    assert [Outcome.DRAINING] * (threads + 2) == outcomes
    assert ended()


def test_closing_on_the_loop_itself_does_not_wait_for_its_deliveries() -> None:
    """Waiting there would keep them from ending: they are cancelled at once."""
    observed = Observed()

    async def main() -> WebhookResponse:
        started = asyncio.Event()

        @observed.router.on("charge.succeeded")
        async def handler(event: Event) -> None:
            started.set()
            await asyncio.Event().wait()

        delivery = asyncio.create_task(observed.ahandle())
        await started.wait()
        observed.drivers.close(LIMIT)
        return await delivery

    assert Outcome.DRAINING is aio(main()).outcome
    assert GIVEN_BACK == observed.effects


def test_a_loop_that_was_closed_over_a_delivery_does_not_hold_up_the_closing() -> None:
    """Nothing on it can end any more."""
    observed = Observed()
    loop = asyncio.new_event_loop()

    @observed.router.on("charge.succeeded")
    async def handler(event: Event) -> None:
        await asyncio.Event().wait()

    delivery = loop.create_task(observed.ahandle())

    loop.run_until_complete(turns(lambda: "Run" in observed.effects))
    observed.drivers.close(LIMIT)
    loop.run_until_complete(delivery)
    loop.close()
    assert GIVEN_BACK == observed.effects


def test_close_inside_an_async_handler_under_handle_is_refused() -> None:
    """It would wait for itself."""
    errors: list[str] = []
    with opened() as router:

        @router.on("charge.succeeded")
        async def handler(event: Event) -> None:
            try:
                router.close()
            except UsageError as error:
                errors.append(str(error))

        assert Outcome.HANDLED is router.process(snapshot()).outcome
    assert ["router.close() was called inside an async handler: await router.aclose() there"] == (
        errors
    )


def test_threads_and_loop_are_gone_after_closing(threads: ThreadPoolExecutor) -> None:
    """A closed router leaves nothing behind, whichever ways it was used."""
    with opened() as router:

        @router.on("charge.succeeded", name="sync")
        def sync_handler(event: Event) -> None:
            """Do nothing."""

        @router.on("charge.succeeded", name="async")
        async def async_handler(event: Event) -> None:
            """Do nothing."""

        futures: list[Future[WebhookResponse]] = [
            threads.submit(router.handle, *signed(snapshot())) for _ in range(4)
        ]
        assert Outcome.HANDLED is aio(router.ahandle(*signed(snapshot()))).outcome
        assert [200] * 4 == [future.result(LIMIT).status for future in futures]
