"""
Perform the flow's effects in tasks of the running event loop.

From the claim on, a delivery is a task of its own: whoever waits for it may be
cancelled, the work goes on. Sync handlers run in threads of the router's own.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from stripe_events._callables import is_async_generator
from stripe_events._delivery import layers, sync_driver
from stripe_events._delivery.bridge import Bridge, Caught, cancel, is_being_cancelled, within
from stripe_events._delivery.effects import (
    ABANDONED,
    CANCELLED,
    SUCCEEDED,
    Accept,
    Dispatch,
    Effect,
    Pause,
    Run,
    RunResult,
    StoreEffect,
    Verify,
)
from stripe_events._delivery.observing import log
from stripe_events._delivery.sync_driver import Stopped
from stripe_events._delivery.threads import StillRunning, Threads
from stripe_events._messages import Outcome, WebhookResponse
from stripe_events.errors import ProcessingError, StoreError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future

    from stripe_events._delivery.context import Context
    from stripe_events._delivery.effects import Call
    from stripe_events._delivery.flow import Flow
    from stripe_events._delivery.in_flight import InFlight
    from stripe_events._event import AnyEvent
    from stripe_events._registry import Handler


class AsyncDriver:
    """The deliveries that one router has under way on event loops."""

    def __init__(self, threads: int | None, in_flight: InFlight) -> None:
        """Take the most threads for sync handlers; None leaves it to Python."""
        self._for_handlers = Threads(threads, "stripe-events-handler")
        # Of their own, so that stores and verifiers never queue behind handlers.
        self._for_stores = Threads(None, "stripe-events-store")
        # Nor behind a queue's broker that is away.
        self._for_dispatch = Threads(None, "stripe-events-dispatch")
        self._has_workers_tasks = False
        self._in_flight = in_flight
        self._tasks: set[asyncio.Task[WebhookResponse]] = set()

    async def drive(self, flow: Flow) -> WebhookResponse:
        """
        Go the whole way of a delivery.

        Cancelling this stops the waiting; what was claimed is worked on.
        """
        begun = await self._begin(flow)
        if isinstance(begun, WebhookResponse):
            return begun
        return begun.result() if begun.done() else await asyncio.shield(begun)

    def start(self, flow: Flow) -> asyncio.Task[WebhookResponse]:
        """
        Go the whole way of a flow, from its first effect on, in a task of its own.

        Once the driver is draining, that is still done: whoever starts has to stop first.
        A handler that raises SystemExit breaks off this flow alone.
        """
        loop = asyncio.get_running_loop()
        self._in_flight.count(loop)
        self._has_workers_tasks = True
        try:
            return self._start(self._perform_alone(flow, next(flow)))
        except BaseException:  # Ctrl-C, in what runs of it at once
            self._in_flight.leave(loop)
            raise

    def cancel(self) -> bool:
        """Cancel, from any thread, what is under way; tell whether anything was."""
        tasks = list(self._tasks)
        for task in tasks:
            cancel(task)
        return bool(tasks)

    def stop(self) -> None:
        """Let go of the threads; one that still runs a handler ends after it."""
        for threads in (self._for_handlers, self._for_stores, self._for_dispatch):
            threads.shutdown()

    async def _begin(self, flow: Flow) -> WebhookResponse | asyncio.Task[WebhookResponse]:
        loop = asyncio.get_running_loop()
        if not self._in_flight.enter(loop):
            return WebhookResponse(Outcome.DRAINING)
        handed_on = False
        try:
            reached = await self._perform_until(Accept, flow, None)
            if isinstance(reached, WebhookResponse):
                return reached
            task = self._start(self._perform_rest(flow, reached))
            handed_on = True
        except Stopped:
            return WebhookResponse(Outcome.DRAINING)
        finally:
            if not handed_on:
                self._in_flight.leave(loop)
        return task

    def _start(self, work: Coroutine[Any, Any, WebhookResponse]) -> asyncio.Task[WebhookResponse]:
        task = _started(work)
        if task.done():
            self._ended(task)
        else:
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[WebhookResponse]) -> None:
        self._tasks.discard(task)
        self._in_flight.leave(task.get_loop())

    async def _perform_alone(self, flow: Flow, effect: Effect) -> WebhookResponse:
        try:
            return await self._perform_rest(flow, effect)
        except SystemExit as error:  # which would end the loop, and all else on it
            raise ProcessingError("a handler raised SystemExit") from error

    async def _perform_rest(self, flow: Flow, effect: Effect) -> WebhookResponse:
        task = cast("asyncio.Task[WebhookResponse]", asyncio.current_task())
        self._tasks.add(task)  # first, so that a shutdown sees it while it is being started
        try:
            return cast("WebhookResponse", await self._perform_until((), flow, effect))
        except Stopped:
            return WebhookResponse(Outcome.DRAINING)
        finally:
            self._tasks.discard(task)
            flow.close()

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
            case Verify():
                verify = effect.verifier.verify
                if not effect.verifier.blocking:
                    return verify(effect.body, effect.headers)
                return await self._for_stores.run(verify, effect.body, effect.headers)
            case Pause():
                return await self._pause(effect.seconds)
            case StoreEffect():
                if effect.call is None:
                    return None
                is_dispatch = type(effect) is Dispatch
                threads = self._for_dispatch if is_dispatch else self._for_stores
                return await self._ask(effect.call, threads)

    async def _ask(self, call: Call, threads: Threads) -> Any:
        """Perform a verb to its end, also while this task is cancelled: it may be half done."""
        if call.is_async:
            return await self._ask_here(call)
        future = threads.submit(call)
        while not future.done():
            with suppress(asyncio.CancelledError):  # the flow learns of it at the next handler
                await threads.ended(future)
        if future.cancelled():
            raise self._uncalled(call)
        return future.result().get()

    async def _ask_here(self, call: Call) -> Any:
        asked = asyncio.ensure_future(_caught_async(call))
        while True:
            try:
                caught = await asyncio.shield(asked)
            except asyncio.CancelledError:
                if asked.cancelled():
                    raise self._uncalled(call) from None
                continue
            return caught.get()

    async def _pause(self, seconds: float) -> None:
        """
        Let time pass.

        Raises:
            Stopped: a shutdown wants to see the end of it.
        """
        if self._in_flight.over or is_being_cancelled():
            raise Stopped
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            raise Stopped from None

    def _uncalled(self, call: Call) -> BaseException:
        if self._in_flight.over or is_being_cancelled():
            return Stopped()  # with the threads, or the loop
        return StoreError(f"the store cancelled itself in {call.func.__name__}()")

    async def _run(self, effect: Run) -> RunResult:
        if self._is_shutdown():
            result = CANCELLED
        elif _belongs_in_one_thread(effect.handler):
            result = await self._run_in_thread(effect)
        else:
            result = await self._run_here(effect)
        if result.cancelled or result.abandoned or not self._is_shutdown():
            task = cast("asyncio.Task[Any]", asyncio.current_task())
            while task.cancelling():
                task.uncancel()  # the flow goes on, if only to give the claim back
        return result

    def _is_shutdown(self) -> bool:
        """
        Tell whether this task is to stop.

        Nobody but a shutdown can cancel a worker's tasks, save the handlers in them.
        """
        cancelled = is_being_cancelled() and not self._has_workers_tasks
        return self._in_flight.over or cancelled

    async def _run_here(self, effect: Run) -> RunResult:
        try:
            await layers.arun(effect.handler, effect.event, effect.context, self._call)
        except Exception as error:  # noqa: BLE001 - a handler may raise anything
            return RunResult(error)
        except StillRunning as cancelled:
            return _abandoned(cancelled.future)
        except Stopped:
            return CANCELLED
        except asyncio.CancelledError as error:
            if self._is_shutdown():
                return CANCELLED
            return RunResult(layers.cancelled_itself(error))
        return SUCCEEDED

    async def _run_in_thread(self, effect: Run) -> RunResult:
        bridge = Bridge()
        wait = partial(bridge.wait, asyncio.get_running_loop())
        try:
            run = await self._for_handlers.run(sync_driver.run, effect, wait)
        except StillRunning as cancelled:
            if bridge.cancel():
                return await _result_of(cancelled.future)
            return _abandoned(cancelled.future)
        except (Stopped, asyncio.CancelledError):
            return CANCELLED
        result: RunResult = run
        return result

    async def _call(self, handler: Handler, event: AnyEvent, context: Context) -> Any:
        if handler.is_async:
            result = layers.call(handler, event, context)
        else:
            result = await self._for_handlers.run(layers.call, handler, event, context)
        return await within(result, handler.timeout)


if sys.version_info >= (3, 12):

    def _started(coroutine: Coroutine[Any, Any, WebhookResponse]) -> asyncio.Task[WebhookResponse]:
        loop = asyncio.get_running_loop()
        if loop.get_task_factory() is not None:
            return loop.create_task(coroutine)  # tracing may depend on it
        # It runs at once until it waits: most deliveries never do, and spare turns of the loop.
        return asyncio.Task(coroutine, loop=loop, eager_start=True)

else:

    def _started(coroutine: Coroutine[Any, Any, WebhookResponse]) -> asyncio.Task[WebhookResponse]:
        return asyncio.create_task(coroutine)


def _belongs_in_one_thread(handler: Handler) -> bool:
    # Sync middleware may depend on its thread, and so may what it puts around the handler.
    if handler.is_async or not handler.middleware:
        return False
    return not any(map(is_async_generator, handler.middleware))


async def _caught_async(call: Call) -> Caught:
    try:
        return Caught(await call())
    except Exception as error:  # noqa: BLE001 - raised again by who asked
        return Caught(error=error)


async def _result_of(future: Future[Caught]) -> RunResult:
    try:
        result: RunResult = (await asyncio.wrap_future(future)).get()
    except asyncio.CancelledError:
        return _abandoned(future)
    return result


def _abandoned(future: Future[Caught]) -> RunResult:
    future.add_done_callback(_report_late)
    return ABANDONED


def _report_late(future: Future[Caught]) -> None:
    if future.exception() is not None:
        return
    value, error = future.result()
    if isinstance(value, RunResult):
        error = value.error
    if error is not None:
        log("ERROR", "a handler failed after the shutdown had stopped waiting", error)
