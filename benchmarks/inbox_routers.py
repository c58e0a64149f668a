"""Routers of the inbox, with one handler for the charges that come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.ledger_deliveries import SECRET
from benchmarks.ledger_routers import HANDLER
from stripe_events import EventRouter
from stripe_events.events import ChargeSucceeded
from stripe_events.notifications import V1ChargeSucceeded

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["anothing", "nothing", "router_over"]


def router_over(store: Any, handler: Callable[[Any], Any]) -> EventRouter:
    """Give a router that records each charge, snapshot or thin, for a handler to run later."""
    router = EventRouter(SECRET, store=store, delivery="inbox")
    router.on(ChargeSucceeded, name=HANDLER)(handler)
    router.on(V1ChargeSucceeded, name=f"{HANDLER} thin")(handler)
    return router


def nothing(event: Any) -> None:
    """Take the event and leave it alone."""


async def anothing(event: Any) -> None:
    """Do the same on the event loop."""
