"""The drivers of one router: which to use, and how they end."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from stripe_events._delivery import sync_driver
from stripe_events._delivery.in_flight import CLEAN_UP, InFlight
from stripe_events._fork import start_anew_in_children
from stripe_events._messages import Outcome, WebhookResponse
from stripe_events.errors import UsageError

if TYPE_CHECKING:
    import asyncio
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable

    from stripe_events._delivery.async_driver import AsyncDriver
    from stripe_events._delivery.background import AsyncHandlers
    from stripe_events._delivery.flow import Flow


class Drivers:
    """
    Drive flows, in this thread or on the running event loop.

    What needs asyncio is made when it is first needed: a router that handles
    only in threads never loads it.
    """

    def __init__(self, handler_threads: int | None) -> None:
        """Start nothing yet."""
        self._handler_threads = handler_threads
        self._in_flight = InFlight()
        self._lock = threading.Lock()
        self._async_handlers: AsyncHandlers | None = None
        self._async_driver: AsyncDriver | None = None
        start_anew_in_children(self)

    def drive(self, flow: Flow) -> WebhookResponse:
        """Go the way of a delivery in this thread; ``draining`` after ``close``."""
        in_flight = self._in_flight
        if not in_flight.enter():
            return WebhookResponse(Outcome.DRAINING)
        try:
            return sync_driver.drive(flow, self._wait, in_flight)
        finally:
            in_flight.leave()

    async def adrive(self, flow: Flow) -> WebhookResponse:
        """Go the way of a delivery on this loop; ``draining`` after ``close``."""
        return await self._driver().drive(flow)

    def start(self, flow: Flow) -> asyncio.Task[WebhookResponse]:
        """Go the way of a flow in a task of its own on this loop; see ``AsyncDriver.start``."""
        return self._driver().start(flow)

    def open(self) -> None:
        """
        Take deliveries again, after ``close``; what that one left behind is let go of.

        Raises:
            UsageError: it has not returned yet, and would end what begins now.
        """
        with self._lock:
            if self._in_flight.closings:
                raise UsageError("the router is being closed: open it when close() has returned")
            if self._in_flight.draining:
                self._in_flight = InFlight()
                self._async_handlers = None
                self._async_driver = None

    def close(self, seconds: float) -> None:
        """
        Take no more; wait for what is under way, then cancel async handlers.

        What is under way on the event loop of this very thread is not waited for.

        Raises:
            UsageError: called inside an async handler, which would wait for itself.
        """
        if self._async_handlers is not None:
            from stripe_events._delivery.background import refuse_on_the_loop

            refuse_on_the_loop("close()", "aclose()")
        here = _loop_of_this_thread()
        self._in_flight.close()
        try:
            self._in_flight.wait(seconds, here)
            if self._cancel():
                self._in_flight.wait(CLEAN_UP, here)
            self._stop()
        finally:
            self._in_flight.closed()

    async def aclose(self, seconds: float) -> None:
        """Do the same without blocking this loop, so that its deliveries go on."""
        import asyncio

        await asyncio.to_thread(self.close, seconds)

    def start_anew(self) -> None:
        """Forget, in the child of a fork, the parent's threads and what runs in them."""
        self._in_flight = self._in_flight.anew()
        self._lock = threading.Lock()
        self._async_handlers = None
        self._async_driver = None

    def _cancel(self) -> bool:
        with self._lock:
            self._in_flight.over = True
        in_threads = self._async_handlers is not None and self._async_handlers.cancel()
        on_loops = self._async_driver is not None and self._async_driver.cancel()
        return in_threads or on_loops

    def _stop(self) -> None:
        if self._async_handlers is not None:
            self._async_handlers.stop()
        if self._async_driver is not None:
            self._async_driver.stop()

    def _wait(self, awaitable: Awaitable[Any], timeout: float | None) -> Any:
        if self._async_handlers is None:
            from stripe_events._delivery.background import AsyncHandlers

            with self._lock:
                if self._async_handlers is None:
                    self._async_handlers = AsyncHandlers()
                    if self._in_flight.over:
                        self._async_handlers.cancel()
        return self._async_handlers.wait(awaitable, timeout)

    def _driver(self) -> AsyncDriver:
        if self._async_driver is None:
            from stripe_events._delivery.async_driver import AsyncDriver

            with self._lock:
                if self._async_driver is None:
                    self._async_driver = AsyncDriver(self._handler_threads, self._in_flight)
        return self._async_driver


def _loop_of_this_thread() -> AbstractEventLoop | None:
    if "asyncio" not in sys.modules:
        return None
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
