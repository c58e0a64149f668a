"""
One run of one handler with the middleware around it.

Middleware is a generator function ``(event, ctx)`` that yields exactly once.
The order of the steps is written once, in ``_steps``; ``run`` and ``arun``
perform them. The time limit counts for the handler alone.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, TypeAlias

from stripe_events._callables import is_awaitable
from stripe_events.errors import ProcessingError, UsageError

if TYPE_CHECKING:
    from stripe_events._delivery.context import Context
    from stripe_events._event import AnyEvent
    from stripe_events._registry import Handler

Wait: TypeAlias = Callable[[Awaitable[Any], float | None], Any]
"""Wait for what an async handler returned, at most so many seconds."""


class Enter:
    """Run a middleware up to its yield; gives whether it got there."""

    __slots__ = ("generator",)

    def __init__(self, generator: Any) -> None:
        """Take what the middleware gave, not started yet."""
        self.generator = generator


class Call:
    """Call the handler; gives its result."""

    __slots__ = ()


class Leave:
    """Run the rest of a middleware with the handler's result or error."""

    __slots__ = ("error", "generator", "result")

    def __init__(self, generator: Any, result: Any, error: BaseException | None) -> None:
        """Take a middleware that has yielded once."""
        self.generator = generator
        self.result = result
        self.error = error


Step: TypeAlias = Enter | Call | Leave


def is_cancellation(error: BaseException) -> bool:
    """Tell whether something is asyncio's CancelledError, without loading asyncio."""
    asyncio = sys.modules.get("asyncio.exceptions")
    return asyncio is not None and isinstance(error, asyncio.CancelledError)


def cancelled_itself(error: BaseException) -> ProcessingError:
    """Give the failure of a handler that is cancelled although nobody asked for it."""
    failure = ProcessingError("the handler cancelled itself")
    failure.__cause__ = error
    return failure


def call(handler: Handler, event: AnyEvent, context: Context) -> Any:
    """
    Call the handler's function with what it takes.

    Raises:
        ProcessingError: it raised asyncio's CancelledError; nothing was awaited, so
            nobody can have cancelled it.
        UsageError: it gave a generator, of which nothing has run: behind a decorator
            that could not be seen at registration.
    """
    try:
        result = handler.call(event, context) if handler.takes_context else handler.call(event)
    except BaseException as error:
        if is_cancellation(error):
            raise cancelled_itself(error) from error
        raise
    if type(result) in _GENERATORS and not is_awaitable(result):
        msg = f"handler {handler.name} yields, so that none of it has run: return instead"
        raise UsageError(msg)
    return result


def run(handler: Handler, event: AnyEvent, context: Context, wait: Wait) -> None:
    """Run a handler in this thread; whatever it or its middleware raises is raised."""
    if not handler.middleware:
        _call(handler, event, context, wait)
        return
    steps = _steps(handler, event, context)
    try:
        step = next(steps)
        while True:
            try:
                value = (
                    _call(handler, event, context, wait)
                    if isinstance(step, Call)
                    else _perform(step)
                )
            except BaseException as error:  # noqa: BLE001 - it passes through the middleware
                step = steps.throw(error)
            else:
                step = steps.send(value)
    except StopIteration:
        return


async def arun(
    handler: Handler,
    event: AnyEvent,
    context: Context,
    acall: Callable[[Handler, AnyEvent, Context], Awaitable[Any]],
) -> None:
    """Run a handler in this task; ``acall`` calls it where it belongs."""
    steps = _steps(handler, event, context)
    try:
        step = next(steps)
        while True:
            try:
                value = (
                    await acall(handler, event, context)
                    if isinstance(step, Call)
                    else await _aperform(step)
                )
            except BaseException as error:  # noqa: BLE001 - it passes through the middleware
                step = steps.throw(error)
            else:
                step = steps.send(value)
    except StopIteration:
        return


def _steps(handler: Handler, event: AnyEvent, context: Context) -> Generator[Step, Any, None]:
    entered: list[Any] = []
    result: Any = None
    error: BaseException | None = None
    try:
        for middleware in handler.middleware:
            generator = middleware(event, context)
            if not (yield Enter(generator)):
                _check_skipped(middleware, context)
                break
            entered.append(generator)
            if context.skipped is not None:
                break
        else:
            result = yield Call()
    except BaseException as raised:  # noqa: BLE001 - the middleware sees it, then the caller
        error = raised
    stop = _unless_exception(error)
    while entered:
        try:
            yield Leave(entered.pop(), result, error)
            error = None
        except BaseException as raised:  # noqa: BLE001 - what a middleware makes of it counts
            error = raised
            stop = _unless_exception(raised) if stop is None else stop
    error = error if stop is None else stop
    if error is not None:
        raise error


def _unless_exception(error: BaseException | None) -> BaseException | None:
    # A cancellation, or Ctrl-C: middleware may clean up, but cannot make it undone.
    return None if isinstance(error, Exception) else error


def _check_skipped(middleware: Callable[..., Any], context: Context) -> None:
    if context.skipped is None:
        msg = (
            f"middleware {_name(middleware)} returned before its yield: "
            "call ctx.skip(reason) to say that the handler is not to run"
        )
        raise UsageError(msg)


def _call(handler: Handler, event: AnyEvent, context: Context, wait: Wait) -> Any:
    result = call(handler, event, context)
    if result is not None and is_awaitable(result):
        return wait(result, handler.timeout)
    return result


def _perform(step: Enter | Leave) -> Any:
    if isinstance(step, Enter):
        return next(step.generator, _RETURNED) is not _RETURNED
    generator, error = step.generator, step.error
    try:
        generator.send(step.result) if error is None else generator.throw(error)
    except StopIteration:
        return None
    generator.close()
    raise _yielded_twice(generator) from error


async def _aperform(step: Enter | Leave) -> Any:
    generator: AsyncGenerator[Any, Any] = step.generator
    if type(step.generator) is not AsyncGeneratorType:
        return _perform(step)
    if isinstance(step, Enter):
        return await anext(generator, _RETURNED) is not _RETURNED
    error = step.error
    try:
        await (generator.asend(step.result) if error is None else generator.athrow(error))
    except StopAsyncIteration:
        return None
    await generator.aclose()
    raise _yielded_twice(generator) from error


_GENERATORS = (GeneratorType, AsyncGeneratorType)
_RETURNED = object()


def _yielded_twice(generator: Any) -> UsageError:
    return UsageError(f"middleware {_name(generator)} yielded twice: it must yield exactly once")


def _name(function: Any) -> str:
    return getattr(function, "__qualname__", repr(function))
