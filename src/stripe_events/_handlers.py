"""From a function and its options to a ``Handler``: names, parameters, checks."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, cast, get_args

from stripe_events._callables import is_async, is_generator, takes_two
from stripe_events._registry import NO_FILTERS, Filters, Handler, Selector, Skip, Way, Where
from stripe_events.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from stripe_events._retry import Retry


_NO_TIMEOUT = (
    "timeout= needs an async handler: a thread cannot be stopped; ask ctx.remaining() in a sync one"
)


def maker(
    selector: Selector | None,
    *,
    is_fallback: bool = False,
    name: str | None = None,
    timeout: float | None = None,
    formerly: str | Collection[str] | None = None,
    stale: str | Skip | None = None,
    delivery: Way | None = None,
    retry: Retry | None = None,
    **filters: Any,
) -> Callable[[Callable[..., Any]], Handler]:
    """
    Give the function that makes a handler with these options.

    Raises:
        UsageError: an option cannot be meant.
        TypeError: there is no such option.
    """
    checked = _filters(selector, **filters)
    former = _names("formerly", formerly) or ()
    skip = _skip(stale, selector)
    _check_values(name, timeout, delivery, retry)

    def make(function: Callable[..., Any]) -> Handler:
        _refuse_what_would_not_run(function)
        awaits = is_async(function)
        if timeout is not None and not awaits:
            raise UsageError(_NO_TIMEOUT)
        own_name = name or _default_name(function)
        return Handler(
            name=own_name,
            call=function,
            takes_context=_takes_context(function),
            is_async=awaits,
            selector=selector,
            is_fallback=is_fallback,
            filters=checked,
            timeout=timeout,
            formerly=former,
            stale=None if skip is None else skip.group or (*former, own_name)[0],
            has_stable_name=name is not None or _is_stable(function),
            delivery=delivery,
            retry=retry,
        )

    return make


def _check_values(name: str | None, timeout: float | None, delivery: object, retry: object) -> None:
    _check_name(name)
    _check_timeout(timeout)
    check_delivery(delivery)
    _check_retry(retry)


def _check_name(name: str | None) -> None:
    if name is not None and not (isinstance(cast("object", name), str) and name):
        msg = f"name={name!r} names nothing: leave it out or give a name as text"
        raise UsageError(msg)


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and not 0 < timeout < math.inf:
        msg = f"timeout is a finite number of seconds above 0, not {timeout!r}"
        raise UsageError(msg)


def _check_retry(retry: object) -> None:
    if retry is not None:
        from stripe_events._retry import checked

        checked(retry)


def check_delivery(delivery: object) -> None:
    """Refuse, with a UsageError, what is neither of the two ways, nor None."""
    if delivery not in (None, "inline", "inbox"):
        msg = f'delivery= is "inline" or "inbox", not {delivery!r}'
        raise UsageError(msg)


def check_middleware(function: Any) -> None:
    """Refuse, with a UsageError, what is no generator function."""
    if not is_generator(function):
        raise UsageError(
            "middleware is a generator function (event, ctx) that yields once where the "
            "handler runs"
        )
    import inspect

    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        msg = f"middleware {_default_name(function)} must take (event, ctx)"
        raise UsageError(msg) from None


def check_observer(function: Any) -> None:
    """Refuse, with a UsageError, what cannot be told of a record by calling it."""
    if not _is_plain(function):
        raise UsageError("an observer is a plain function of one record: it is called inline")


def check_records(classes: tuple[Any, ...]) -> None:
    """Refuse, with a UsageError, what is no record class of ``stripe_events.observers``."""
    from stripe_events import observers

    if not classes or not set(get_args(observers.Record)).issuperset(classes):
        raise UsageError(
            "observe() takes record classes of stripe_events.observers, such as Failed"
        )


def _filters(
    selector: Selector | None,
    *,
    changed: str | Collection[str] | None = None,
    livemode: bool | None = None,
    account: str | Collection[str] | None = None,
    where: Where | None = None,
) -> Filters:
    if changed is not None and selector is not None and not selector.snapshot:
        raise UsageError("changed= is for snapshot events: thin ones carry no previous_attributes")
    if livemode is not None and type(livemode) is not bool:
        msg = f"livemode= is True or False, not {livemode!r}: the handler would never run"
        raise UsageError(msg)
    if where is not None and not _is_plain(where):
        raise UsageError("where= is a plain function: it decides at once, without awaiting")
    accounts = _names("account", account)
    filters = Filters(
        _names("changed", changed),
        livemode,
        None if accounts is None else frozenset(accounts),
        where,
    )
    return NO_FILTERS if filters == NO_FILTERS else filters


def _skip(stale: str | Skip | None, selector: Selector | None) -> Skip | None:
    if stale is None:
        return None
    if selector is None or not selector.snapshot:
        raise UsageError("stale= is for snapshot events: others carry no state that could be old")
    if stale == "skip":
        return Skip()
    if not isinstance(stale, Skip):
        msg = f'stale= is "skip" or Skip(group=...), not {stale!r}'
        raise UsageError(msg)
    return stale


def _names(option: str, value: str | Collection[str] | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = (value,) if isinstance(value, str) else tuple(value)
    if not names or not all(names):
        msg = f"{option}= names nothing, so the handler would never run"
        raise UsageError(msg)
    return names


def _is_plain(function: Any) -> bool:
    return callable(function) and not is_async(function) and not is_generator(function)


def _takes_context(function: Any) -> bool:
    try:
        return takes_two(function)
    except TypeError as error:
        msg = (
            f"handler {_default_name(function)} takes {error}: "
            "a handler takes (event) or (event, ctx)"
        )
        raise UsageError(msg) from None


def _refuse_what_would_not_run(function: Any) -> None:
    if isinstance(function, type):
        msg = f"{function.__qualname__} is a class: give an instance to router.register()"
        raise UsageError(msg)
    if is_generator(function):
        raise UsageError(
            "a handler that yields would never run: return instead, or register it with "
            "router.middleware"
        )


def _is_stable(function: Any) -> bool:
    """Tell whether the default name finds the same handler in another process, too."""
    if isinstance(function, partial):
        return False
    name = _default_name(function)
    return "<" not in name and not name.startswith("__main__:")


def _default_name(function: Any) -> str:
    while isinstance(function, partial):
        function = function.func
    named = cast("Any", function if hasattr(function, "__qualname__") else type(function))
    return f"{named.__module__}:{named.__qualname__}"
