"""
How many connections are in use, and that none is open while the process is forked.

SQLite keeps a table of the locks that the process has on each file, and a child gets a
copy of it. Where a connection of the parent is open, the child's own ones believe that
the file is locked for them, and take no lock at all: when the parent closes its last
connection, it deletes the write-ahead log, and with it what the child has committed. So
connections are closed before a fork; a child in which that could not be done must not
touch the file (https://www.sqlite.org/howtocorrupt.html, section 2.6).
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_WAIT: Final = 1.0
"""Seconds that a fork waits for those who are using a connection."""


class Usage:
    """
    Count connections in use, and stop all use around a fork.

    ``inherited``: this process was forked while a connection was open.

    Args:
        close_idle: closes those that are not in use.
    """

    def __init__(self, close_idle: Callable[[], None]) -> None:
        """Begin with none in use."""
        self.inherited = False
        self._close_idle = close_idle
        self._in_use = 0
        self._forking = False
        self._renew_lock()
        _all.add(self)

    def begin(self) -> None:
        """Count one more; waits while the process is being forked."""
        with self._lock:
            while self._forking:
                self._changed.wait()
            self._in_use += 1

    def end(self) -> None:
        """Count one less."""
        with self._lock:
            self._in_use -= 1
            if self._forking:
                self._changed.notify_all()

    def before_fork(self) -> None:
        """Wait until none is in use, for a while, and close those that are idle."""
        with self._changed:
            self._forking = True
            self._changed.wait_for(lambda: self._in_use == 0, _LONGEST_WAIT)
        self._close_idle()

    def after_fork(self) -> None:
        """Go on in the parent."""
        with self._changed:
            self._forking = False
            self._changed.notify_all()

    def start_anew(self, *, inherited: bool) -> None:
        """Go on in the child; some connections of the parent are ``inherited``, or none."""
        self.inherited = self.inherited or inherited or self._in_use > 0
        self._in_use = 0
        self._forking = False
        self._renew_lock()

    def _renew_lock(self) -> None:
        # By itself in the two that are called for every verb: its methods are not in Python.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)


_all: weakref.WeakSet[Usage] = weakref.WeakSet()


def _before_fork() -> None:
    for usage in list(_all):
        usage.before_fork()


def _after_fork() -> None:
    for usage in list(_all):
        usage.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork)
