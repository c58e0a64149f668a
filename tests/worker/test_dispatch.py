"""Another queue is told of events: what it delivers twice runs once, what it loses is done."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from stripe_events.errors import Busy
from stripe_events.worker import Worker
from tests.worker.applications import UNENDING, Office, lines
from tests.worker.conditions import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.places import AnyPlace

GRACE = 1.0
BOTH = 2


def job(office: Office, event: str) -> str:
    """Do what the task of a queue does, and tell how it went."""
    try:
        return office.router.run(event).outcome
    except Busy:
        return "busy"


def test_a_job_that_comes_twice_at_once_runs_once(place: AnyPlace, file: Path) -> None:
    """One of them is told that the other is at it; when both are over, a third has no work."""
    queue: SimpleQueue[str] = SimpleQueue()
    go_on = threading.Event()
    options: dict[str, Any] = {
        "dispatch": queue.put,
        "dispatch_grace": 60.0,
        "busy_wait": 0.0,
        "lease": UNENDING,
    }
    with closing(Office(place, file, **options)) as office, ThreadPoolExecutor(BOTH) as threads:
        office.router.on("charge.succeeded", name="slow")(lambda event: go_on.wait())
        office.receive("evt_1")
        event = queue.get_nowait()
        jobs = [threads.submit(job, office, event) for _ in range(BOTH)]
        until(lambda: any(one.done() for one in jobs))
        go_on.set()
        assert ["busy", "handled"] == sorted(one.result() for one in jobs)
        assert "duplicate" == job(office, event)
    assert {"evt_1/file": 1} == lines(file)


def test_a_worker_does_what_the_queue_has_lost_and_only_that(place: AnyPlace, file: Path) -> None:
    """It waits until the grace is over; a job that comes after that has nothing to do."""
    queue: SimpleQueue[str] = SimpleQueue()
    options: dict[str, Any] = {"dispatch": queue.put, "dispatch_grace": GRACE, "lease": UNENDING}
    with closing(Office(place, file, **options)) as office, Worker(office.router, poll=0.05):
        began = time.time()
        office.receive("evt_kept", "evt_lost")
        assert "handled" == job(office, "evt_kept")
        until(office.all_over)
        records = office.records()
        assert {"evt_kept", "evt_lost"} == office.in_states({"done"})
        done_at = {name: record.handler("file").at for name, record in records.items()}
        assert done_at["evt_kept"] < began + GRACE <= done_at["evt_lost"]
        assert ["duplicate", "duplicate"] == [job(office, queue.get()) for _ in range(BOTH)]
    assert {"evt_kept/file": 1, "evt_lost/file": 1} == lines(file)


def test_a_queue_that_takes_nothing_loses_nothing(place: AnyPlace, file: Path) -> None:
    """Deliveries are answered 200 all the same, and a worker does them after the grace."""

    def refuse(event: str) -> None:
        raise ConnectionError("no broker")

    with closing(
        Office(place, file, dispatch=refuse, dispatch_grace=0.2, lease=UNENDING)
    ) as office:
        office.receive("evt_1", "evt_2")
        with Worker(office.router, poll=0.05):
            until(office.all_over)
    assert {"evt_1/file": 1, "evt_2/file": 1} == lines(file)
