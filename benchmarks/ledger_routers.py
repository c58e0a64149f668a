"""Routers over a store, or over none, with one plain handler that does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.ledger_deliveries import SECRET
from stripe_events import EventRouter
from stripe_events.events import ChargeSucceeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage import EventStore

__all__ = ["HANDLER", "handling"]

HANDLER = "benchmark"


def handling(store: EventStore | None) -> Callable[[bytes, str], None]:
    """Give what handles a signed charge, inline, and sees that it was handled."""
    router = EventRouter(SECRET, store=store)
    router.on(ChargeSucceeded, name=HANDLER)(_nothing)
    handle = router.handle

    def handle_one(body: bytes, signature: str) -> None:
        response = handle(body, signature)
        assert response.outcome == "handled", response

    return handle_one


def _nothing(event: Any) -> None:
    """Take the event and leave it alone."""
