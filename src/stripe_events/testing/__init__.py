"""
What helps to test an application that receives Stripe's webhooks.

Nothing here needs pytest or a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events._verification import sign

if TYPE_CHECKING:
    from stripe_events.testing._adapters import AdapterContract as AdapterContract
    from stripe_events.testing._adapters import AdapterRequest as AdapterRequest
    from stripe_events.testing._adapters import AdapterResponse as AdapterResponse
    from stripe_events.testing._contract import EventStoreContract as EventStoreContract
    from stripe_events.testing._contract import InboxStoreContract as InboxStoreContract
    from stripe_events.testing._contract import LedgerStoreContract as LedgerStoreContract
    from stripe_events.testing._contract import StoreContract as StoreContract
    from stripe_events.testing._contract import (
        TransactionalStoreContract as TransactionalStoreContract,
    )
    from stripe_events.testing._crashes import Crash as Crash
    from stripe_events.testing._crashes import acrash_everywhere as acrash_everywhere
    from stripe_events.testing._crashes import crash_everywhere as crash_everywhere

# In which module each name is: who signs a payload loads nothing else.
_PLACES = {
    "AdapterContract": "_adapters",
    "AdapterRequest": "_adapters",
    "AdapterResponse": "_adapters",
    "Crash": "_crashes",
    "EventStoreContract": "_contract",
    "InboxStoreContract": "_contract",
    "LedgerStoreContract": "_contract",
    "StoreContract": "_contract",
    "TransactionalStoreContract": "_contract",
    "acrash_everywhere": "_crashes",
    "crash_everywhere": "_crashes",
}

__all__ = [
    "AdapterContract",
    "AdapterRequest",
    "AdapterResponse",
    "Crash",
    "EventStoreContract",
    "InboxStoreContract",
    "LedgerStoreContract",
    "StoreContract",
    "TransactionalStoreContract",
    "acrash_everywhere",
    "crash_everywhere",
    "sign",
]


def __getattr__(name: str) -> Any:
    """Load a name from its module when it is first asked for."""
    place = _PLACES.get(name)
    if place is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{place}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Show what can be had."""
    return list(__all__)
