"""Processes that receive deliveries are killed at random moments, and nothing is lost."""

from __future__ import annotations

from contextlib import closing, suppress
from random import Random
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

from hypothesis import settings

from tests.stores.faults.applications import EXACTLY_ONCE, Application, lines
from tests.stores.faults.children import SHORT_LIVED, receive
from tests.stores.faults.processes import LIMIT, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stores.faults.places import Place

IS_LONG = settings.default.max_examples > 1000  # `--hypothesis-profile=long`
KILLS = 300 if IS_LONG else 40
NEW_EVENTS = 3
"""How many more events come in during each life."""

MOST_STEPS = 45
"""After how many steps of its handlers a process is killed at the latest."""


def live(place: Place, file: Path, events: list[str], random: Random) -> set[str]:
    """Let a process receive events until it is killed; give those that it has answered 200."""
    with running(receive, place, file, events) as child:
        messages: list[Any] = []
        with suppress(EOFError):
            for _ in range(random.randrange(1, MOST_STEPS)):
                messages.append(child.hear())  # noqa: PERF401 - all of them count if it ends
        # A step is told of before the next thing happens: this is how far it gets with that.
        end = perf_counter() + random.random() * 0.004
        while perf_counter() < end:
            pass
        child.kill()
        messages += child.hear_all()
    return {message[0] for message in messages if message is not None and message[1] == 200}


def test_no_event_is_lost_and_none_counts_twice(place: Place, file: Path) -> None:
    """What was recorded is done in the end; transactions happen once, other effects at least."""
    random = Random(2026)
    application = Application(place, file, **{**SHORT_LIVED, "busy_wait": 2.0})
    events: list[str] = []
    answered: set[str] = set()
    recorded: set[str] = set()
    with closing(application):
        for life in range(KILLS):
            events += [f"evt_{life}_{number}" for number in range(NEW_EVENTS)]
            left = [event for event in events if event not in answered]
            answered |= live(place, file, random.sample(left, len(left)), random)
            states = {one.id: one.state for one in stored(application)}
            assert recorded <= set(states), "what was recorded is still there"
            assert {"done"} >= {states[event] for event in answered}
            recorded |= set(states)
        assert len(answered) < len(recorded), "some were cut off"
        recover(application, sorted(recorded - answered), sorted(set(events) - recorded))
        assert dict.fromkeys(events, "done") == {one.id: one.state for one in stored(application)}
        assert {(event, name): 1 for event in events for name in EXACTLY_ONCE} == place.effects()
        assert set(events) == set(lines(file))


def stored(application: Application) -> list[Any]:
    """Give all that the ledger has."""
    records: list[Any] = application.store.list("default", limit=10_000)
    return records


def recover(application: Application, recorded: list[str], lost: list[str]) -> None:
    """Deliver half of what was recorded again, and all that was not; the rest is rescued."""
    for event in (*recorded[::2], *lost):
        assert 200 == application.deliver_until_200(event)[-1]
    deadline = monotonic() + LIMIT
    while any(one.state != "done" for one in stored(application)):
        application.router.rescue()
        assert monotonic() < deadline, "some events are never done"
