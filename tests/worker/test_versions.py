"""A worker with older code beside one with newer code: nothing is lost, nothing runs twice."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from stripe_events._delivery import missing
from tests.worker.applications import UNENDING, Office, lines
from tests.worker.children import crew
from tests.worker.conditions import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.places import AnyPlace


class Old(Office):
    """The code before: it knows ``payout`` by its former name, and has no ``thank``."""

    def __init__(self, place: AnyPlace, file: Path, **options: Any) -> None:
        """Register its handlers."""
        super().__init__(place, file, **options)
        self.router.on("charge.succeeded", name="pay")(self._file)


class New(Office):
    """The code of now."""

    def __init__(self, place: AnyPlace, file: Path, **options: Any) -> None:
        """Register its handlers."""
        super().__init__(place, file, **options)
        self.router.on("charge.succeeded", name="payout", formerly="pay")(self._file)
        self.router.on("charge.succeeded", name="thank")(self._file)


def impatient(*arguments: Any, **options: Any) -> Old:
    """Give the old code, in a process of its own that looks soon again for what it lacks."""
    missing.AGAIN = missing._LONG = 0.3  # type: ignore[misc]
    return Old(*arguments, **options)


def test_what_old_code_lacks_is_left_to_new_code(place: AnyPlace, file: Path) -> None:
    """It gives such events back, uncounted, having run what it knows; each handler runs once."""
    before, meanwhile = names("before"), names("meanwhile")
    with (
        closing(New(place, file)) as new,
        crew(place, file, impatient, lease=UNENDING) as old_workers,
        crew(place, file, New, lease=UNENDING) as new_workers,
    ):
        new.receive(*before)
        old_workers.hire()
        until(lambda: all(is_missing(record) for record in new.records().values()))
        assert {f"{event}/file": 1 for event in before} == lines(file)
        unsettled = [one for record in new.records().values() for one in record.unsettled()]
        assert {("payout", 0), ("thank", 0)} == {(one.name, one.attempts) for one in unsettled}
        new_workers.hire()
        new.receive(*meanwhile)
        until(new.all_over)
        assert {*before, *meanwhile} == new.in_states({"done"})
    keys = ("file", "pay", "thank")
    assert lines(file) == {f"{event}/{key}": 1 for event in (*before, *meanwhile) for key in keys}


def test_what_old_code_has_recorded_is_done_by_either(place: AnyPlace, file: Path) -> None:
    """The new code takes a handler for the one that it was, and adds the one that it has more."""
    events = names("old")
    with (
        closing(Old(place, file)) as old,
        crew(place, file, impatient, lease=UNENDING) as old_workers,
        crew(place, file, New, lease=UNENDING) as new_workers,
    ):
        old.receive(*events[::2])
        old_workers.hire()
        new_workers.hire()
        old.receive(*events[1::2])
        until(old.all_over)
        plans = [tuple(one.name for one in record.handlers) for record in old.records().values()]
        assert set(events) == old.in_states({"done"})
    assert {("file", "pay"), ("file", "payout", "thank")} >= set(plans)
    wanted = {f"{event}/{key}": 1 for event in events for key in ("file", "pay")}
    assert wanted == {key: times for key, times in lines(file).items() if "thank" not in key}
    assert sum("thank" in plan for plan in plans) == sum("thank" in key for key in lines(file))


def names(word: str) -> list[str]:
    """Give the ids of some events."""
    return [f"evt_{word}_{number}" for number in range(20)]


def is_missing(record: Any) -> bool:
    """Tell whether code has met the event that lacks some of its handlers."""
    return any(handler.missing_since is not None for handler in record.handlers)
