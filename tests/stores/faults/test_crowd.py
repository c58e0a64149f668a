"""Many processes receive the same events at once, and each event is handled once."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.stores.faults.applications import lines
from tests.stores.faults.children import deliver_all
from tests.stores.faults.processes import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stores.faults.places import Place

PROCESSES = 16
PATIENCE = 500.0
"""Seconds: on a busy machine this takes minutes."""

EVENTS = [f"evt_{number}" for number in range(1_000)]


def test_each_handler_succeeds_once_per_event(place: Place, file: Path) -> None:
    """Sixteen processes deliver the same thousand events; none runs what another one has run."""
    with ExitStack() as stack:
        children = [
            stack.enter_context(running(deliver_all, place, file, EVENTS)) for _ in range(PROCESSES)
        ]
        assert {"ready"} == {child.hear() for child in children}
        for child in children:
            child.tell("go")
        runs = sum((child.hear(PATIENCE) for child in children), Counter())
    assert {"succeeded": 2 * len(EVENTS)} == runs
    assert {(event, "block"): 1 for event in EVENTS} == place.effects()
    assert dict.fromkeys(EVENTS, 1) == lines(file)
