"""Wait for what other processes do, for a limited time only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LIMIT", "until"]

LIMIT = 40.0
"""Seconds after which a test gives up; never waited out by one that passes."""


def until(reached: Callable[[], object], seconds: float = LIMIT) -> None:
    """Look again and again until it is so."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)
