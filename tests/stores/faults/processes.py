"""
Processes that start in a few milliseconds, as copies of one that has imported all.

The child and the test talk through a pipe; it ends when the child does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 60.0
"""Seconds after which a test gives up waiting."""

_context = multiprocessing.get_context("forkserver")
# pytest, because the program that was started is looked at in each child.
_context.set_forkserver_preload(
    ["pytest", "tests.stores.faults.places", "tests.stores.faults.children"]
)


class Child:
    """A process that performs a function; its first argument is the child's end of a pipe."""

    def __init__(self, function: Callable[..., None], *arguments: Any) -> None:
        """Start it."""
        self._pipe, theirs = _context.Pipe()
        self._process = _context.Process(target=function, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def hear(self, seconds: float = LIMIT) -> Any:
        """Wait for a message; EOFError if the child has ended."""
        assert self._pipe.poll(seconds), "the child says nothing"
        try:
            return self._pipe.recv()
        except ConnectionResetError:
            raise EOFError from None

    def hear_all(self) -> list[Any]:
        """Wait for the child's end, and give what it has still said."""
        messages: list[Any] = []
        try:
            while True:
                messages.append(self.hear())
        except EOFError:
            return messages

    def tell(self, message: object = None) -> None:
        """Send a message."""
        self._pipe.send(message)

    def pause(self) -> None:
        """Stop it, until ``resume``."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end, by SIGTERM."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self._process.kill()

    def close(self) -> None:
        """End it, and let go of all."""
        self._process.kill()
        self._process.join(LIMIT)
        self._process.close()
        self._pipe.close()


@contextmanager
def running(function: Callable[..., None], *arguments: Any) -> Iterator[Child]:
    """Have a child for as long as the block lasts."""
    child = Child(function, *arguments)
    try:
        yield child
    finally:
        child.close()
