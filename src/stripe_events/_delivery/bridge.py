"""
Wait in a thread for what an event loop runs.

What the loop runs is a task of its own there. Cancelling it frees the thread
only once the task's own clean-up is over, so that no code of it runs any more.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from stripe_events._delivery.sync_driver import Stopped
from stripe_events.errors import ProcessingError

if TYPE_CHECKING:
    from collections.abc import Awaitable


class Caught(NamedTuple):
    """
    What something gave or raised.

    Futures cannot carry every exception: StopIteration hangs them, and they take
    a CancelledError for their own.
    """

    value: Any = None
    error: BaseException | None = None

    def get(self) -> Any:
        """Give the value, or raise what was raised."""
        if self.error is not None:
            raise self.error
        return self.value


Awaited: TypeAlias = "concurrent.futures.Future[Caught]"


class Bridge:
    """What the threads of one owner have running on loops, and wait for."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._cut = False

    def wait(
        self, loop: asyncio.AbstractEventLoop, awaitable: Awaitable[Any], seconds: float | None
    ) -> Any:
        """
        Run what an async handler returned and give its result.

        The context variables of the calling thread are visible to it.

        Raises:
            TimeoutError: it took longer than ``seconds``, and was cancelled.
            Stopped: it was cancelled, or the loop is closed.
        """
        return self.result(self.submit(loop, awaitable, seconds), awaitable)

    def submit(
        self, loop: asyncio.AbstractEventLoop, awaitable: Awaitable[Any], seconds: float | None
    ) -> Awaited:
        """Hand it to the loop, and do not wait yet; ``result`` must follow."""
        coroutine = self._run(awaitable, seconds)
        try:
            if not self._cut:
                return asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError:
            pass  # the loop is closed
        coroutine.close()
        discard(awaitable)
        raise Stopped

    def result(self, future: Awaited, awaitable: Awaitable[Any]) -> Any:
        """Wait for what was submitted; see ``wait``."""
        try:
            caught = future.result()
        except concurrent.futures.CancelledError:
            discard(awaitable)
            raise Stopped from None
        except BaseException:  # this thread is to end, say by Ctrl-C
            future.cancel()
            raise
        return caught.get()

    def cancel(self) -> bool:
        """Cancel, from any thread, what runs and what comes; tell whether anything ran."""
        self._cut = True
        tasks = list(self._tasks)
        for task in tasks:
            cancel(task)
        return bool(tasks)

    async def _run(self, awaitable: Awaitable[Any], seconds: float | None) -> Caught:
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._tasks.add(task)
        try:
            if self._cut:
                task.cancel()
                await asyncio.sleep(0)  # ends here, before any code of the handler
            return Caught(await within(awaitable, seconds))
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit is for the thread, not the loop
            return Caught(error=error)
        finally:
            self._tasks.discard(task)


async def within(awaitable: Any, seconds: float | None) -> Any:
    """
    Await something, at most for ``seconds`` (None: as long as it takes).

    What it gives is awaited too, if it can be; what cannot be awaited is given.

    Raises:
        TimeoutError: the time is over, and it was cancelled.
        ProcessingError: it says that it is cancelled, and nobody asked for that.
    """
    try:
        return await (_result(awaitable) if seconds is None else _in_time(awaitable, seconds))
    except asyncio.CancelledError as error:
        if is_being_cancelled():
            raise
        raise ProcessingError("the handler cancelled itself") from error


async def _in_time(awaitable: Any, seconds: float) -> Any:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await _result(awaitable)
    except TimeoutError as error:
        if limit.expired():
            msg = f"the handler took longer than its timeout of {seconds:g} s"
            raise TimeoutError(msg) from error
        raise


async def _result(awaitable: Any) -> Any:
    while awaitable is not None and inspect.isawaitable(awaitable):
        awaitable = await awaitable
    return awaitable


def is_being_cancelled() -> bool:
    """Tell whether somebody wants the running task to stop."""
    return cast("asyncio.Task[Any]", asyncio.current_task()).cancelling() > 0


def cancel(task: asyncio.Task[Any]) -> None:
    """Cancel a task, from any thread; one that is being cancelled may clean up undisturbed."""
    try:
        task.get_loop().call_soon_threadsafe(_cancel_once, task)
    except RuntimeError:
        return  # its loop is closed, so it does not run


def _cancel_once(task: asyncio.Task[Any]) -> None:
    if not task.cancelling():
        task.cancel()


def discard(awaitable: Any) -> None:
    """Let go of what will not be awaited, on purpose."""
    if inspect.iscoroutine(awaitable):
        awaitable.close()
