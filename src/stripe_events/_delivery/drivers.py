"""The drivers of one router: which to use, and how they end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from stripe_events._delivery import sync_driver
from stripe_events._delivery.in_flight import InFlight
from stripe_events._messages import Outcome, WebhookResponse, respond

if TYPE_CHECKING:
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

    def drive(self, flow: Flow) -> WebhookResponse:
        """Go the way of a delivery in this thread; ``draining`` after ``close``."""
        if not self._in_flight.enter():
            return respond(Outcome.DRAINING)
        try:
            return sync_driver.drive(flow, self._wait)
        finally:
            self._in_flight.leave()

    async def adrive(self, flow: Flow) -> WebhookResponse:
        """Go the way of a delivery on this loop; ``draining`` after ``close``."""
        if self._in_flight.draining:
            return respond(Outcome.DRAINING)
        return await self._driver().drive(flow)

    def close(self, seconds: float) -> None:
        """Take no more; wait for what runs in threads, then cancel async handlers."""
        self._in_flight.close()
        self._in_flight.wait(seconds)
        self._stop()

    async def aclose(self, seconds: float) -> None:
        """Take no more; wait for what runs on this loop, then cancel async handlers."""
        self._in_flight.close()
        if self._async_driver is not None:
            await self._async_driver.wait(seconds)
        self._stop()

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
        return self._async_handlers.wait(awaitable, timeout)

    def _driver(self) -> AsyncDriver:
        if self._async_driver is None:
            from stripe_events._delivery.async_driver import AsyncDriver

            with self._lock:
                if self._async_driver is None:
                    self._async_driver = AsyncDriver(self._handler_threads)
        return self._async_driver
