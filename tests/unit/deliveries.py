"""Deliveries as Stripe would make them, made up in code; every call gives a new copy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stripe_events import EventRouter
from stripe_events._verification import sign

if TYPE_CHECKING:
    from stripe_events import WebhookResponse

__all__ = ["NOW", "SECRET", "deliver", "encode", "router", "signed", "snapshot", "thin"]

NOW = 1_760_000_000
SECRET = "whsec_made_up"


def snapshot(type_: str = "charge.succeeded", **fields: Any) -> dict[str, Any]:
    """Give the payload of a snapshot event; ``fields`` replace what it has."""
    return {
        "id": "evt_1",
        "object": "event",
        "type": type_,
        "created": NOW,
        "livemode": False,
        "api_version": "2025-09-30.clover",
        "pending_webhooks": 1,
        "request": {"id": "req_1", "idempotency_key": "key_1"},
        "data": {"object": {"id": "ch_1", "object": "charge", "amount": 2000}},
        **fields,
    }


def thin(type_: str = "v1.charge.succeeded", **fields: Any) -> dict[str, Any]:
    """Give the payload of a thin event; ``fields`` replace what it has."""
    return {
        "id": "evt_1",
        "object": "v2.core.event",
        "type": type_,
        "created": "2025-10-09T08:53:20.123456789Z",
        "livemode": False,
        "context": None,
        "related_object": {"id": "ch_1", "type": "charge", "url": "/v1/charges/ch_1"},
        "reason": {"type": "request", "request": {"id": "req_1", "idempotency_key": "key_1"}},
        **fields,
    }


def encode(payload: object) -> bytes:
    """Write JSON as Stripe does, two spaces deep."""
    return json.dumps(payload, indent=2).encode("utf-8", "surrogatepass")


def signed(payload: object) -> tuple[bytes, dict[str, str]]:
    """Give a body and its headers; bytes are signed as they are."""
    body = payload if isinstance(payload, bytes) else encode(payload)
    return body, sign(body, SECRET, timestamp=NOW)


def router(**options: Any) -> EventRouter:
    """Make a router for which it is always ``NOW``, unless it is given a clock."""
    options.setdefault("clock", lambda: NOW)
    return EventRouter(SECRET, **options)


def deliver(to: EventRouter, payload: object) -> WebhookResponse:
    """Deliver a signed payload and give the response."""
    return to.handle(*signed(payload))
