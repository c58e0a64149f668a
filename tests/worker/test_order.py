"""Several workers keep the order of each key, also while they are killed."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import closing
from random import Random
from typing import TYPE_CHECKING, Any

from tests.unit.deliveries import NOW
from tests.worker.applications import Office, add_line
from tests.worker.children import crew
from tests.worker.conditions import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.places import AnyPlace

KEYS = 4
EVENTS = 10
"""Of each key."""

KILLS = 4


class Ordered(Office):
    """An office that handles one event per object at a time, and says when it begins and ends."""

    def __init__(self, place: AnyPlace, file: Path, **options: Any) -> None:
        """Register it."""
        super().__init__(place, file, ("turn",), order_by="object", lease=0.5, **options)

    def _turn(self, event: Any) -> None:
        key, number = event.data.object.id, event.created.timestamp() - NOW
        add_line(self.file, f"{key}:begin:{number:.0f}")
        self.step()
        threading.Event().wait(0.02)
        add_line(self.file, f"{key}:end:{number:.0f}")


def test_each_key_goes_one_by_one_and_in_order(place: AnyPlace, file: Path) -> None:
    """After a death the same event begins again before its successor does."""
    random = Random(2026)
    with closing(Ordered(place, file)) as office, crew(place, file, Ordered) as workers:
        for number in range(EVENTS):
            for key in range(KEYS):
                charge = {"id": f"ch_{key}", "object": "charge"}
                office.receive(f"evt_{key}_{number}", created=NOW + number, data={"object": charge})
        workers.hire(3)
        for _ in range(KILLS):
            target = office.steps + random.randrange(1, 12)
            until(lambda target=target: office.steps >= target)
            workers.kill()  # whoever has been there longest
            workers.hire()
        until(office.all_over)
        assert {"done"} == {record.state for record in office.records().values()}
        assert any(record.abandoned for record in office.records().values())
    for turns in by_key(file).values():
        check(turns)


def by_key(file: Path) -> dict[str, list[tuple[str, int]]]:
    """Give what was said for each key, in order."""
    said: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for line in file.read_text().split():
        key, what, number = line.split(":")
        said[key].append((what, int(number)))
    return said


def check(turns: list[tuple[str, int]]) -> None:
    """See that only an event that has ended has a successor, which is the next one."""
    number = -1
    is_over = True
    for what, told in turns:
        if what == "end":
            assert number == told
            is_over = True
        else:
            assert told in ({number, number + 1} if is_over else {number})
            number, is_over = told, False
    assert (EVENTS - 1, True) == (number, is_over)
