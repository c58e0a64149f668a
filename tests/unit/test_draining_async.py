"""After the limit of a shutdown, async handlers are cancelled and their claims given back."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from tests.unit.observed import GIVEN_BACK, LAYERS, Observed, put_layer
from tests.unit.waiting import LIMIT, aio, ended, give_awaitable_of, reached

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from concurrent.futures import ThreadPoolExecutor

    from stripe_events import Context, Event, WebhookResponse


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

    class Effects(list[str]):
        def append(self, effect: str) -> None:
            super().append(effect)
            if effect == "Accept":
                observed.drivers.close(0)

    observed.effects = Effects()
    observed.router.on("charge.succeeded", name="it")(seen.append)
    assert Outcome.DRAINING is aio(observed.ahandle()).outcome
    assert (GIVEN_BACK, []) == (observed.effects, seen)
    assert ended()
