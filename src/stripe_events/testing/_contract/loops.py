"""Event loops in threads of their own, so that a case of plain functions can drive async stores."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from contextlib import AbstractAsyncContextManager

LIMIT: Final = 60.0
"""Seconds after which a case fails that waits; never waited out by one that passes."""


class Loop:
    """An event loop in a thread, which runs until it is closed."""

    def __init__(self) -> None:
        """Start it."""
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._stay(started)), name="contract loop", daemon=True
        )
        self._thread.start()
        self._loop = started.result(LIMIT)

    async def _stay(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        self._closed = asyncio.Event()
        started.set_result(asyncio.get_running_loop())
        await self._closed.wait()

    def run(self, awaitable: Awaitable[Any]) -> Any:
        """Await it there, and give what it gives; from any other thread."""
        return self.start(awaitable).result(LIMIT)

    def start(self, awaitable: Awaitable[Any]) -> Future[Any]:
        """Begin to await it there."""
        return asyncio.run_coroutine_threadsafe(_awaited(awaitable), self._loop)

    def close(self) -> None:
        """Cancel what runs there, and end the thread."""
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join(LIMIT)


class Block:
    """An ``async with`` block that plain code enters and leaves, in one task as it must be."""

    def __init__(self, loop: Loop, manager: AbstractAsyncContextManager[Any]) -> None:
        """Enter nothing yet."""
        self._loop = loop
        self._manager = manager
        self._entered: Future[Any] = Future()
        self._left: Future[BaseException | None] = Future()

    def __enter__(self) -> Any:
        self._task = self._loop.start(self._hold())
        return self._entered.result(LIMIT)

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._left.set_result(error)
        self._task.result(LIMIT)

    async def _hold(self) -> None:
        try:
            async with self._manager as entered:
                self._entered.set_result(entered)
                _raised(await asyncio.wrap_future(self._left))
        except BaseException as error:
            if not self._entered.done():
                self._entered.set_exception(error)
            raise


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _raised(error: BaseException | None) -> None:
    if error is not None:
        raise error
