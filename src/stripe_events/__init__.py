"""
Stripe webhooks for every Python framework: typed events, a router, verification.

The names below are loaded when they are first used, so that importing one part
does not pay for the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stripe_events._delivery.context import Context
    from stripe_events._event import (
        AnyEvent,
        Event,
        EventNotification,
        UnknownEvent,
        UnknownNotification,
    )
    from stripe_events._messages import Outcome, WebhookResponse
    from stripe_events._parse import parse
    from stripe_events._registry import Skip
    from stripe_events._resources import preload
    from stripe_events._retry import Retry
    from stripe_events._selectors import EventHandler
    from stripe_events._verify import verify
    from stripe_events.errors import (
        AsyncStoreError,
        Busy,
        ConfigurationError,
        DeliveryError,
        DuplicateHandler,
        ExpiredSignature,
        HandlerDirective,
        HandlerError,
        HandlerMissing,
        InvalidSignature,
        LengthRequired,
        LostClaim,
        MalformedPayload,
        MissingSignature,
        PayloadError,
        PayloadTooLarge,
        Permanent,
        ProcessingError,
        RetryLater,
        SignatureError,
        StaleSnapshot,
        StoreError,
        StripeEventsError,
        UnknownEventType,
        UsageError,
    )
    from stripe_events.router import EventRouter

__all__ = [
    "AnyEvent",
    "AsyncStoreError",
    "Busy",
    "ConfigurationError",
    "Context",
    "DeliveryError",
    "DuplicateHandler",
    "Event",
    "EventHandler",
    "EventNotification",
    "EventRouter",
    "ExpiredSignature",
    "HandlerDirective",
    "HandlerError",
    "HandlerMissing",
    "InvalidSignature",
    "LengthRequired",
    "LostClaim",
    "MalformedPayload",
    "MissingSignature",
    "Outcome",
    "PayloadError",
    "PayloadTooLarge",
    "Permanent",
    "ProcessingError",
    "Retry",
    "RetryLater",
    "SignatureError",
    "Skip",
    "StaleSnapshot",
    "StoreError",
    "StripeEventsError",
    "UnknownEvent",
    "UnknownEventType",
    "UnknownNotification",
    "UsageError",
    "WebhookResponse",
    "parse",
    "preload",
    "verify",
]

_HOMES = {
    "Context": "_delivery.context",
    "AnyEvent": "_event",
    "Event": "_event",
    "EventNotification": "_event",
    "UnknownEvent": "_event",
    "UnknownNotification": "_event",
    "Outcome": "_messages",
    "WebhookResponse": "_messages",
    "parse": "_parse",
    "Skip": "_registry",
    "Retry": "_retry",
    "EventHandler": "_selectors",
    "preload": "_resources",
    "verify": "_verify",
    "EventRouter": "router",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    home = import_module(f"{__name__}.{_HOMES.get(name, 'errors')}")
    value = globals()[name] = getattr(home, name)
    return value


def __dir__() -> list[str]:
    return [*__all__]
