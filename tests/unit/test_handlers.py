"""What can be a handler, middleware, filter or observer, and what is refused at once."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Context, EventHandler, EventRouter, observers
from stripe_events._handlers import maker
from stripe_events._registry import NO_FILTERS, Selector
from stripe_events.errors import UsageError
from stripe_events.events import ChargeSucceeded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

MODULE = __name__
CHARGES = Selector(frozenset({"charge.succeeded"}))


def takes_event(event: Any) -> None:
    """Take the event alone."""


def takes_both(event: Any, ctx: Context) -> None:
    """Take the event and the context."""


async def is_async(event: Any, ctx: Context) -> None:
    """Be async."""


class Methods:
    """Handlers of every kind that a class can have."""

    def method(self, event: Any) -> None:
        """Be a method."""

    @classmethod
    def of_class(cls, event: Any, ctx: Context) -> None:
        """Be a class's method."""

    @staticmethod
    def static(event: Any) -> None:
        """Be a static method."""

    async def coroutine(self, event: Any) -> None:
        """Be async."""


class Called:
    """An instance that can be called."""

    def __call__(self, event: Any, ctx: Context) -> None:
        """Handle."""


class CalledAsync(EventHandler[ChargeSucceeded]):
    """An instance that can be called and awaited."""

    async def __call__(self, event: ChargeSucceeded, ctx: Context, /) -> None:
        """Handle."""


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Be a decorator as everybody writes it."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def with_more(db: Any, event: Any, ctx: Context) -> None:
    """Take something before the event."""


@pytest.mark.parametrize(
    ("function", "takes_context"),
    [
        (takes_event, False),
        (takes_both, True),
        (is_async, True),
        (lambda event: None, False),
        (lambda event, _: None, True),
        (lambda event, /: None, False),
        (lambda event, ctx, /: None, True),
        (lambda event, retries=3: None, False),
        (lambda event, ctx=None: None, True),
        (lambda event, context=None: None, True),
        (lambda event=None, ctx=None: None, True),
        (lambda event, ctx, retries=3: None, True),
        (lambda event, *, retries=3: None, False),
        (lambda event, *rest, **options: None, False),
        (lambda *args: None, False),
        (Methods().method, False),
        (Methods.of_class, True),
        (Methods.static, False),
        (Called(), True),
        (CalledAsync(), True),
        (wrapped(takes_both), True),
        (wrapped(takes_event), False),
        (functools.partial(with_more, "db"), True),
        (functools.partial(takes_both, ctx=None), False),
        (functools.lru_cache(takes_event), False),
        (print, False),
    ],
)
def test_a_handler_takes_the_event_or_also_the_context(
    function: Callable[..., Any], takes_context: bool
) -> None:
    """The second parameter counts if it has to be given or is called ``ctx``."""
    assert takes_context is maker(CHARGES)(function).takes_context


@pytest.mark.parametrize(
    "function",
    [
        lambda: None,
        lambda event, ctx, more: None,
        lambda event, *, ctx: None,
        lambda *, event: None,
        lambda **options: None,
        functools.partial(takes_event, 1),
        getattr,
        None,
        5,
        "takes_event",
        {},
    ],
)
def test_what_cannot_be_called_so_is_no_handler(function: Any) -> None:
    """It shows at registration, not when the first customer has paid."""
    with pytest.raises(UsageError, match="handler"):
        maker(CHARGES)(function)


def test_the_error_shows_the_signature() -> None:
    """So that one sees which function is meant, and why."""
    with pytest.raises(UsageError, match=rf"{MODULE}:with_more takes \(db.*\(event, ctx\)"):
        maker(CHARGES)(with_more)


def yields(event: Any) -> Generator[None, None, None]:
    """Be a generator."""
    yield


async def yields_async(event: Any) -> AsyncGenerator[None, None]:
    """Be an async generator."""
    yield


class Yields(EventHandler[ChargeSucceeded]):
    """An instance that yields when it is called."""

    def __call__(self, event: ChargeSucceeded, ctx: Context, /) -> Any:
        """Be a generator."""
        yield


class YieldsAsync(EventHandler[ChargeSucceeded]):
    """An instance that yields when it is called."""

    async def __call__(self, event: ChargeSucceeded, ctx: Context, /) -> Any:
        """Be an async generator."""
        yield


@pytest.mark.parametrize(
    "function", [yields, yields_async, functools.partial(yields), Yields(), YieldsAsync()]
)
def test_a_handler_that_yields_is_refused(function: Any) -> None:
    """Calling it would run nothing."""
    with pytest.raises(UsageError, match=r"yields would never run: .*router\.middleware"):
        maker(CHARGES)(function)


class NeedsDatabase(EventHandler[ChargeSucceeded]):
    """A handler that is made with something."""

    def __init__(self, db: Any) -> None:
        """Take it."""

    def __call__(self, event: ChargeSucceeded, ctx: Context, /) -> None:
        """Handle."""


def test_a_class_is_no_handler() -> None:
    """Calling it would make an instance of every event, and handle none."""
    with pytest.raises(UsageError, match=r"NeedsDatabase is a class: .*router\.register"):
        maker(CHARGES)(NeedsDatabase)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (takes_event, False),
        (Methods().method, False),
        (Called(), False),
        (is_async, True),
        (Methods().coroutine, True),
        (CalledAsync(), True),
        (functools.partial(is_async), True),
        (functools.partial(functools.partial(CalledAsync())), True),
    ],
)
def test_async_handlers_are_told_apart(function: Any, expected: bool) -> None:
    """By what they are; what only returns an awaitable is found out when it does."""
    assert expected is maker(CHARGES)(function).is_async


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (takes_event, "takes_event"),
        (Methods().method, "Methods.method"),
        (Methods.of_class, "Methods.of_class"),
        (Called(), "Called"),
        (CalledAsync(), "CalledAsync"),
        (wrapped(takes_event), "takes_event"),
        (functools.partial(takes_both, ctx=None), "takes_both"),
        (functools.partial(functools.partial(Called()), ctx=None), "Called"),
    ],
)
def test_a_name_is_module_and_qualname(function: Any, expected: str) -> None:
    """The same in every process, so that a ledger finds it again."""
    assert f"{MODULE}:{expected}" == maker(CHARGES)(function).name


