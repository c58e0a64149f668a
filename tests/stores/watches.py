"""What tests of watches over a database share."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stripe_events.storage._watching import SPACING
from stripe_events.testing._contract.making import SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 30.0
"""Seconds after which a test gives up waiting."""


def until(reached: Callable[[], object], what: str) -> None:
    """Wait until it is so."""
    end = time.monotonic() + LIMIT
    while not reached():
        assert time.monotonic() < end, what
        time.sleep(SPACING / 5)


class Watching:
    """A watch of a store, and whether it was woken."""

    def __init__(self, store: Any, scope: str = SCOPE) -> None:
        """Begin to watch."""
        self.woken = threading.Event()
        self.watch = store.watch(scope, self.woken.set)

    def lives(self) -> None:
        """Wait until it is live, and was woken by that."""
        until(lambda: self.watch.is_live, "it never became live")
        assert self.woken.wait(LIMIT), "nobody looks for what was missed"

    def dies(self) -> None:
        """Wait until it is not live."""
        until(lambda: not self.watch.is_live, "nobody notices that the connection is gone")

    def is_woken_by(self, act: Callable[[], object]) -> None:
        """See that an act wakes it."""
        self.quiet()
        act()
        assert self.woken.wait(LIMIT), "nobody was woken"

    def quiet(self) -> None:
        """Wait until what was announced before has been told again, and forget it."""
        self.woken.clear()
        while self.woken.wait(4 * SPACING):
            self.woken.clear()


@contextmanager
def watching(store: Any, scope: str = SCOPE) -> Iterator[Watching]:
    """Watch for as long as the block lasts."""
    watching = Watching(store, scope)
    try:
        yield watching
    finally:
        watching.watch.close()
