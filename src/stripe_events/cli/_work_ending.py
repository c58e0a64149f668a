"""How the process of a worker ends when a thread in it does not."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

FORCED: Final = 3
"""The exit status of a process that was ended while threads still ran."""

_LAST_WORDS: Final = 1.0
"""Seconds that there are for these: whoever reads them may be stuck."""

_IDLE: Final = 2.0
"""Seconds after which a thread of a pool that was shut down is not idle, but runs something."""


class Watchdog:
    """
    Ends the process if it has not ended by itself, while a block runs.

    It is a thread of its own, so that neither a blocked event loop nor the interpreter's
    waiting for threads keeps it from that.

    Args:
        last_words: called before, if there is time.
    """

    def __init__(self, last_words: Callable[[], None]) -> None:
        """Watch from now on; nothing is limited yet."""
        self._last_words = last_words
        # Its put() may come from a signal's handler in the midst of another one.
        self._limits: SimpleQueue[float | None] = SimpleQueue()
        threading.Thread(target=self._watch, name="stripe-events-watchdog", daemon=True).start()

    def allow(self, seconds: float) -> None:
        """Let the process live for so long, instead of what was said before."""
        self._limits.put(time.monotonic() + seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._limits.put(None)

    def bite(self) -> None:
        """End it now."""
        speaker = threading.Thread(target=self._speak, daemon=True)
        with suppress(RuntimeError):  # the interpreter ends, and starts no threads any more
            speaker.start()
            speaker.join(_LAST_WORDS)
        os._exit(FORCED)

    def _watch(self) -> None:
        limit = self._limits.get()
        while limit is not None:
            try:
                limit = self._limits.get(timeout=max(0.0, limit - time.monotonic()))
            except Empty:
                self.bite()

    def _speak(self) -> None:
        with suppress(Exception):
            self._last_words()
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()


def left_behind() -> int:
    """Count the threads that run on after their worker has ended: they would hold up the end."""
    end = time.monotonic() + _IDLE
    threads = [
        thread
        for thread in threading.enumerate()
        if thread.name.startswith("stripe-events") and not thread.daemon
    ]
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return sum(thread.is_alive() for thread in threads)
