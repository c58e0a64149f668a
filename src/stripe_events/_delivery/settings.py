"""What a frozen router gives every flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stripe_events._callables import is_async_generator
from stripe_events._delivery.observing import Observers
from stripe_events._registry import RoutingTable, compile_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events._registry import Registry


class Settings(NamedTuple):
    """
    What does not change from delivery to delivery.

    ``needs_loop`` says that some middleware is async, so that only the async driver
    can run it.
    """

    table: RoutingTable
    observers: Observers
    clock: Callable[[], float]
    max_body_bytes: int
    expect_livemode: bool | None
    needs_loop: bool

    @classmethod
    def of(
        cls,
        registry: Registry,
        *,
        clock: Callable[[], float],
        max_body_bytes: int,
        expect_livemode: bool | None,
    ) -> Settings:
        """
        Compile what was registered, and keep the rest.

        Raises:
            DuplicateHandler: two included routers have handlers of the same name.
        """
        table = compile_table(registry)
        return cls(
            table,
            Observers(registry.all_observers()),
            clock,
            max_body_bytes,
            expect_livemode,
            needs_loop=any(map(is_async_generator, table.middleware())),
        )
