"""Owners whose database, or whose process, becomes another one."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest

from stripe_events.errors import LostClaim
from tests.stores.faults.applications import EXACTLY_ONCE, Application
from tests.stores.faults.children import fork_and_deliver
from tests.stores.faults.places import Place
from tests.stores.faults.processes import LIMIT, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("used", [False, True], ids=["not used yet", "used before"])
def test_a_fork_after_construction_has_connections_of_its_own(
    place: Place, file: Path, *, used: bool
) -> None:
    """Parent and child handle events with what was made before, at the same time."""
    with running(fork_and_deliver, place, file, used) as child:
        assert (200, 0) == child.hear()
    events = ["evt_parent", "evt_child", *(["evt_before"] if used else [])]
    assert {(event, name): 1 for event in events for name in EXACTLY_ONCE} == place.effects()


class Copy:
    """An SQLite file, and a copy of it as it was before."""

    def __init__(self, path: Path) -> None:
        """Make the copy, as a backup does."""
        self._path = path
        self._copy = path.with_name("copy.db")
        with (
            closing(sqlite3.connect(path)) as source,
            closing(sqlite3.connect(self._copy)) as target,
        ):
            source.backup(target)

    def restore(self) -> None:
        """Put it in the place of the file, whose write-ahead log is not its own."""
        for suffix in ("-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        self._copy.replace(self._path)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Place]:
    """Give an SQLite file."""
    place = Place("sqlite", str(tmp_path / "app.db"))
    place.create()
    return place


@pytest.mark.parametrize("handler", ["file", "block"])
@pytest.mark.parametrize("is_taken", [False, True], ids=["nobody else", "another one"])
def test_an_owner_is_refused_where_an_older_copy_was_restored(
    sqlite: Place, file: Path, handler: str, *, is_taken: bool
) -> None:
    """The copy does not know its claim, or has another one with the same token."""
    reached, goes_on = Event(), Event()

    def step() -> None:
        reached.set()
        assert goes_on.wait(LIMIT)

    with (
        closing(Application(sqlite, file, step, handlers=[handler])) as owner,
        closing(Application(sqlite, file, handlers=[handler])) as other,
        ThreadPoolExecutor(1) as thread,
    ):
        copy = Copy(Path(sqlite.address))
        answer = thread.submit(owner.deliver, "evt_1")
        assert reached.wait(LIMIT)
        copy.restore()
        if is_taken:
            assert 200 == other.deliver("evt_1").status
        goes_on.set()
        assert 500 == answer.result().status
        assert isinstance(answer.result().error, LostClaim)
        assert 200 == other.deliver("evt_1").status
        assert "done" == owner.state("evt_1")
    assert ({} if handler == "file" else {("evt_1", "block"): 1}) == sqlite.effects()
