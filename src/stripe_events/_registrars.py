"""
What the decorators of a router accept and give back.

For type checkers: nobody loads this at run time, where it would cost a millisecond.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Generator
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Protocol,
    TypeAlias,
    TypedDict,
    TypeVar,
    overload,
)

from stripe_events._delivery.context import Context
from stripe_events._event import AnyEvent
from stripe_events._selectors import EventHandler
from stripe_events.observers import Record

if TYPE_CHECKING:
    from stripe_events._registry import Skip, Way
    from stripe_events._retry import Retry

__all__ = [
    "E1",
    "E2",
    "E3",
    "E4",
    "E5",
    "E6",
    "E7",
    "E8",
    "T1",
    "T2",
    "T3",
    "H",
    "HandlerOptions",
    "Middleware",
    "MiddlewareT",
    "ObserverRegistrar",
    "R",
    "Registrar",
]

E = TypeVar("E")
R = TypeVar("R")
T = TypeVar("T")
E1 = TypeVar("E1", bound=AnyEvent)
E2 = TypeVar("E2", bound=AnyEvent)
E3 = TypeVar("E3", bound=AnyEvent)
E4 = TypeVar("E4", bound=AnyEvent)
E5 = TypeVar("E5", bound=AnyEvent)
E6 = TypeVar("E6", bound=AnyEvent)
E7 = TypeVar("E7", bound=AnyEvent)
E8 = TypeVar("E8", bound=AnyEvent)
H = TypeVar("H", bound=EventHandler[Any] | type[EventHandler[Any]])
T1 = TypeVar("T1", bound=Record)
T2 = TypeVar("T2", bound=Record)
T3 = TypeVar("T3", bound=Record)
MiddlewareT = TypeVar("MiddlewareT", bound="Middleware")

Middleware: TypeAlias = (
    Callable[[AnyEvent, Context], Generator[None, Any, None]]
    | Callable[[AnyEvent, Context], AsyncGenerator[None, Any]]
)
"""A generator function that yields exactly once, where the handler runs."""


class HandlerOptions(TypedDict, Generic[E], total=False):
    """
    Options of a handler. An event that a filter refuses is not for this handler.

    ``changed``: attributes of the resource, any of which must be in
    ``previous_attributes``. ``livemode``: only live or only test events.
    ``account``: only events of these connected accounts. ``where``: a function
    that tells, asked last and once per event; if it raises, the handler has
    failed. ``name``: instead of ``module:qualname``. ``timeout``: seconds after
    which an async handler is cancelled; a sync one cannot be, so it is refused.
    ``formerly``: what the handler was called before (oldest first), so that events
    planned for that name go on here. ``stale``: ``"skip"`` leaves out snapshots older than the
    newest one that this handler (or with ``Skip(group=...)`` any of its group) has
    succeeded on; for handlers that copy state. ``delivery``: ``"inline"`` runs it before
    Stripe is answered, ``"inbox"`` leaves it to a worker; by default as the router says.
    ``retry``: how a worker tries it again, instead of the router's ``retry``.
    """

    changed: str | Collection[str]
    livemode: bool
    account: str | Collection[str]
    where: Callable[[E], object]
    name: str
    timeout: float
    formerly: str | Collection[str]
    stale: Literal["skip"] | Skip
    delivery: Way
    retry: Retry


class Registrar(Protocol[E]):
    """A decorator that registers a handler and gives it back as it is."""

    @overload
    def __call__(self, handler: Callable[[E], R], /) -> Callable[[E], R]: ...
    @overload
    def __call__(self, handler: Callable[[E, Context], R], /) -> Callable[[E, Context], R]: ...


class ObserverRegistrar(Protocol[T]):
    """A decorator that registers an observer and gives it back as it is."""

    def __call__(self, observer: Callable[[T], R], /) -> Callable[[T], R]: ...
