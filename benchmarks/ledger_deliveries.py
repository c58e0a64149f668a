"""
Signed deliveries of an event, each under an id that was never used before.

Imports nothing that is not in the standard library: the other side of a comparison
runs in an environment of its own.
"""

from __future__ import annotations

import hmac
import json
import time
from random import Random
from typing import NamedTuple

__all__ = ["SECRET", "Deliveries", "Delivery"]

SECRET = "whsec_" + "benchmark" * 4


class Delivery(NamedTuple):
    """A raw body and the ``Stripe-Signature`` that belongs to it."""

    body: bytes
    signature: str


class Deliveries:
    """
    Make deliveries of one event; their ids rise with time and end at random, as Stripe's do.

    Args:
        body: of the event that all are copies of.
        first: the number of the first id; whoever shares a ledger takes another one.
    """

    def __init__(self, body: bytes, *, first: int = 0) -> None:
        """Make nothing yet."""
        self._before, self._after = body.split(json.loads(body)["id"].encode(), 1)
        self._first = self._next = first
        self._random = Random(first)

    @property
    def made(self) -> int:
        """How many there are so far."""
        return self._next - self._first

    def body(self) -> bytes:
        """Give the body of one more event."""
        event_id = f"evt_1{self._next:09}Bench{self._random.randbytes(5).hex()[1:]}"
        self._next += 1
        return self._before + event_id.encode() + self._after

    def fresh(self, number: int) -> list[Delivery]:
        """Give so many new ones, signed just now."""
        return [_signed(self.body()) for _ in range(number)]


def _signed(body: bytes) -> Delivery:
    now = int(time.time())
    digest = hmac.new(SECRET.encode(), b"%d.%b" % (now, body), "sha256").hexdigest()
    return Delivery(body, f"t={now},v1={digest}")
