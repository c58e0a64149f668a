"""Whether a worker does what it is there for, and the file that says so."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from stripe_events.cli._text import json_text
from stripe_events.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.worker import WorkerStatus

_BLOCKED: Final = 10.0
"""Seconds after which an event loop that gave nobody a turn is blocked."""

_SILENT: Final = 30.0
"""Seconds after which a store that is asked for events, and has not answered, is silent."""

_EVERY: Final = 2.0


class Finding(NamedTuple):
    """Why a worker is not healthy, None if it is; with all that is told of it."""

    why: str | None
    status: WorkerStatus

    def text(self) -> str:
        """Give it as JSON."""
        known = {"healthy": self.why is None, "why": self.why, "at": time.time()}
        return json_text({**known, **self.status._asdict()})


class Health:
    """
    Judges a worker: whether it reaches its store, and its event loop turns.

    Args:
        status: gives how the worker is doing, from any thread.
        concurrency: how many events it may work on at once.
        poll: seconds between two looks at its store.
        clock: gives seconds.
    """

    def __init__(
        self,
        status: Callable[[], WorkerStatus],
        *,
        concurrency: int,
        poll: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin when the worker does."""
        self._status = status
        self._concurrency = concurrency
        self._silent = _SILENT + 2 * poll
        self._clock = clock
        self._beat = clock()
        self._free_since: float | None = self._beat

    def beat(self) -> None:
        """Say that the worker's event loop turns; on that loop, every second or so."""
        now, status = self._clock(), self._status()
        self._beat = now
        if status.running - status.overtime >= self._concurrency:
            self._free_since = None  # it does not ask for more
        elif self._free_since is None:
            self._free_since = now

    def look(self) -> Finding:
        """Judge it now; from any thread."""
        status, now = self._status(), self._clock()
        return Finding(self._why(status, now), status)

    def _why(self, status: WorkerStatus, now: float) -> str | None:
        blocked = now - self._beat
        if blocked > _BLOCKED:
            return f"the event loop is blocked for {blocked:.0f} s: an async handler does not await"
        if not status.is_healthy:
            return status.error or status.state
        if status.state == "stopping":
            return None
        if status.looked is None:
            return "the store has not answered yet"
        if self._free_since is None or min(status.looked, now - self._free_since) < self._silent:
            return None
        return (
            f"no events were taken for {status.looked:.0f} s: the store is silent, or threads hang"
        )


class HealthFile:
    """
    A file that is rewritten while a worker is healthy.

    Args:
        path: where; what is there is removed.
        health: is asked.
        clock: gives seconds.

    Raises:
        UsageError: nothing can be written there.
    """

    def __init__(
        self, path: str, health: Health, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Try the place."""
        self._path = Path(path)
        self._new = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        self._health = health
        self._clock = clock
        self._next = clock()
        try:
            self._new.write_text("", "utf-8")
            self.remove()
        except OSError as error:
            raise UsageError(self._failed(error)) from error

    def keep(self) -> str | None:
        """
        Rewrite it, if it is time; a reader sees the old or the new one, nothing between.

        Gives why it could not be; its age tells that, too.
        """
        now = self._clock()
        if now < self._next:
            return None
        self._next = now + _EVERY
        finding = self._health.look()
        if finding.why is not None:
            return None
        try:
            self._new.write_text(f"{finding.text()}\n", "utf-8")
            self._new.replace(self._path)
        except OSError as error:
            return self._failed(error)
        return None

    def remove(self) -> None:
        """
        Take it away.

        Raises:
            OSError: it cannot be.
        """
        self._new.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)

    def _failed(self, error: OSError) -> str:
        return f"--health-file {self._path} cannot be written: {error.strerror or error}"
