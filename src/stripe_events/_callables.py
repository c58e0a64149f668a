"""
What kind of function a user gave, and what it takes.

``inspect`` answers for everything callable; it takes 6 ms to load, so a plain
function, which nearly all handlers are, is asked by its code object instead.
"""

from __future__ import annotations

from functools import partial
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable

# https://docs.python.org/3/library/inspect.html#code-objects-bit-flags
_VARIADIC = 0x04 | 0x08
_GENERATOR = 0x20 | 0x200
_COROUTINE = 0x80


def is_async(function: Any) -> bool:
    """Tell whether calling this gives a coroutine, as far as can be seen."""
    code = _plain_code(function)
    if code is not None:
        return bool(code.co_flags & _COROUTINE)
    import inspect

    return any(map(inspect.iscoroutinefunction, _called(function)))


def is_generator(function: Any) -> bool:
    """Tell whether calling this gives a generator of either kind, as far as can be seen."""
    code = _plain_code(function)
    if code is not None:
        return bool(code.co_flags & _GENERATOR)
    import inspect

    called = _called(function)
    return any(map(inspect.isgeneratorfunction, called)) or any(
        map(inspect.isasyncgenfunction, called)
    )


def is_async_generator(function: Any) -> bool:
    """Tell whether this is an async generator function."""
    import inspect

    return inspect.isasyncgenfunction(function)


def is_awaitable(result: Any) -> bool:
    """Tell whether what a function gave is to be awaited."""
    import inspect

    return inspect.isawaitable(result)


def takes_two(function: Any) -> bool:
    """
    Tell whether this is to be called with a second positional argument.

    Yes if that is required, or named ``ctx`` or ``context``.

    Raises:
        TypeError: it cannot be called with one or two; with its signature, if it has one.
    """
    code = _plain_code(function)
    if code is not None and _has_one_or_two(function, code):
        return code.co_argcount == 2  # noqa: PLR2004 - as the name says
    return _takes_two_by_signature(function)


def _plain_code(function: Any) -> CodeType | None:
    # What a decorator may have told inspect stands in the function's __dict__.
    return function.__code__ if type(function) is FunctionType and not function.__dict__ else None


def _has_one_or_two(function: FunctionType, code: CodeType) -> bool:
    simple = not (code.co_flags & _VARIADIC or code.co_kwonlyargcount or function.__defaults__)
    return simple and code.co_argcount in (1, 2)


def _takes_two_by_signature(function: Any) -> bool:
    import inspect

    try:
        signature = inspect.signature(function)
    except ValueError:
        raise TypeError(repr(function)) from None
    positional, required = _parameters(signature)
    if required not in ([], positional[:1], positional[:2]):
        raise TypeError(str(signature))
    second = positional[1:2]
    return bool(second) and (second == required[1:] or second[0].name in ("ctx", "context"))


def _parameters(
    signature: inspect.Signature,
) -> tuple[list[inspect.Parameter], list[inspect.Parameter]]:
    parameters = signature.parameters.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    variadic = [p for p in parameters if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not positional and not any(p.kind is p.VAR_POSITIONAL for p in variadic):
        raise TypeError(str(signature))
    return positional, [p for p in parameters if p.default is p.empty and p not in variadic]


def _called(function: Callable[..., Any]) -> tuple[Any, Any]:
    """Give what a partial calls, and what calling that calls if it is an instance."""
    inner = function.func if isinstance(function, partial) else function
    # B004 warns of asking this way whether something is callable; here its kind is asked.
    return inner, getattr(inner, "__call__", None)  # noqa: B004
