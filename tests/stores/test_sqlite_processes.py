"""Processes on one file: each event is finished once, and a death leaves nothing half done."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from stripe_events.storage import Claimed, Settled, SQLiteStore
from tests.stores.clock import Clock
from tests.stores.sqlite_files import (
    LIMIT,
    SUCCEEDED,
    arrival,
    claim,
    end_of,
    in_child,
    query,
    state,
)

if TYPE_CHECKING:
    from pathlib import Path

    from stripe_events.storage import Claim

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

PROCESSES = 16
EVENTS = [f"evt_{number}" for number in range(30)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file with a table of the application's."""
    query(tmp_path / "a.db", "CREATE TABLE effects (text TEXT)")
    return tmp_path / "a.db"


def _deliver_all(path: Path, run: str) -> None:
    """Deliver each event until it is settled, whoever settles it."""
    store = SQLiteStore(path, synchronous="NORMAL", busy_timeout=LIMIT)
    left = list(EVENTS)
    while left:
        event_id = left.pop(0)
        accepted = store.accept(arrival(event_id, f"{os.getpid()}"), LIMIT)
        if isinstance(accepted, Claimed):
            _run(store, path, accepted.claim, run)
        elif not isinstance(accepted, Settled):
            left.append(event_id)


def _run(store: SQLiteStore, path: Path, event: Claim, run: str) -> None:
    if run == "transaction":
        with store.transaction(event, lambda: SUCCEEDED) as connection:
            connection.execute("INSERT INTO effects VALUES (?)", (event.id,))
    else:
        with path.with_name("effects").open("a") as file:
            file.write(f"{event.id}\n")
        store.finish(event, SUCCEEDED)


@pytest.mark.parametrize("run", ["transaction", "finish"])
def test_each_event_that_many_processes_deliver_is_handled_once(path: Path, run: str) -> None:
    """They all begin with the first event, on a file without a ledger."""
    children = [in_child(lambda: _deliver_all(path, run)) for _ in range(PROCESSES)]
    assert [0] * PROCESSES == [end_of(pid) for pid in children]
    if run == "transaction":
        handled = [text for (text,) in query(path, "SELECT text FROM effects")]
    else:
        handled = path.with_name("effects").read_text().split()
    assert sorted(EVENTS) == sorted(handled)
    with closing(SQLiteStore(path)) as store:
        assert {"done"} == {state(store, event_id) for event_id in EVENTS}


@pytest.mark.parametrize("moment", ["in the block", "after the block"])
def test_a_process_that_is_killed_has_done_all_or_nothing(path: Path, moment: str) -> None:
    """Its lock is gone with it; who takes over sees what is committed."""
    clock = Clock()
    has_come, come = os.pipe()

    def child() -> None:
        store = SQLiteStore(path, clock=clock)
        with store.transaction(claim(store), lambda: SUCCEEDED) as connection:
            connection.execute("INSERT INTO effects VALUES ('a')")
            if moment == "in the block":
                os.write(come, b"x")
                signal.pause()
        os.write(come, b"x")
        signal.pause()

    pid = in_child(child)
    os.read(has_come, 1)
    os.kill(pid, signal.SIGKILL)
    assert -signal.SIGKILL == end_of(pid)
    os.close(has_come)
    os.close(come)
    clock.now += 61.0
    with closing(SQLiteStore(path, clock=clock)) as store:
        accepted = store.accept(arrival(claim_id="another"), 60.0)
        if isinstance(accepted, Claimed):
            with store.transaction(accepted.claim, lambda: SUCCEEDED) as connection:
                connection.execute("INSERT INTO effects VALUES ('a')")
        assert (moment == "in the block") == isinstance(accepted, Claimed)
        assert "done" == state(store)
    assert [("a",)] == query(path, "SELECT text FROM effects")
