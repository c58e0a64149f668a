"""What the workers of these tests do; importing it loads neither pytest nor Hypothesis."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from stripe_events.worker import Worker
from tests.stores.faults.processes import Child
from tests.worker.applications import Office
from tests.worker.conditions import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.connection import Connection
    from pathlib import Path

    from stripe_events.worker import WorkerStatus
    from tests.worker.places import AnyPlace

__all__ = ["NOTHING", "Crew", "crew", "work"]

# One process imports all of that; each child is a copy of it.
multiprocessing.get_context("forkserver").set_forkserver_preload(
    ["pytest", "tests.stores.faults.places", "tests.stores.faults.children", __name__]
)

NOTHING: Mapping[str, Any] = {}


def work(pipe: Connection, make: Callable[[], Office], options: Mapping[str, Any]) -> None:
    """Be a worker until it is stopped; tell its last status, and end whatever still runs."""
    worker = Worker(make().router, **{"poll": 0.1, **options})
    threading.Thread(target=tell_of_start, args=(pipe, worker)).start()
    status = worker.run()
    pipe.send(status)
    os._exit(0)


def tell_of_start(pipe: Connection, worker: Worker) -> None:
    """Say when it has begun, and hears signals."""
    until(lambda: worker.status.state != "new")
    pipe.send("working")


class Crew:
    """Processes that work on one inbox; ``make`` gives the application of each."""

    def __init__(
        self,
        place: AnyPlace,
        file: Path,
        make: Callable[..., Office] = Office,
        worker: Mapping[str, Any] = NOTHING,
        **options: Any,
    ) -> None:
        """Start nobody yet."""
        self._arguments = (partial(make, place, file, **options), worker)
        self.members: list[Child] = []
        self._begun: set[Child] = set()

    def hire(self, number: int = 1) -> None:
        """Start so many more."""
        self.members += [Child(work, *self._arguments) for _ in range(number)]

    def have_begun(self) -> None:
        """Wait until all look for work, and hear signals."""
        for member in self.members:
            if member not in self._begun:
                assert "working" == member.hear()
                self._begun.add(member)

    def stop(self) -> list[WorkerStatus]:
        """Ask all to end, by SIGTERM; give their last statuses."""
        self.have_begun()
        for member in self.members:
            member.stop()
        return [member.hear() for member in self.members]

    def kill(self, which: int = 0) -> None:
        """End one, wherever it is."""
        self.members.pop(which).close()

    def kill_all(self) -> None:
        """End them all, wherever they are."""
        for member in self.members:
            member.kill()
        while self.members:
            self.kill()


@contextmanager
def crew(*arguments: Any, **options: Any) -> Iterator[Crew]:
    """Have workers for as long as the block lasts."""
    made = Crew(*arguments, **options)
    try:
        yield made
    finally:
        made.kill_all()


def warm_up() -> None:
    """Load what a worker loads, in the process of which all are copies."""
    from stripe_events.storage import MemoryStore
    from tests.unit.deliveries import router

    made = router(store=MemoryStore(), delivery="inbox")
    made.on("charge.succeeded", name="any")(lambda event: None)
    asyncio.run(Worker(made).arun(burst=True))


warm_up()
