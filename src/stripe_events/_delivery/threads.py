"""
The threads that a driver has for what would block its event loop.

Waking a thread, or a loop, is dearer than most handlers are. So a thread that is
through looks for more before it sleeps, and wakes only one other if there is more; and what
ends while the loop is busy is taken over in one turn of it.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

from stripe_events._delivery.bridge import Caught, is_being_cancelled
from stripe_events._delivery.sync_driver import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable

Waiter: TypeAlias = "asyncio.Future[None]"
_Job: TypeAlias = "tuple[Future[Caught], Callable[[], Caught]]"


class StillRunning(asyncio.CancelledError):
    """Say that whoever waited for a thread was cancelled, and that the thread goes on."""

    def __init__(self, cause: asyncio.CancelledError, future: Future[Caught]) -> None:
        """Keep the cause's arguments, by which anyio knows its own cancellations."""
        super().__init__(*cause.args)
        self.future = future


class Threads:
    """Threads of one driver, for any number of event loops."""

    def __init__(self, most: int | None, name: str) -> None:
        """Start none yet; ``most`` None leaves it to Python how many."""
        self._executor = ThreadPoolExecutor(most, name)
        self._lock = threading.Lock()
        self._queued: deque[_Job] = deque()
        self._is_one_waking = False
        self._is_over = False
        self._arrivals: WeakKeyDictionary[asyncio.AbstractEventLoop, _Arrivals] = (
            WeakKeyDictionary()
        )

    def shutdown(self) -> None:
        """Let go of the threads; one that runs something ends after it."""
        with self._lock:
            self._is_over = True
            queued, self._queued = self._queued, deque()
        for future, _ in queued:
            future.cancel()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Caught]:
        """
        Run a function in a thread, with the context variables of this task.

        Raises:
            Stopped: the threads were let go of.
        """
        future: Future[Caught] = Future()
        context = contextvars.copy_context()

        def work() -> Caught:
            return context.run(_caught, function, *args)

        with self._lock:
            if self._is_over:
                raise Stopped
            self._queued.append((future, work))
            try:
                self._wake_one()
            except Stopped:
                self._queued.pop()  # or a thread that is awake would run it after all
                raise
        return future

    def _wake_one(self) -> None:
        if self._is_one_waking or not self._queued:
            return
        try:
            self._executor.submit(self._work)
        except RuntimeError:
            raise Stopped from None  # the interpreter is ending
        self._is_one_waking = True

    def _work(self) -> None:
        """Do what is queued, in one of the threads."""
        is_awake = False
        while True:
            with self._lock:
                if not is_awake:
                    self._is_one_waking, is_awake = False, True
                if not self._queued:
                    return
                job = self._queued.popleft()
                with suppress(Stopped):  # this one goes on
                    self._wake_one()
            _do(*job)

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """
        Do the same, and give what the function gives, or raise what it raises.

        Raises:
            StillRunning: this task was cancelled, the function runs on.
            Stopped: the threads were let go of before one was free.
        """
        future = self.submit(function, *args)
        try:
            await self.ended(future)
        except asyncio.CancelledError as error:
            if future.cancel():
                if is_being_cancelled():
                    raise
                raise Stopped from None
            if not future.done():
                raise StillRunning(error, future) from error
        if future.cancelled():
            raise Stopped
        return future.result().get()

    def ended(self, future: Future[Caught]) -> Waiter:
        """Give what to wait for on this loop until the thread is through with it."""
        loop = asyncio.get_running_loop()
        arrivals = self._arrivals.get(loop)
        if arrivals is None:
            arrivals = self._arrivals[loop] = _Arrivals()
        waiter = loop.create_future()
        future.add_done_callback(partial(arrivals.add, waiter))
        return waiter


class _Arrivals:
    """What threads have ended for one loop, and the loop has not seen yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: list[Waiter] = []

    def add(self, waiter: Waiter, _: Future[Caught]) -> None:
        with self._lock:
            is_first = not self._ended
            self._ended.append(waiter)
        if is_first:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                waiter.get_loop().call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        with self._lock:
            ended, self._ended = self._ended, []
        for waiter in ended:
            if not waiter.done():
                waiter.set_result(None)


def _do(future: Future[Caught], work: Callable[[], Caught]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        caught = work()
    except BaseException as error:  # noqa: BLE001 - SystemExit, too, is for who waits
        future.set_exception(error)
    else:
        future.set_result(caught)


def _caught(function: Callable[..., Any], *args: Any) -> Caught:
    try:
        return Caught(function(*args))
    except Exception as error:  # noqa: BLE001 - raised again on the loop
        return Caught(error=error)
