"""Workers of a service, and what they run."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stripe_events.worker import Worker
from tests.unit.deliveries import snapshot
from tests.unit.waiting import LIMIT, ended, ours, reached

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from stripe_events import EventRouter
    from stripe_events.worker import WorkerStatus
    from tests.unit.recorded import Service

LONG = 30.0
"""Seconds between two looks of a worker that only a test's failure would wait for."""


class Gate:
    """A handler that holds up whoever runs it, until it is opened."""

    def __init__(self) -> None:
        """Be shut; nobody is there."""
        self._changed = threading.Condition()
        self._is_open = False
        self.running = 0
        self.most = 0
        self.runs = 0

    def __call__(self, event: object) -> None:
        """Wait at the gate."""
        with self._changed:
            self.running += 1
            self.runs += 1
            self.most = max(self.most, self.running)
            self._changed.notify_all()
            opened = self._changed.wait_for(lambda: self._is_open, LIMIT)
            self.running -= 1
        assert opened, "nobody opened the gate"

    def wait_for(self, count: int) -> None:
        """Wait until so many are held up."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.running >= count, LIMIT), self.running

    def open(self) -> None:
        """Let everybody through, from now on."""
        with self._changed:
            self._is_open = True
            self._changed.notify_all()


class Log:
    """A list that others wait for."""

    def __init__(self) -> None:
        """Start empty."""
        self._changed = threading.Condition()
        self.entries: list[Any] = []

    def add(self, entry: Any) -> None:
        """Write something down."""
        with self._changed:
            self.entries.append(entry)
            self._changed.notify_all()

    def wait_for(self, is_so: Callable[[list[Any]], object]) -> list[Any]:
        """Wait until the entries are so, and give them."""
        with self._changed:
            assert self._changed.wait_for(lambda: is_so(self.entries), LIMIT), self.entries
            return list(self.entries)


def noting(log: Log) -> Callable[..., Any]:
    """Give a handler that writes down the ids of its events."""

    def handler(event: Any) -> None:
        log.add(event.id)

    return handler


def event(number: int, **fields: Any) -> dict[str, Any]:
    """Give the payload of one of many events."""
    return snapshot(id=f"evt_{number}", **fields)


def fill(service: Service, router: EventRouter, count: int) -> None:
    """Put so many events into the inbox."""
    for number in range(count):
        assert 200 == service.deliver(router, event(number)).status


def burst(router: EventRouter, **options: Any) -> WorkerStatus:
    """Empty the inbox, and see that no thread of the worker is left."""
    before = ours()
    status = Worker(router, **options).run(burst=True)
    assert ended(before)
    return status


@contextmanager
def running(worker: Worker) -> Generator[threading.Thread, None, None]:
    """Run a worker in a thread, and stop it in the end."""
    thread = threading.Thread(target=worker.run, name="worker of a test")
    thread.start()
    try:
        yield thread
    finally:
        worker.stop()
        thread.join(LIMIT)
        assert not thread.is_alive(), "the worker does not stop"


def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so that nobody tells of, such as a status."""
    pause = threading.Event()
    for _ in range(int(LIMIT / 0.002)):
        if is_so():
            return
        pause.wait(0.002)
    msg = "it did not come to that"
    raise AssertionError(msg)


__all__ = [
    "LONG",
    "Gate",
    "Log",
    "burst",
    "event",
    "fill",
    "noting",
    "reached",
    "running",
    "until",
]
