"""
What must start anew in the child of a fork.

Only the forking thread comes along. A lock that another one held stays locked for
ever there, and what it guarded waits with it.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    class StartsAnew(Protocol):
        """Something that a child cannot take over as it is."""

        def start_anew(self) -> None:
            """Be as if nothing had happened yet in this process."""


_all: weakref.WeakSet[StartsAnew] = weakref.WeakSet()


def start_anew_in_children(thing: StartsAnew) -> None:
    """Call ``thing.start_anew()`` in every child that is forked while ``thing`` lives."""
    _all.add(thing)


class Lock:
    """A lock that is open in the child of a fork; for ``with``."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        """Start open."""
        self.start_anew()
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Be open."""
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _start_all_anew() -> None:
    for thing in list(_all):
        thing.start_anew()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_start_all_anew)
