"""A worker that is paused with all that it holds, for longer than its lease, and goes on then."""

from __future__ import annotations

import time
from contextlib import closing
from random import Random
from typing import TYPE_CHECKING

from tests.worker.applications import LEASE, Office, handlers_on
from tests.worker.children import crew
from tests.worker.conditions import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.places import AnyPlace

PAUSES = 2
MOST = 12
"""Pauses, of which one at least is to hit a worker that holds something."""

EVENTS = 40
"""That come in before each pause."""


def test_what_it_does_after_that_counts_no_more(place: AnyPlace, file: Path) -> None:
    """Another worker has done what it held; its late writes undo and repeat nothing of that."""
    random = Random(2026)
    handlers = handlers_on(place)
    events: list[str] = []
    with (
        closing(Office(place, file, handlers)) as office,
        crew(place, file, handlers=handlers) as workers,
    ):
        workers.hire(2)
        workers.have_begun()
        number = 0
        while number < PAUSES or not (number == MOST or taken_over(office)):
            new = [f"evt_{number * EVENTS + one}" for one in range(EVENTS)]
            events += new
            office.receive(*new)
            target = office.steps + random.randrange(1, EVENTS)
            until(lambda target=target: office.steps >= target)
            paused = workers.members[number % 2]
            paused.pause()
            pause(1.5 * LEASE)
            paused.resume()
            number += 1
        until(office.all_over)
        statuses = workers.stop()
        office.check_ends(events)
        assert taken_over(office)
    assert {"stopped"} == {status.state for status in statuses}


def taken_over(office: Office) -> bool:
    """Tell whether a worker has lost something to another one."""
    return any(record.abandoned for record in office.records().values())


def pause(seconds: float) -> None:
    """Let leases end."""
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end)
