"""What a router is told of its store is refused when it is told, if it cannot be meant."""

from __future__ import annotations

import math
from typing import Any

import pytest

from stripe_events import EventRouter
from stripe_events.errors import ConfigurationError
from stripe_events.storage import MemoryStore

STORE: dict[str, Any] = {"store": MemoryStore()}


def key_of(event: object) -> str:
    """Give a key."""
    return "k"


async def awaited(event: object) -> str:
    """Give a key that nobody would await."""
    return "k"


def made(options: dict[str, Any]) -> EventRouter:
    """Make a router with a store."""
    return EventRouter(**{**STORE, **options})


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"lease": 0}, "lease="),
        ({"lease": math.inf}, "lease="),
        ({"lease": math.nan}, "lease="),
        ({"lease": "30"}, "lease="),
        ({"busy_wait": -1}, "busy_wait="),
        ({"busy_wait": math.inf}, "busy_wait="),
        ({"rescue_after": -1}, "rescue_after="),
        ({"rescue_after": math.nan}, "rescue_after="),
        ({"max_abandoned": 0}, "max_abandoned="),
        ({"max_abandoned": 1.5}, "max_abandoned="),
        ({"scope": ""}, "scope="),
        ({"scope": 5}, "scope="),
        ({"order_by": "object"}, "order_inline=True"),
        ({"order_by": "subject", "order_inline": True}, "order_by="),
        ({"order_by": 5, "order_inline": True}, "order_by="),
        ({"order_by": awaited, "order_inline": True}, "order_by="),
        ({"store": MemoryStore}, "MemoryStore is a class"),
        ({"store": object()}, "object lacks accept, finish, suspend"),
        ({"store": None, "order_by": "object"}, "order_by= needs a store"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], complaint: str) -> None:
    """At once, and not by each delivery; the message names the option."""
    with pytest.raises(ConfigurationError, match=complaint):
        made(options)


@pytest.mark.parametrize(
    "options",
    [
        {"lease": 1, "busy_wait": 0, "rescue_after": 0, "max_abandoned": 1, "scope": "billing"},
        {"order_by": "object", "order_inline": True},
        {"order_by": key_of, "order_inline": True},
    ],
)
def test_what_can_be_meant_is_taken(options: dict[str, Any]) -> None:
    """Also at its limits."""
    assert isinstance(made(options).store, MemoryStore)
