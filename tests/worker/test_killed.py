"""Workers are killed at random moments while deliveries come in, and nothing is lost."""

from __future__ import annotations

import time
from contextlib import closing
from random import Random
from typing import TYPE_CHECKING

from hypothesis import settings

from stripe_events.worker import Worker
from tests.worker.applications import LEASE, Office, handlers_on
from tests.worker.children import crew
from tests.worker.conditions import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.children import Crew
    from tests.worker.places import AnyPlace

IS_LONG = settings.default.max_examples > 1000  # `--hypothesis-profile=long`
KILLS = 100 if IS_LONG else 15
MOST_STEPS = 60
"""After how many steps of all handlers another worker is killed at the latest."""

WAITING = 80
"""How many steps those events have before them, at the least, that have come in."""

STEPS = 4
"""Fewer than any event takes."""


def test_every_event_ends_and_none_counts_twice(place: AnyPlace, file: Path) -> None:
    """Transactions happen once, other effects at least, with one key; doomed events are dead."""
    handlers = handlers_on(place)
    with (
        closing(Office(place, file, handlers)) as office,
        crew(place, file, handlers=handlers) as workers,
    ):
        events = live(office, workers, Random(2026))
        workers.kill_all()
        now = time.time()
        held = [one for one in office.records().values() if one.state == "claimed"]
        assert all(record.lease_until <= now + LEASE for record in held)
        with Worker(office.router, poll=0.1):
            until(office.all_over)
        office.check_ends(events)
        assert any(record.abandoned for record in office.records().values())


def live(office: Office, workers: Crew, random: Random) -> list[str]:
    """Let events come in while workers die, one after another; give the events."""
    events: list[str] = []

    def go_on(target: int) -> bool:
        if STEPS * len(events) < office.steps + WAITING:
            events.append(f"evt_{len(events)}")
            office.receive(events[-1])
        return office.steps >= target

    workers.hire(2)
    for _ in range(KILLS):
        target = office.steps + random.randrange(1, MOST_STEPS)
        until(lambda target=target: go_on(target))
        workers.kill(random.randrange(2))
        workers.hire()
    return events
