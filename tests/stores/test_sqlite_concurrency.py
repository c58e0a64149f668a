"""Threads of one process: who waits for whom, and what nobody waits for."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from stripe_events.errors import StoreError
from stripe_events.storage import Claimed, SQLiteStore
from stripe_events.storage._operations import Change, Write
from stripe_events.storage._results import Held
from tests.stores.clock import Clock
from tests.stores.sqlite_files import LIMIT, SUCCEEDED, arrival, claim, query, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    """Give a clock that the test moves."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SQLiteStore]:
    """Give a store that waits a moment only."""
    with closing(
        SQLiteStore(tmp_path / "a.db", synchronous="NORMAL", busy_timeout=0.05, clock=clock)
    ) as store:
        yield store


def test_a_second_delivery_is_answered_while_a_block_is_open(
    store: SQLiteStore, tmp_path: Path, clock: Clock
) -> None:
    """It only reads, in this process and in others, and does not wait."""
    with (
        closing(SQLiteStore(tmp_path / "a.db", busy_timeout=LIMIT, clock=clock)) as other,
        store.transaction(claim(store), lambda: SUCCEEDED),
    ):
        started = time.monotonic()
        for one in (store, other):
            assert Held(60.0) == one.accept(arrival(claim_id="another"), 60.0)
            assert "claimed" == state(one)
        assert LIMIT / 2 > time.monotonic() - started


def test_a_writer_waits_for_a_block_no_longer_than_it_was_told(store: SQLiteStore) -> None:
    """Even in the thread that has the block open, which would wait for itself."""
    with store.transaction(claim(store), lambda: SUCCEEDED):
        with pytest.raises(StoreError, match="another thread was writing"):
            claim(store, "evt_2")
        with pytest.raises(StoreError, match="another thread was writing"):
            store.transaction(claim, lambda: SUCCEEDED).__enter__()  # type: ignore[arg-type]
    claim(store, "evt_2")


def test_a_writer_goes_on_when_a_block_ends(tmp_path: Path) -> None:
    """It has waited for the block, not for an interval."""
    waiting = threading.Event()

    def write() -> Claimed:
        waiting.set()
        accepted = store.accept(arrival("evt_2"), 60.0)
        assert isinstance(accepted, Claimed)
        return accepted

    with closing(SQLiteStore(tmp_path / "a.db", busy_timeout=LIMIT)) as store:
        event = claim(store)
        with ThreadPoolExecutor(1) as pool:
            with store.transaction(event, lambda: SUCCEEDED):
                written = pool.submit(write)
                assert waiting.wait(LIMIT)
                assert not written.done()
            assert "evt_2" == written.result(LIMIT).claim.id


def test_a_heartbeat_extends_between_blocks_and_gives_up_during_one(
    store: SQLiteStore, clock: Clock
) -> None:
    """What it could not extend is not lost; what was taken over is, whoever is writing."""
    mine, lost = claim(store), claim(store, "evt_2")
    clock.now += 61.0
    claim(store, "evt_2", "another")
    with store.transaction(mine, lambda: SUCCEEDED):
        assert [lost] == store.extend([mine, lost], 60.0)
        stored = store.get("default", "evt_1")
        assert stored is not None
        assert clock.now > stored.record.lease_until
    third = claim(store, "evt_3")
    clock.now += 30.0
    assert [lost] == store.extend([lost, third], 60.0)
    stored = store.get("default", "evt_3")
    assert stored is not None
    assert clock.now + 60.0 == stored.record.lease_until


def test_two_verbs_of_one_thread_have_a_connection_each(store: SQLiteStore) -> None:
    """As coroutines do, whose verbs lie within each other."""
    event = claim(store)
    with store._connections.one() as first, store._connections.one() as second:
        assert first is not second
        store.finish(event, SUCCEEDED)
    assert 3 == len(store._connections._idle)
    claim(store, "evt_2")
    assert 3 == len(store._connections._idle)


def test_few_connections_are_kept(store: SQLiteStore) -> None:
    """Those of a rush are closed after it."""
    barrier = threading.Barrier(12)

    def hold() -> None:
        with store._connections.one():
            barrier.wait(LIMIT)

    claim(store)
    with ThreadPoolExecutor(12) as pool:
        for held in [pool.submit(hold) for _ in range(12)]:
            held.result(LIMIT)
    assert 8 == len(store._connections._idle)


def test_a_change_holds_once(store: SQLiteStore) -> None:
    """Of writers that have read the same revision, one makes its change."""
    claim(store)
    stored = store.get("default", "evt_1")
    assert stored is not None
    record = stored.record
    writes = [
        Write((Change(record, record._replace(claim_id=f"{number}")),)) for number in range(8)
    ]

    def write(one: Write) -> bool:
        with store._connections.one() as connection:
            made: bool = store._perform(connection.cursor(), one)
            return made

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(write, writes))
    assert [True] == [one for one in made if one]
    found = store.get("default", "evt_1")
    assert found is not None
    assert (f"{made.index(True)}", record.revision + 1) == (
        found.record.claim_id,
        found.record.revision,
    )


def test_of_several_changes_all_hold_or_none(store: SQLiteStore, tmp_path: Path) -> None:
    """What was made before the one that does not hold is undone, with its payload."""
    claim(store)
    stored = store.get("default", "evt_1")
    assert stored is not None
    new, outdated = stored.record._replace(id="evt_2"), stored.record._replace(revision=7)
    write = Write((Change(None, new), Change(outdated, None)), (), b"{}")
    with store._connections.one() as connection:
        assert False is store._perform(connection.cursor(), write)
    assert None is store.get("default", "evt_2")
    assert [(1,)] == query(tmp_path / "a.db", "SELECT count(*) FROM stripe_events_payloads")
