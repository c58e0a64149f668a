"""
One event loop per process, in a thread, for async handlers under the sync driver.

Pooled async clients belong to a loop, so it lives across events. It starts when
it is first needed, again after a fork, and ends with the last router that used it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from typing import TYPE_CHECKING, Any, cast

from stripe_events._delivery.sync_driver import Stopped
from stripe_events.errors import ProcessingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine


class BackgroundLoop:
    """An event loop that runs in a daemon thread until it is stopped."""

    def __init__(self) -> None:
        """Start it."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="stripe-events-loop", daemon=True
        )
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """
        Run a coroutine on the loop and wait for it.

        The context variables of the calling thread are visible to it.

        Raises:
            UsageError: called on the loop itself, which could never answer.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise UsageError(
                "router.handle() was called inside an async handler: await router.ahandle() there"
            )
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def cancel(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task of the loop, from any thread."""
        self._loop.call_soon_threadsafe(task.cancel)

    def stop(self) -> None:
        """End all tasks, the loop and the thread."""
        self.run(_end_other_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _end_other_tasks() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


class _Shared:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.loop: BackgroundLoop | None = None
        self.users: set[int] = set()


_shared = _Shared()


def _forget_after_fork() -> None:
    # The thread did not come along; what it held is the parent's.
    global _shared  # noqa: PLW0603 - the child starts anew, also the lock
    _shared = _Shared()


os.register_at_fork(after_in_child=_forget_after_fork)


class AsyncHandlers:
    """What one router runs on the background loop."""

    def __init__(self) -> None:
        """Start with nothing; the loop starts with the first handler."""
        self._tasks: set[asyncio.Task[Any]] = set()

    def wait(self, awaitable: Awaitable[Any], seconds: float | None) -> Any:
        """
        Run what an async handler returned and give its result.

        Raises:
            TimeoutError: it took longer than ``seconds``, and was cancelled.
            Stopped: a shutdown cancelled it.
        """
        try:
            return self._loop().run(self._run(awaitable, seconds))
        except concurrent.futures.CancelledError:
            raise Stopped from None

    def stop(self) -> None:
        """Cancel what still runs and let go of the loop; the last user ends it."""
        with _shared.lock:
            loop = _shared.loop
            _shared.users.discard(id(self))
            if loop is None:
                return
            for task in list(self._tasks):
                loop.cancel(task)
            if not _shared.users:
                _shared.loop = None
                loop.stop()

    def _loop(self) -> BackgroundLoop:
        with _shared.lock:
            _shared.users.add(id(self))
            if _shared.loop is None:
                _shared.loop = BackgroundLoop()
            return _shared.loop

    async def _run(self, awaitable: Awaitable[Any], seconds: float | None) -> Any:
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._tasks.add(task)
        try:
            return await within(awaitable, seconds)
        except asyncio.CancelledError as error:
            if task.cancelling():
                raise
            raise ProcessingError("the handler cancelled itself") from error
        finally:
            self._tasks.discard(task)


async def within(awaitable: Awaitable[Any], seconds: float | None) -> Any:
    """Await something, at most for ``seconds`` (None: as long as it takes)."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await awaitable
    except TimeoutError as error:
        if limit.expired():
            msg = f"the handler took longer than its timeout of {seconds:g} s"
            raise TimeoutError(msg) from error
        raise
