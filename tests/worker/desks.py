"""Applications with handlers that block, hang, await for ever, or kill their process."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from tests.worker.applications import Office, add_line

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.places import AnyPlace

__all__ = ["Blocked", "Poisoned"]


class Blocked(Office):
    """
    An office where ``evt_thread`` blocks a thread for ever, and ``evt_task`` a task.

    Both say that they were there by a line of their own. They do not if it ``is_open``.
    """

    def __init__(
        self, place: AnyPlace, file: Path, *, is_open: bool = False, **options: Any
    ) -> None:
        """Register ``in_thread`` and ``in_task`` before another handler."""
        self.is_open = is_open
        super().__init__(place, file, ("in_thread", "in_task", "file"), **options)

    def _in_thread(self, event: Any) -> None:
        if event.id == "evt_thread" and not self.is_open:
            add_line(self.file, "in_thread")
            threading.Event().wait()

    async def _in_task(self, event: Any) -> None:
        if event.id == "evt_task" and not self.is_open:
            add_line(self.file, "in_task")
            await asyncio.Event().wait()


class Poisoned(Office):
    """
    An office where ``evt_poison`` kills the process, in the first of two handlers.

    The others take a moment in it, in which they can be taken along.
    """

    def __init__(self, place: AnyPlace, file: Path, **options: Any) -> None:
        """Register them."""
        super().__init__(place, file, ("deadly", "file"), **options)

    def _deadly(self, event: Any) -> None:
        if event.id == "evt_poison":
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Event().wait(0.1)
