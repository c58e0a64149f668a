"""
One event loop per process, in a thread, for async handlers under the sync driver.

Pooled async clients belong to a loop, so it lives across events. It starts when
it is first needed, again after a fork, and ends with the last router that used it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stripe_events._delivery.bridge import Bridge, discard
from stripe_events._delivery.in_flight import CLEAN_UP
from stripe_events._delivery.sync_driver import Stopped
from stripe_events.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable


class BackgroundLoop(threading.Thread):
    """A daemon thread that runs an event loop until it is stopped."""

    def __init__(self) -> None:
        """Start it."""
        super().__init__(name="stripe-events-loop", daemon=True)
        self.loop = asyncio.new_event_loop()
        self._ending = False
        self.start()

    def run(self) -> None:
        """Run the loop; a task that exits ends itself, not what others wait for."""
        while not self._ending:
            with suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()

    def stop(self) -> None:
        """End all tasks, the loop and the thread."""
        asyncio.run_coroutine_threadsafe(_end_other_tasks(), self.loop).result()
        self.loop.call_soon_threadsafe(self._end)
        self.join()
        self.loop.close()

    def _end(self) -> None:
        self._ending = True
        self.loop.stop()


async def _end_other_tasks() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=CLEAN_UP)
    await asyncio.get_running_loop().shutdown_asyncgens()


class _Shared:
    """The loop of this process, if it runs, and who uses it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.thread: BackgroundLoop | None = None
        self.users: weakref.WeakSet[AsyncHandlers] = weakref.WeakSet()


_shared = _Shared()
_inherited: list[_Shared] = []


def _start_anew() -> None:
    # The thread did not come along. Its loop is the parent's: freeing it here would
    # warn of a loop left open, and closing it would take it from the parent.
    global _shared  # noqa: PLW0603 - the child starts anew, also the lock
    _inherited.append(_shared)
    _shared = _Shared()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_start_anew)


class AsyncHandlers:
    """What one router runs on the background loop."""

    def __init__(self) -> None:
        """Start with nothing; the loop starts with the first handler."""
        self._bridge = Bridge()
        self._stopped = False

    def wait(self, awaitable: Awaitable[Any], seconds: float | None) -> Any:
        """
        Run what an async handler returned and give its result.

        Raises:
            TimeoutError: it took longer than ``seconds``, and was cancelled.
            Stopped: a shutdown cancelled it.
            UsageError: called on the loop itself, which could never answer.
        """
        try:
            refuse_on_the_loop("handle()", "ahandle()")
            with _shared.lock:  # what is submitted is seen by the one who ends the loop
                future = self._bridge.submit(self._loop(), awaitable, seconds)
        except BaseException:
            discard(awaitable)
            raise
        return self._bridge.result(future, awaitable)

    def cancel(self) -> bool:
        """Cancel what still runs, take no more, and tell whether anything ran."""
        with _shared.lock:
            self._stopped = True
        return self._bridge.cancel()

    def stop(self) -> None:
        """Let go of the loop; its last user ends it."""
        with _shared.lock:
            self._stopped = True
            _shared.users.discard(self)
            if _shared.users:
                return
            thread, _shared.thread = _shared.thread, None
        if thread is not None:
            thread.stop()

    def _loop(self) -> asyncio.AbstractEventLoop:
        if self._stopped:
            raise Stopped
        _shared.users.add(self)
        if _shared.thread is None:
            _shared.thread = BackgroundLoop()
        return _shared.thread.loop


def refuse_on_the_loop(call: str, instead: str) -> None:
    """Raise a UsageError in the background loop's own thread, where waiting would never end."""
    if isinstance(threading.current_thread(), BackgroundLoop):
        msg = f"router.{call} was called inside an async handler: await router.{instead} there"
        raise UsageError(msg)
