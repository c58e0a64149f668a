"""Handlers that time out, cancel themselves or raise what ends a flow, under both drivers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import types
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events.errors import ProcessingError
from tests.unit.both_ways import both, pass_through, pass_through_async
from tests.unit.deliveries import snapshot
from tests.unit.waiting import LIMIT, by_handle, give_awaitable_of, opened

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from stripe_events import Context, Event
    from tests.unit.both_ways import Deliver


@both
@pytest.mark.parametrize("middleware", [None, pass_through], ids=["bare", "middleware"])
def test_a_timeout_is_the_handlers_failure_and_others_run(
    deliver: Deliver, middleware: Any
) -> None:
    """The handler is cancelled, TimeoutError is its failure, the next handler runs."""
    seen = []
    with opened() as router:
        if middleware:
            router.middleware(middleware)

        @router.on("charge.succeeded", name="slow", timeout=0.01)
        async def slow(event: Event) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                seen.append("cleaned up")

        @router.on("charge.succeeded", name="next")
        async def after(event: Event) -> None:
            seen.append("next")

        response = deliver(router, snapshot())
    assert (Outcome.FAILED, ["cleaned up", "next"]) == (response.outcome, seen)
    assert ("slow",) == response.error.handlers
    assert ["TimeoutError: the handler took longer than its timeout of 0.01 s"] == [
        f"{type(error).__name__}: {error}" for error in response.error.exceptions
    ]


@both
def test_a_timeout_of_the_handlers_own_is_not_taken_for_ours(deliver: Deliver) -> None:
    """A TimeoutError from within the handler keeps its own words."""
    with opened() as router:

        @router.on("charge.succeeded", timeout=LIMIT)
        async def handler(event: Event) -> None:
            msg = "the bank did not answer"
            raise TimeoutError(msg)

        response = deliver(router, snapshot())
    assert ["the bank did not answer"] == list(map(str, response.error.exceptions))


def yields(event: Event) -> Generator[int, None, None]:
    """Never run."""
    yield 1


async def yields_async(event: Event) -> AsyncGenerator[int, None]:
    """Never run."""
    yield 1


@both
@pytest.mark.parametrize("function", [yields, yields_async])
def test_a_handler_that_yields_behind_a_decorator_has_failed(
    deliver: Deliver, function: Callable[[Event], Any]
) -> None:
    """None of it has run, so that it must not count as handled."""
    with opened() as router:

        @router.on("charge.succeeded", name="h")
        def wrapper(event: Event) -> Any:
            return function(event)

        response = deliver(router, snapshot())
    assert Outcome.FAILED is response.outcome
    assert ["handler h yields, so that none of it has run: return instead"] == [
        str(error) for error in response.error.exceptions
    ]


@both
def test_what_is_awaited_by_yielding_is_awaited(deliver: Deliver) -> None:
    """``types.coroutine`` makes a generator that can be awaited."""
    seen = []
    with opened() as router:

        @types.coroutine
        def old_style(event: Event) -> Generator[None, None, None]:
            yield
            seen.append(event.id)

        @router.on("charge.succeeded", name="h")
        def wrapper(event: Event) -> Any:
            return old_style(event)

        assert Outcome.HANDLED is deliver(router, snapshot()).outcome
    assert ["evt_1"] == seen


def cancel_in_thread(event: Event) -> None:
    """Raise what looks like a cancelled task."""
    raise asyncio.CancelledError


async def cancel_in_task(event: Event) -> None:
    """Raise what looks like a cancelled task, from a coroutine."""
    raise asyncio.CancelledError


async def await_cancelled_task(event: Event) -> None:
    """Wait for a task that somebody cancelled."""
    task = asyncio.ensure_future(asyncio.Event().wait())
    task.cancel()
    await task


def cancelled_future(event: Event) -> None:
    """Ask for the result of a cancelled future."""
    future: concurrent.futures.Future[None] = concurrent.futures.Future()
    future.cancel()
    future.result()


async def cancelled_future_in_task(event: Event) -> None:
    """Do the same, from a coroutine."""
    cancelled_future(event)


@both
@pytest.mark.parametrize("layers", [(), (pass_through,), (pass_through_async,)])
@pytest.mark.parametrize(
    "handler",
    [
        cancel_in_thread,
        cancel_in_task,
        await_cancelled_task,
        give_awaitable_of(cancel_in_task),
        cancelled_future,
        cancelled_future_in_task,
        give_awaitable_of(cancelled_future_in_task),
    ],
)
def test_a_handler_that_cancels_itself_has_failed(
    deliver: Deliver, layers: tuple[Any, ...], handler: Callable[..., Any]
) -> None:
    """Nobody asked it to stop: it is a failure, not a shutdown, and the next handler runs."""
    seen = []
    if deliver is by_handle:
        layers = tuple(pass_through for _ in layers)
    with opened() as router:
        for layer in layers:
            router.middleware(layer)
        router.on("charge.succeeded", name="it")(handler)

        @router.on("charge.succeeded", name="next")
        def after(event: Event) -> None:
            seen.append("next")

        response = deliver(router, snapshot())
    assert (Outcome.FAILED, ["next"]) == (response.outcome, seen)
    assert ("it",) == response.error.handlers


@both
@pytest.mark.parametrize("handler", [cancel_in_task, cancel_in_thread])
def test_middleware_sees_that_a_handler_cancelled_itself_as_an_error(
    deliver: Deliver, handler: Callable[..., Any]
) -> None:
    """Under either driver the middleware meets a ProcessingError, which it may handle."""
    seen = []
    with opened() as router:

        @router.middleware
        def forgive(event: object, ctx: Context) -> Generator[None, Any, None]:
            try:
                yield
            except ProcessingError as error:
                seen.append(str(error))

        router.on("charge.succeeded", name="it")(handler)
        response = deliver(router, snapshot())
    assert (Outcome.HANDLED, ["the handler cancelled itself"]) == (response.outcome, seen)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("layer", ["sync", "async"])
@pytest.mark.parametrize("kind", ["sync", "async"])
@both
def test_middleware_that_cancels_itself_is_a_failure(
    deliver: Deliver, kind: str, layer: str, before: bool
) -> None:
    """No shutdown either."""
    with opened() as router:
        if layer == "sync" or deliver is by_handle:

            @router.middleware
            def sync_layer(event: object, ctx: Context) -> Generator[None, Any, None]:
                if before:
                    raise asyncio.CancelledError
                yield
                raise asyncio.CancelledError
        else:

            @router.middleware
            async def async_layer(event: object, ctx: Context) -> AsyncGenerator[None, Any]:
                if before:
                    raise asyncio.CancelledError
                yield
                raise asyncio.CancelledError

        def sync_handler(event: Event) -> None:
            """Do nothing."""

        async def async_handler(event: Event) -> None:
            """Do nothing."""

        router.on("charge.succeeded", name="it")(sync_handler if kind == "sync" else async_handler)
        response = deliver(router, snapshot())
    assert Outcome.FAILED is response.outcome
    assert ["the handler cancelled itself"] == list(map(str, response.error.exceptions))


@both
@pytest.mark.parametrize("layers", [(), (pass_through,), (pass_through_async,)])
@pytest.mark.parametrize("exception", [StopIteration, StopAsyncIteration])
def test_a_handler_that_raises_stop_iteration_has_failed(
    deliver: Deliver, layers: tuple[Any, ...], exception: type[Exception]
) -> None:
    """It neither ends the flow nor hangs a future."""
    if deliver is by_handle:
        layers = tuple(pass_through for _ in layers)

    def handler(event: Event) -> None:
        raise exception

    with opened() as router:
        for layer in layers:
            router.middleware(layer)
        router.on("charge.succeeded", name="it")(handler)
        response = deliver(router, snapshot())
    assert Outcome.FAILED is response.outcome
