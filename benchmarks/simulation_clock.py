"""
An event loop without time: its clock stands still while anything runs, then jumps.

Whoever sleeps or sets a timeout on it waits for nothing, and hours pass in moments. What
runs takes no time at all by its clock; only what is awaited does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from concurrent.futures import Executor

__all__ = ["VirtualLoop", "simulated"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class VirtualLoop(asyncio.BaseEventLoop):
    """
    asyncio's own loop, over a clock that begins at 0 and a selector that hears of nothing.

    There are no sockets and no threads. What is given to a thread runs at once, here.
    """

    def __init__(self) -> None:
        """Begin at 0 seconds."""
        super().__init__()
        self._now = 0.0
        self._selector = self  # the loop asks it to wait, between one timer and the next

    def time(self) -> float:
        """Give the seconds since the beginning."""
        return self._now

    def select(self, timeout: float | None) -> Sequence[Any]:
        """
        Let the time pass until the next timer.

        Raises:
            RuntimeError: there is none, and everybody waits: nothing would ever happen.
        """
        if timeout is None:
            raise RuntimeError("all tasks wait for each other, and no timer is set")
        self._now += timeout
        return ()

    def run_in_executor(
        self,
        executor: Executor | None,  # noqa: ARG002 - none is used
        func: Callable[[*Ts], T],
        *args: *Ts,
    ) -> asyncio.Future[T]:
        """Run a function now: no time can pass beside this loop."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            future.set_exception(error)
        return future

    def _process_events(self, event_list: Sequence[Any]) -> None:
        """Do nothing: there are none."""

    def _write_to_self(self) -> None:
        """Do nothing: no thread waits for sockets."""


def simulated(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own, as ``asyncio.run`` does."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
