"""
Where a process can die inside a handler: at the end of its own transaction.

A context's ``Completion`` is put behind one that passes these points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from stripe_events._callables import is_awaitable
from stripe_events.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from stripe_events._delivery.completion import Completion, Transaction
    from stripe_events._delivery.context import Context

LOST: Final = "the connection was lost, and the answer with it"


class Points:
    """
    What is asked at each point of a handler's own commit.

    ``die`` raises where the process is to die there, ``loses`` tells whether the answer
    is to be lost, ``settle`` is told of what was committed.
    """

    def __init__(
        self,
        die: Callable[[str], None],
        loses: Callable[[str], bool],
        settle: Callable[[str], None],
    ) -> None:
        """Take whom to ask."""
        self.die = die
        self.loses = loses
        self.settle = settle


def watch(context: Context, points: Points) -> None:
    """Let the commits that a handler makes through its context pass these points."""
    if context.completion is not None:
        context.completion = cast("Completion", _WatchedCompletion(context.completion, points))


class _WatchedCompletion:
    """A ``Completion`` whose commits are points where a process can die."""

    def __init__(self, completion: Completion, points: Points) -> None:
        """Stand before a completion."""
        self._completion = completion
        self._points = points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._completion, name)

    def transaction(self, context: Context, store: Any) -> _Block:
        """Give the block, with points around its commit."""
        opened = self._completion.transaction(context, store)
        return _Block(opened, self._completion, self._points)

    def complete_on(self, context: Context, connection: Any) -> Any:
        """Write the completion; the process can die between it and the user's commit."""
        name = self._completion.handler.name
        result = self._completion.complete_on(context, connection)
        point = f"between complete_on() of {name} and its commit"
        if is_awaitable(result):
            return self._awaited(result, point)
        self._points.die(point)
        return result

    async def _awaited(self, awaitable: Awaitable[Any], point: str) -> Any:
        result = await awaitable
        self._points.die(point)
        return result


class _Block:
    """A ``ctx.transaction()`` block; a crash before its commit rolls it back."""

    def __init__(self, opened: Transaction, completion: Completion, points: Points) -> None:
        """Take a block that was not entered yet."""
        self._opened = opened
        self._completion = completion
        self._points = points
        self._commit = f"the commit of {completion.handler.name}"

    def __enter__(self) -> Any:
        return self._opened.__enter__()

    def __exit__(
        self,
        cls: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._points.die(f"before {self._commit}")
            except BaseException as death:
                self._opened.__exit__(type(death), death, death.__traceback__)
                raise
        self._opened.__exit__(cls, error, traceback)
        if error is None:
            self._committed()

    async def __aenter__(self) -> Any:
        return await self._opened.__aenter__()

    async def __aexit__(
        self,
        cls: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._points.die(f"before {self._commit}")
            except BaseException as death:
                await self._opened.__aexit__(type(death), death, death.__traceback__)
                raise
        await self._opened.__aexit__(cls, error, traceback)
        if error is None:
            self._committed()

    def _committed(self) -> None:
        self._points.settle(self._completion.handler.name)
        self._points.die(f"after {self._commit}")
        if self._points.loses(self._commit):
            self._completion.committed = False
            self._completion.error = StoreError(LOST)
            raise self._completion.error
