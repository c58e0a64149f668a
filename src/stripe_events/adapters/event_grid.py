"""
An endpoint for Microsoft Azure's Event Grid, to which Stripe can send events by itself.

Any adapter serves it, and it needs no package of Azure's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.adapters._event_grid import DeliveryKey, EventGrid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events.adapters._endpoint import Endpoint
    from stripe_events.router import EventRouter

__all__ = ["event_grid"]


def event_grid(
    router: EventRouter,
    *,
    key: str | Sequence[str],
    header: str = "x-event-grid-key",
) -> Endpoint:
    """
    Make an endpoint for Event Grid's webhooks: ``asgi_app(event_grid(router, key=...))``.

    Stripe's signature is not on what Event Grid sends. So make up a long random key, and let
    the event subscription send it as a delivery property (a secret one) in ``header``:
    whoever does not show it is refused. The handshake is answered to anyone.

    A batch has one answer. Each event in it is handled, also if others fail; if one is to
    come again, all of them do, and the router needs a store to know which ones are done.
    Event Grid waits 30 s, so keep batches small. What it is answered with 400 (a wrong key,
    no event of Stripe's) or 413 it never sends again: configure dead-lettering, and when
    the key changes, accept both for a while.
    https://learn.microsoft.com/azure/event-grid/delivery-and-retry

    Args:
        router: who handles the events; it needs no secrets.
        key: what Event Grid shows, or several of which it shows one.
        header: in which header, in any case of letters.

    Raises:
        ConfigurationError: a key is blank or cannot be sent in a header, or there is none.
    """
    return EventGrid(router, DeliveryKey(key, header))
