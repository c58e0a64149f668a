"""
Perform the flow's effects in tasks of the running event loop.

From the claim on, a delivery is a task of its own: whoever waits for it may be
cancelled, the work goes on. Sync handlers run in threads of the router's own.
"""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from stripe_events._delivery import layers, sync_driver
from stripe_events._delivery.background import within
from stripe_events._delivery.effects import (
    ABANDONED,
    CANCELLED,
    SUCCEEDED,
    Accept,
    Effect,
    Run,
    RunResult,
    Verify,
)
from stripe_events._delivery.observing import log
from stripe_events._messages import WebhookResponse
from stripe_events.errors import ProcessingError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stripe_events._delivery.context import Context
    from stripe_events._delivery.flow import Flow
    from stripe_events._event import AnyEvent
    from stripe_events._registry import Handler


class StillRunning(asyncio.CancelledError):
    """Say that a shutdown stopped waiting for a thread that still runs."""


class AsyncDriver:
    """The deliveries that one router has under way on event loops."""

    def __init__(self, threads: int | None) -> None:
        """Take the most threads for sync handlers; None leaves it to Python."""
        self._executor = ThreadPoolExecutor(threads, "stripe-events-handler")
        self._tasks: set[asyncio.Task[WebhookResponse]] = set()

    async def drive(self, flow: Flow) -> WebhookResponse:
        """
        Go the whole way of a delivery.

        Cancelling this stops the waiting; what was claimed is worked on.
        """
        reached = await self._perform_until(Accept, flow, None)
        if isinstance(reached, WebhookResponse):
            return reached
        task = asyncio.create_task(self._perform_rest(flow, reached))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def wait(self, seconds: float) -> None:
        """
        Wait for the deliveries on this loop, then cancel what is left.

        Returns once no async handler of theirs runs any more.
        """
        loop = asyncio.get_running_loop()
        mine = {task for task in self._tasks if task.get_loop() is loop}
        if not mine:
            return
        _, left = await asyncio.wait(mine, timeout=seconds)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    def stop(self) -> None:
        """Let go of the threads; one that still runs a handler ends after it."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _perform_rest(self, flow: Flow, effect: Effect) -> WebhookResponse:
        return cast("WebhookResponse", await self._perform_until((), flow, effect))

    async def _perform_until(
        self, stop: type[Effect] | tuple[()], flow: Flow, effect: Effect | None
    ) -> Effect | WebhookResponse:
        try:
            effect = effect or next(flow)
            while not isinstance(effect, stop):
                try:
                    value = await self._perform(effect)
                except Exception as error:  # noqa: BLE001 - the flow says what it means
                    effect = flow.throw(error)
                else:
                    effect = flow.send(value)
        except StopIteration as end:
            response: WebhookResponse = end.value
            return response
        return effect

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Run():
                return await self._run(effect)
            case Verify(verifier, body, headers):
                if verifier.blocking:
                    return await self._in_thread(verifier.verify, body, headers)
                return verifier.verify(body, headers)
            case _:
                return None  # without a store nothing is claimed or recorded

    async def _run(self, effect: Run) -> RunResult:
        handler, event, context = effect
        try:
            if handler.is_async or any(map(layers.is_async_layer, handler.middleware)):
                await layers.arun(handler, event, context, self._call)
                return SUCCEEDED
            wait = partial(_wait_on, asyncio.get_running_loop())
            result: RunResult = await self._in_thread(sync_driver.run, effect, wait)
        except StillRunning:
            return _cancelled(ABANDONED)
        except asyncio.CancelledError as error:
            return _cancelled(CANCELLED, error)
        except Exception as error:  # noqa: BLE001 - a handler may raise anything
            return RunResult(error)
        return result

    async def _call(self, handler: Handler, event: AnyEvent, context: Context) -> Any:
        if handler.is_async:
            return await within(layers.call(handler, event, context), handler.timeout)
        wait = partial(_wait_on, asyncio.get_running_loop())
        bare = handler._replace(middleware=())
        result: RunResult = await self._in_thread(sync_driver.run, Run(bare, event, context), wait)
        if result.error is not None:
            raise result.error
        return None

    async def _in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        context = contextvars.copy_context()
        future = self._executor.submit(context.run, function, *args)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if future.cancel():
                raise
            future.add_done_callback(_report_late)
            raise StillRunning from None


def _wait_on(
    loop: asyncio.AbstractEventLoop, awaitable: Awaitable[Any], timeout: float | None
) -> Any:
    return asyncio.run_coroutine_threadsafe(within(awaitable, timeout), loop).result()


def _cancelled(meaning: RunResult, error: BaseException | None = None) -> RunResult:
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    if task.cancelling():
        task.uncancel()  # the flow still has to give the claim back
        return meaning
    cause = ProcessingError("the handler cancelled itself")
    cause.__cause__ = error
    return RunResult(cause)


def _report_late(future: Future[Any]) -> None:
    result = future.result() if future.exception() is None else None
    if isinstance(result, RunResult) and result.error is not None:
        log("ERROR", "a handler failed after the shutdown had stopped waiting", result.error)
