"""
Whose turn it is to write.

SQLite lets one connection write at a time and makes others ask again and again. Threads
of one process queue at a ``Gate`` instead, and only its first one asks.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final, TypeVar

from stripe_events._fork import start_anew_in_children

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_SHORTEST_PAUSE: Final = 0.0005
_LONGEST_PAUSE: Final = 0.02


class Locked(Exception):  # noqa: N818 - never leaves the store
    """Say that others were writing for all the time that one was ready to wait."""


class Gate:
    """Let one thread of this process write at a time; a forked child has its own."""

    def __init__(self) -> None:
        """Start open."""
        self.start_anew()
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Be open."""
        self._lock = threading.Lock()

    def taken(self, deadline: float) -> threading.Lock:
        """
        Give the lock, held, for the caller to release.

        Args:
            deadline: by ``time.monotonic``; it is tried once at least.

        Raises:
            Locked: the deadline has passed.
        """
        lock = self._lock
        if lock.acquire(blocking=False) or lock.acquire(
            timeout=max(0.0, deadline - time.monotonic())
        ):
            return lock
        raise Locked("another thread was writing")


def primary_code(error: sqlite3.Error) -> int | None:
    """Give the result code of SQLite without its extension; None if the driver raised it."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def patiently(action: Callable[[], T], deadline: float) -> T:
    """
    Repeat what does nothing where another process is writing, until it succeeds.

    Args:
        action: done whole, or not at all.
        deadline: by ``time.monotonic``; it is tried once at least.

    Raises:
        Locked: the deadline has passed.
    """
    pause = _SHORTEST_PAUSE
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY:
                raise
            if time.monotonic() >= deadline:
                raise Locked("another process or transaction was writing") from error
        time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads those who wait
        pause = min(2 * pause, _LONGEST_PAUSE)