def test_a_name_can_be_given() -> None:
    """It stays when the function moves."""
    assert "receipts" == maker(CHARGES, name="receipts")(takes_event).name


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_is_a_time(timeout: float) -> None:
    """Of some seconds, not of none and not of all."""
    with pytest.raises(UsageError, match="seconds above 0"):
        maker(CHARGES, timeout=timeout)


def test_a_timeout_needs_an_async_handler() -> None:
    """A thread cannot be stopped, so that a sync handler is told what to do instead."""
    assert 2.5 == maker(CHARGES, timeout=2.5)(is_async).timeout
    with pytest.raises(UsageError, match=r"a thread cannot be stopped.*ctx\.remaining"):
        maker(CHARGES, timeout=2.5)(takes_event)


async def where_async(event: Any) -> bool:
    """Answer too late."""
    return False


class WhereAsync:
    """A filter that can only be awaited."""

    async def __call__(self, event: Any) -> bool:
        """Answer too late."""
        return False


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"name": ""}, "names nothing"),
        ({"name": 5}, "names nothing"),
        ({"livemode": 1}, "livemode= is True or False"),
        ({"livemode": "true"}, "livemode= is True or False"),
        ({"changed": ""}, "changed= names nothing"),
        ({"changed": []}, "changed= names nothing"),
        ({"changed": ["status", ""]}, "changed= names nothing"),
        ({"account": ""}, "account= names nothing"),
        ({"account": ()}, "account= names nothing"),
        ({"where": where_async}, "without awaiting"),
        ({"where": WhereAsync()}, "without awaiting"),
        ({"where": functools.partial(where_async)}, "without awaiting"),
        ({"where": True}, "where= is a plain function"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(options: dict[str, Any], why: str) -> None:
    """Each of these would make a handler run never, or always."""
    with pytest.raises(UsageError, match=why):
        maker(CHARGES, **options)


def test_changed_is_for_snapshot_events() -> None:
    """Thin ones never say what changed."""
    with pytest.raises(UsageError, match="thin ones carry no previous_attributes"):
        maker(Selector(thin=frozenset({"v1.charge.updated"})), changed="status")


def test_an_unknown_option_is_refused() -> None:
    """As every function of Python's does."""
    with pytest.raises(TypeError, match="retries"):
        maker(CHARGES, retries=3)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (None, None, None, None)),
        ({"changed": "status"}, (("status",), None, None, None)),
        ({"changed": ["a", "b"]}, (("a", "b"), None, None, None)),
        ({"livemode": False}, (None, False, None, None)),
        ({"account": "acct_1"}, (None, None, {"acct_1"}, None)),
        ({"account": {"acct_1", "acct_2"}}, (None, None, {"acct_1", "acct_2"}, None)),
        ({"where": bool}, (None, None, None, bool)),
    ],
)
def test_one_name_or_several_may_be_given(options: dict[str, Any], expected: Any) -> None:
    """A str is one name, never its letters."""
    assert expected == maker(CHARGES, **options)(takes_event).filters


def test_no_options_are_no_filters() -> None:
    """Known by identity, so that routing need not look into them."""
    assert NO_FILTERS is maker(CHARGES)(takes_event).filters


def layer(event: Any, ctx: Context) -> Generator[None, Any, None]:
    """Do nothing around a handler."""
    yield


@pytest.mark.parametrize("function", [takes_both, is_async, None, layer(None, None), Called()])  # type: ignore[arg-type]
def test_middleware_is_a_generator_function(function: Any) -> None:
    """Any other form would run at other times than it looks."""
    with pytest.raises(UsageError, match="generator function"):
        EventRouter().middleware(function)


@pytest.mark.parametrize("function", [yields, yields_async, functools.partial(layer, None)])
def test_middleware_takes_the_event_and_the_context(function: Any) -> None:
    """One that takes less or more would make every handler fail."""
    with pytest.raises(UsageError, match=r"\(event, ctx\)"):
        EventRouter().middleware(function)


def test_methods_and_partials_can_be_middleware() -> None:
    """They are generator functions too."""

    class Layers:
        """Middleware with a state."""

        def around(self, event: Any, ctx: Context) -> Generator[None, Any, None]:
            """Do nothing around a handler."""
            yield

    router = EventRouter()
    assert layer is router.middleware(layer)
    router.middleware(Layers().around)
    router.middleware(functools.partial(layer))
    assert 3 == len(router._registry.middleware)


@pytest.mark.parametrize(
    "classes", [(), (int,), (observers.Record,), ("Failed",), (observers.Failed, None)]
)
def test_observers_are_for_record_classes(classes: tuple[Any, ...]) -> None:
    """Anything else would never be told."""
    with pytest.raises(UsageError, match=r"stripe_events\.observers"):
        EventRouter().observe(*classes)


@pytest.mark.parametrize("observer", [is_async, yields, CalledAsync(), None])
def test_an_observer_is_a_plain_function(observer: Any) -> None:
    """It is called inline; what has to be awaited or iterated would never run."""
    with pytest.raises(UsageError, match="observer is a plain function"):
        EventRouter().observe(observers.Failed)(observer)
