"""What the processes of these tests do; importing it loads neither pytest nor Hypothesis."""

from __future__ import annotations

import logging
import os
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

from stripe_events import EventRouter
from stripe_events.observers import Failed, Handled
from stripe_events.storage import MemoryStore
from tests.stores.faults.applications import Application
from tests.unit.deliveries import snapshot

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from tests.stores.faults.places import Place

SHORT_LIVED: dict[str, Any] = {
    "lease": 0.2,
    "busy_wait": 0.05,
    "rescue_after": 0.0,
    "max_abandoned": 1_000,
}
"""Options of routers whose processes are killed all the time."""


def receive(pipe: Connection, place: Place, file: Path, events: list[str]) -> None:
    """Deliver events; tell of each step, and what was answered."""
    application = Application(place, file, lambda: pipe.send(None), **SHORT_LIVED)
    for event in events:
        pipe.send((event, application.deliver(event).status))


def deliver_all(pipe: Connection, place: Place, file: Path, events: list[str]) -> None:
    """Deliver events in order, until all are answered 200; tell what was run."""
    handlers = ("block", "file")
    application = Application(place, file, handlers=handlers, lease=60.0, busy_wait=0.0)
    runs: Counter[str] = Counter()

    @application.router.observe(Handled, Failed)
    def count(record: Handled | Failed) -> None:
        runs.update(run.outcome for run in record.runs)

    left = events
    pipe.send("ready")
    pipe.recv()
    while left:
        left = [event for event in left if application.deliver(event).status != 200]
    application.close()
    pipe.send(runs)


def be_paused(pipe: Connection, place: Place, file: Path, handler: str, at: int) -> None:
    """Deliver an event whose handler stops at one of its steps; tell what became of it."""
    steps = count(1)

    def step() -> None:
        if next(steps) == at:
            pipe.send("in the handler")
            pipe.recv()

    application = Application(place, file, step, handlers=[handler], lease=0.2)
    told: list[str] = []

    @application.router.observe(Failed)
    def note(record: Failed) -> None:
        told.append(type(record.error).__name__)

    response = application.deliver("evt_1")
    pipe.send((response.status, type(response.error).__name__, told))


def fork_and_deliver(pipe: Connection, place: Place, file: Path, used: bool) -> None:
    """Deliver in two processes with what one has made; tell the status, and the child's exit."""
    application = Application(place, file)
    if used:
        application.deliver_until_200("evt_before")
    child = os.fork()
    status = application.deliver_until_200("evt_parent" if child else "evt_child")[-1]
    application.close()
    if not child:
        os._exit(0 if status == 200 else 1)
    pipe.send((status, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))


def warm_up() -> None:
    """Load what the first delivery of a process loads, in that of which all are copies."""
    logging.getLogger("stripe_events").addHandler(logging.NullHandler())
    router = EventRouter(store=MemoryStore())
    router.on("charge.succeeded", name="any")(lambda event: None)
    router.process(snapshot())
    router.close()


warm_up()
