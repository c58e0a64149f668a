"""SIGTERM under load: a worker ends within its limit, and keeps nothing but what a thread runs."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from stripe_events.worker import Worker
from tests.worker.applications import OVER, lines
from tests.worker.children import crew
from tests.worker.conditions import until
from tests.worker.desks import Blocked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.places import AnyPlace

STUCK = {"evt_thread", "evt_task"}
STOP_WITHIN = 0.5
SPARE = 10.0
"""Seconds that a busy machine may take to end a process."""


def test_sigterm_leaves_claimed_only_what_a_thread_runs(place: AnyPlace, file: Path) -> None:
    """All the rest is due at once, also what was cancelled; another worker ends it all."""
    worker = {"stop_within": STOP_WITHIN, "concurrency": 5}
    with (
        closing(Blocked(place, file, is_open=True, lease=2.0)) as office,
        crew(place, file, Blocked, worker, lease=2.0) as workers,
    ):
        events = {*STUCK, *(f"evt_{number}" for number in range(150))}
        office.receive(*sorted(events, reverse=True))
        workers.hire()
        until(lambda: set(lines(file)) >= {"in_thread", "in_task", "evt_50/file"})
        begun = time.monotonic()
        status = workers.stop()[0]
        assert time.monotonic() - begun < STOP_WITHIN + SPARE
        assert "stopped" == status.state
        assert {"evt_thread"} == office.in_states({"claimed"})
        left = [office.records()[event] for event in events - office.in_states({"claimed", *OVER})]
        assert "evt_task" in {record.id for record in left}
        assert all(record.state == "pending" and record.due <= time.time() for record in left)
        assert {0} == {handler.attempts for record in left for handler in record.unsettled()}
        with Worker(office.router, poll=0.1):
            until(office.all_over)
        assert events == office.in_states({"done"})
        attempts = {
            (handler.attempts, handler.abandoned, record.id if handler.attempts > 1 else "")
            for record in office.records().values()
            for handler in record.handlers
        }
    assert {(1, 0, ""), (2, 1, "evt_thread")} == attempts
    assert {f"{event}/file" for event in events} == set(lines(file)) - {"in_thread", "in_task"}
