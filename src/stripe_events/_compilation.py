"""
From what is registered to what deliveries read, and what can be asked of it.

Deliveries read an immutable ``Settings`` without a lock; it is made once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events._callables import is_async, is_async_generator
from stripe_events._delivery.settings import Settings
from stripe_events._fork import Lock
from stripe_events._registration import Registration
from stripe_events._registry import RoutingTable, compile_table
from stripe_events.errors import AsyncStoreError, ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events._delivery.ledger import StoreOptions
    from stripe_events._event import AnyEvent
    from stripe_events._registry import Explanation, Kind


class Compilation(Registration):
    """What is registered with a router, and its settings, until they are frozen."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        max_body_bytes: int,
        expect_livemode: bool | None,
        store: StoreOptions | None,
    ) -> None:
        """Check the settings; nothing is registered yet."""
        super().__init__()
        if max_body_bytes < 1:
            raise ConfigurationError("max_body_bytes= allows nothing: give bytes from 1 up")
        self.expect_livemode = expect_livemode
        self._max_body_bytes = max_body_bytes
        self._clock = clock
        self._store_options = store
        self._lock = Lock()
        self._settings: Settings | None = None

    @property
    def expect_livemode(self) -> bool | None:
        """What ``livemode`` events must have to be handled; None takes both."""
        return self._expect_livemode

    @expect_livemode.setter
    def expect_livemode(self, value: bool | None) -> None:
        self._check_open()
        # By identity: 1 is equal to True, but would let events of either mode pass.
        if value is not None and type(value) is not bool:
            msg = f"expect_livemode= is True, False or None, not {value!r}"
            raise ConfigurationError(msg)
        self._expect_livemode = value

    def freeze(self) -> None:
        """
        Compile the routing table now, instead of at the first delivery.

        Registering anything later is a UsageError, here and in included routers.

        Raises:
            DuplicateHandler: two included routers have handlers of the same name.
            UsageError: with a store, a handler needs a ``name=``: a lambda, a partial, a
                function inside of another one or in ``__main__``.
        """
        self._compiled()

    def match(self, event: AnyEvent) -> list[str]:
        """
        Give the names of the handlers that would run for an event, in order.

        Pure: nothing runs but filters, and what a ``where`` raises is raised.
        The router is not frozen by it.
        """
        return [explanation.handler for explanation in self.explain(event) if explanation.runs]

    def explain(self, event: AnyEvent) -> list[Explanation]:
        """Say for every handler, in running order, whether it would run, or what refuses it."""
        return self._table().explain(event)

    def enabled_events(self, kind: Kind = "snapshot") -> list[str]:
        """
        Give the types that the endpoint must be subscribed to, sorted.

        With ``on_any`` that is ``*``, followed by the types it does not cover.
        Fallbacks ask for nothing. Retired types are left out.
        """
        from stripe_events._enabled import enabled_events

        return enabled_events(self._table().handlers, kind)

    def _table(self) -> RoutingTable:
        return self._settings.table if self._settings else compile_table(self._registry)

    def _compiled(self, *, in_threads: bool = False) -> Settings:
        settings = self._settings or self._compile()
        if in_threads and settings.needs_loop:
            raise _async_middleware()
        if in_threads and settings.ledger is not None and settings.ledger.is_async:
            raise _async_store(settings.ledger.store)
        return settings

    def _check_threads(self) -> None:
        store = None if self._store_options is None else self._store_options.store
        if store is not None and is_async(store.accept):
            raise _async_store(store)
        if any(map(is_async_generator, self._table().middleware())):
            raise _async_middleware()

    def _compile(self) -> Settings:
        with self._lock:
            if self._settings is None:
                self._registry.freeze()  # first, so that nothing is registered in between
                settings = Settings.of(
                    self._registry,
                    clock=self._clock,
                    max_body_bytes=self._max_body_bytes,
                    expect_livemode=self._expect_livemode,
                    store=self._store_options,
                )
                if settings.ledger is not None:
                    from stripe_events._store_options import check_inbox

                    check_inbox(settings.ledger)
                self._settings = settings
            return self._settings


def _async_middleware() -> UsageError:
    return UsageError("async middleware needs ahandle() or aprocess(), so an async adapter")


def _async_store(store: object) -> AsyncStoreError:
    name = type(store).__name__
    twin = name.removeprefix("Async") if name.startswith("Async") else "its sync twin"
    return AsyncStoreError(
        f"{name} is awaited, so it needs ahandle(), aprocess(), arun(), arescue() or aoverdue(), "
        f"and an async adapter; in threads, use {twin}"
    )
