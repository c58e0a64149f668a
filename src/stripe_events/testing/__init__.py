"""
What helps to test an application that receives Stripe's webhooks.

Nothing here needs pytest or a network.
"""

from __future__ import annotations

from stripe_events._verification import sign

__all__ = ["sign"]
