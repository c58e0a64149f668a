"""What a frozen router gives every flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stripe_events._callables import is_async_generator
from stripe_events._delivery.observing import Observers
from stripe_events._registry import RoutingTable, compile_table
from stripe_events.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events._delivery.ledger import Ledger, StoreOptions
    from stripe_events._registry import Registry


class Settings(NamedTuple):
    """
    What does not change from delivery to delivery.

    ``needs_loop`` says that some middleware is async, so that only the async driver
    can run it. ``ledger`` is there if the router has a store.
    """

    table: RoutingTable
    observers: Observers
    clock: Callable[[], float]
    max_body_bytes: int
    expect_livemode: bool | None
    needs_loop: bool
    ledger: Ledger | None = None

    @classmethod
    def of(
        cls,
        registry: Registry,
        *,
        clock: Callable[[], float],
        max_body_bytes: int,
        expect_livemode: bool | None,
        store: StoreOptions | None,
    ) -> Settings:
        """
        Compile what was registered, and keep the rest.

        Raises:
            DuplicateHandler: two included routers have handlers of the same name.
            UsageError: with a store, a handler whose name another process cannot know.
        """
        table = compile_table(registry)
        return cls(
            table,
            Observers(registry.all_observers()),
            clock,
            max_body_bytes,
            expect_livemode,
            needs_loop=any(map(is_async_generator, table.middleware())),
            ledger=_ledger(store, table),
        )


def _ledger(options: StoreOptions | None, table: RoutingTable) -> Ledger | None:
    if options is None:
        _refuse_inbox(table)
        return None
    from stripe_events._delivery.ledger import Ledger

    for handler in table.handlers:
        if not handler.has_stable_name:
            msg = (
                f"handler {handler.name} needs name='...': with a store, its progress is kept "
                "under a name that must be the same in every process"
            )
            raise UsageError(msg)
    return Ledger(options, table)


def _refuse_inbox(table: RoutingTable) -> None:
    for handler in table.handlers:
        if handler.delivery == "inbox":
            msg = f"handler {handler.name} is for the inbox, which needs EventRouter(store=...)"
            raise ConfigurationError(msg)
