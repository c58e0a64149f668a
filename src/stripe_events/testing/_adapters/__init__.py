"""What every adapter must keep, as test methods; and how a case speaks with an adapter."""

from __future__ import annotations

from stripe_events.testing._adapters.contract import AdapterContract
from stripe_events.testing._adapters.speaking import AdapterRequest, AdapterResponse

__all__ = ["AdapterContract", "AdapterRequest", "AdapterResponse"]
