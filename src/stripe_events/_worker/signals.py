"""
How a worker that is a process of its own hears that it is to end.

The first SIGTERM or SIGINT asks it to finish what it holds, the second one ends it at
once. By that nothing is lost: what it held is due again when its leases are over.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from stripe_events._delivery.observing import log

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_EXITED_BY_SIGNAL: Final = 128
"""What shells add to the number of a signal that ended a command."""


@contextmanager
def heard(stop: Callable[[], None]) -> Generator[None, None, None]:
    """Call ``stop`` at the first signal, while the block runs; only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard_before = False

    def handle(number: int, _: Any) -> None:
        nonlocal heard_before
        if heard_before:
            _end_now(number)
        heard_before = True
        stop()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_now(number: int) -> None:
    try:
        log("WARNING", "ended by a second signal: what is held is due when its leases are over")
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:  # whether or not anybody reads these any more
        # Threads that run handlers would keep it from ending.
        os._exit(_EXITED_BY_SIGNAL + number)
