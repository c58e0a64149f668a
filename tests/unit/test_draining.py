"""Closing a router: new deliveries are refused, and running ones waited for."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events._verification import Verification
from stripe_events.errors import UsageError
from tests.unit.deliveries import router as make_router
from tests.unit.deliveries import signed, snapshot
from tests.unit.observed import GIVEN_BACK, Observed
from tests.unit.waiting import LIMIT, aio, ended, opened, reached, turns

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from stripe_events import Event, WebhookResponse


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
        await turns(lambda: router._drivers._in_flight.draining)
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
        await turns(lambda: router._drivers._in_flight.draining)
        assert not closing.done()
        go_on.set()
        await closing

    aio(main())
    assert Outcome.HANDLED is delivery.result(LIMIT).outcome


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
        await turns(lambda: router._drivers._in_flight.draining)
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
    threads = router._drivers._driver()._for_stores._executor._max_workers

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
