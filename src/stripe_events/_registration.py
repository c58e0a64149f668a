"""
The typed face of registration: what decorators accept and give back.

One overload per count of classes, because mypy joins where pyright unites. At
run time they are one function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from stripe_events import _handlers, _selectors
from stripe_events._registry import Registry
from stripe_events.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events._delivery.context import Context
    from stripe_events._event import AnyEvent, Event, EventNotification
    from stripe_events._registrars import (
        E1,
        E2,
        E3,
        E4,
        E5,
        E6,
        E7,
        E8,
        T1,
        T2,
        T3,
        H,
        HandlerOptions,
        MiddlewareT,
        ObserverRegistrar,
        R,
        Registrar,
    )
    from stripe_events._registry import Handler, Kind
    from stripe_events.observers import Record


class Registration:
    """What can be registered with a router, until its first delivery."""

    def __init__(self) -> None:
        """Start with nothing registered."""
        self._registry = Registry()

    @overload
    def on(
        self,
        cls1: type[E1],
        /,
        **options: Unpack[HandlerOptions[E1]],
    ) -> Registrar[E1]: ...
    @overload
    def on(
        self,
        cls1: type[E1],
        cls2: type[E2],
        /,
        **options: Unpack[HandlerOptions[E1 | E2]],
    ) -> Registrar[E1 | E2]: ...
    @overload
    def on(
        self,
        cls1: type[E1],
        cls2: type[E2],
        cls3: type[E3],
        /,
        **options: Unpack[HandlerOptions[E1 | E2 | E3]],
    ) -> Registrar[E1 | E2 | E3]: ...
    @overload
    def on(
        self,
        cls1: type[E1],
        cls2: type[E2],
        cls3: type[E3],
        cls4: type[E4],
        /,
        **options: Unpack[HandlerOptions[E1 | E2 | E3 | E4]],
    ) -> Registrar[E1 | E2 | E3 | E4]: ...
    @overload
    def on(
        self,
        cls1: type[E1],
        cls2: type[E2],
        cls3: type[E3],
        cls4: type[E4],
        cls5: type[E5],
        /,
        **options: Unpack[HandlerOptions[E1 | E2 | E3 | E4 | E5]],
    ) -> Registrar[E1 | E2 | E3 | E4 | E5]: ...
    @overload
    def on(
        self,
        cls1: type[E1],
        cls2: type[E2],
        cls3: type[E3],
        cls4: type[E4],
        cls5: type[E5],
        cls6: type[E6],
        /,
        **options: Unpack[HandlerOptions[E1 | E2 | E3 | E4 | E5 | E6]],
    ) -> Registrar[E1 | E2 | E3 | E4 | E5 | E6]: ...
    @overload
    def on(
        self,
        cls1: type[E1],
        cls2: type[E2],
        cls3: type[E3],
        cls4: type[E4],
        cls5: type[E5],
        cls6: type[E6],
        cls7: type[E7],
        /,
        **options: Unpack[HandlerOptions[E1 | E2 | E3 | E4 | E5 | E6 | E7]],
    ) -> Registrar[E1 | E2 | E3 | E4 | E5 | E6 | E7]: ...
    @overload
    def on(
        self,
        cls1: type[E1],
        cls2: type[E2],
        cls3: type[E3],
        cls4: type[E4],
        cls5: type[E5],
        cls6: type[E6],
        cls7: type[E7],
        cls8: type[E8],
        /,
        **options: Unpack[HandlerOptions[E1 | E2 | E3 | E4 | E5 | E6 | E7 | E8]],
    ) -> Registrar[E1 | E2 | E3 | E4 | E5 | E6 | E7 | E8]: ...
    @overload
    def on(
        self,
        *types: str,
        kind: Literal["snapshot"] = "snapshot",
        unlisted: bool = False,
        **options: Unpack[HandlerOptions[Event]],
    ) -> Registrar[Event]: ...
    @overload
    def on(
        self,
        *types: str,
        kind: Literal["thin"],
        unlisted: bool = False,
        **options: Unpack[HandlerOptions[EventNotification]],
    ) -> Registrar[EventNotification]: ...
    def on(
        self,
        *classes_or_types: Any,
        kind: Kind = "snapshot",
        unlisted: bool = False,
        **options: Any,
    ) -> Any:
        """
        Register a handler for event classes, or for names and patterns of types.

        A handler takes the event, or the event and a ``Context``; it may be
        async. It is given back as it is, so that tests can call it.

        Args:
            classes_or_types: classes from ``stripe_events.events`` or
                ``stripe_events.notifications``; or names, in which ``*`` stands for
                any run of characters (``"issuing_*.created"``). Patterns also match
                types that Stripe adds later.
            kind: ``"thin"`` if names mean thin events.
            unlisted: accept exact names that the catalogue does not know.
            options: see ``HandlerOptions``.

        Raises:
            UnknownEventType: a name or pattern matches nothing in the catalogue.
            DuplicateHandler: this router has a handler of that name.
            UsageError: no event type, wrong options or a handler that cannot be
                called; the router is frozen.
        """
        selector = _selectors.select(classes_or_types, kind, unlisted=unlisted)
        make = _handlers.maker(selector, **options)
        return self._decorator(make)

    @overload
    def on_any(self, handler: Callable[[AnyEvent], R], /) -> Callable[[AnyEvent], R]: ...
    @overload
    def on_any(
        self, handler: Callable[[AnyEvent, Context], R], /
    ) -> Callable[[AnyEvent, Context], R]: ...
    @overload
    def on_any(self, **options: Unpack[HandlerOptions[AnyEvent]]) -> Registrar[AnyEvent]: ...
    def on_any(self, *handler: Any, **options: Any) -> Any:
        """
        Register a handler for every event of either kind, known or not.

        With or without options in parentheses; otherwise like ``on``.
        """
        decorator = self._decorator(_handlers.maker(None, **options))
        return decorator(*handler) if handler else decorator

    @overload
    def fallback(self, handler: Callable[[AnyEvent], R], /) -> Callable[[AnyEvent], R]: ...
    @overload
    def fallback(
        self, handler: Callable[[AnyEvent, Context], R], /
    ) -> Callable[[AnyEvent, Context], R]: ...
    @overload
    def fallback(self, **options: Unpack[HandlerOptions[AnyEvent]]) -> Registrar[AnyEvent]: ...
    def fallback(self, *handler: Any, **options: Any) -> Any:
        """
        Register a handler for types that no handler is registered for.

        ``on_any`` does not count as registered, a handler whose filter refuses
        does. Included routers count too. Otherwise like ``on_any``.
        """
        decorator = self._decorator(_handlers.maker(None, is_fallback=True, **options))
        return decorator(*handler) if handler else decorator

    def register(self, handler: H, /, **options: Unpack[HandlerOptions[Any]]) -> H:
        """
        Register a class-based handler for the events its base names.

        Args:
            handler: an instance of an ``EventHandler[...]``, or such a class, which
                is then made without arguments.
            options: as for ``on``.

        Returns:
            What was given, so that it works as a decorator of the class.
        """
        instance = handler() if isinstance(handler, type) else handler
        selector = _selectors.select(_selectors.handled_classes(type(instance)), "snapshot")
        self._decorator(_handlers.maker(selector, **options))(instance)
        return handler

    def middleware(self, function: MiddlewareT, /) -> MiddlewareT:
        """
        Put a generator function around every handler of this router and those it includes.

        It gets the event and the context and yields exactly once: there the
        handler runs. ``yield`` gives the handler's result and raises its error,
        which passes on unless it is caught. Returning before the yield needs
        ``ctx.skip(reason)``. The first one registered is the outermost.
        """
        self._check_open()
        _handlers.check_middleware(function)
        self._registry.middleware.append(function)
        return function

    @overload
    def observe(self, cls: type[T1], /) -> ObserverRegistrar[T1]: ...
    @overload
    def observe(self, cls1: type[T1], cls2: type[T2], /) -> ObserverRegistrar[T1 | T2]: ...
    @overload
    def observe(
        self, cls1: type[T1], cls2: type[T2], cls3: type[T3], /
    ) -> ObserverRegistrar[T1 | T2 | T3]: ...
    @overload
    def observe(self, *classes: type[Record]) -> ObserverRegistrar[Record]: ...
    def observe(self, *classes: type[Any]) -> Any:
        """
        Register a function that is told of each record of these classes.

        See ``stripe_events.observers``. Called inline; what it raises is logged.

        Raises:
            UsageError: one is no record class, or the router is frozen.
        """
        _handlers.check_records(classes)

        def decorator(observer: Callable[[Any], R]) -> Callable[[Any], R]:
            self._check_open()
            _handlers.check_observer(observer)
            self._registry.observers.extend((cls, observer) for cls in classes)
            return observer

        return decorator

    def include(self, router: Registration, /) -> None:
        """
        Add all handlers of another router, by reference, after those of this one.

        The other's middleware goes around its own handlers, inside this one's.
        Its secrets and settings do not count here; its observers do.

        Raises:
            UsageError: it is included already, or would include itself.
        """
        self._check_open()
        self._registry.include(router._registry)

    def retire(self, *names: str) -> None:
        """
        Say that handlers of these names are no more, so that nothing waits for them.

        Where an event was planned for one and it is not settled, it is dropped by the
        next attempt. Without a store it says nothing.

        Raises:
            UsageError: no name was given, or the router is frozen.
        """
        self._check_open()
        if not names or not all(names):
            raise UsageError("retire() takes the names of handlers that were removed")
        self._registry.retired.update(names)

    def _decorator(self, make: Callable[[Callable[..., Any]], Handler]) -> Callable[[Any], Any]:
        def decorator(function: Any) -> Any:
            self._check_open()
            self._registry.add(make(function))
            return function

        return decorator

    def _check_open(self) -> None:
        if self._registry.frozen:
            raise UsageError(
                "this router is frozen: register everything before its first delivery or freeze()"
            )
