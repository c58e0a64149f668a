"""Watches of stores that wake within a process: in memory, and in an SQLite file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from stripe_events.storage import MemoryStore, SQLiteStore
from stripe_events.testing._contract.driven import Driver, Verbs
from stripe_events.testing._contract.making import SCOPE, arrival, succeeded
from tests.stores.sqlite_files import end_of, in_child

if TYPE_CHECKING:
    from pathlib import Path


def test_memory_is_live_and_a_file_is_not(tmp_path: Path) -> None:
    """What another process writes into a file is seen by those who poll only."""
    assert MemoryStore().watch(SCOPE, list).is_live
    assert not SQLiteStore(tmp_path / "ledger.db").watch(SCOPE, list).is_live


def test_other_scopes_are_left_alone() -> None:
    """A watch of a scope is not called for the work of others."""
    store = MemoryStore()
    calls: list[str] = []
    store.watch("one", lambda: calls.append("one"))
    store.watch("two", lambda: calls.append("two"))
    store.enqueue(arrival(scope="two"))
    assert ["two"] == calls


def test_work_that_is_claimed_at_once_wakes_nobody() -> None:
    """An inline delivery has nothing for workers."""
    store = Verbs(MemoryStore(), Driver())
    calls: list[None] = []
    store.store.watch(SCOPE, lambda: calls.append(None))
    claimed = store.accept(arrival())
    store.finish(claimed.claim, succeeded("a"))  # type: ignore[union-attr]
    assert [] == calls


def test_a_promotion_wakes_when_its_transaction_was_committed(tmp_path: Path) -> None:
    """Whoever is woken finds the event that has waited for its order key."""
    store = SQLiteStore(tmp_path / "ledger.db")
    ledger = Verbs(store, Driver())
    claimed = ledger.accept(arrival("evt_1", order_key="k"))
    store.enqueue(arrival("evt_2", order_key="k"))
    taken: list[str] = []
    store.watch(SCOPE, lambda: taken.extend(one.claimed.record.id for one in ledger.take_due()))
    with store.transaction(claimed.claim, lambda: succeeded("a")):  # type: ignore[union-attr]
        assert [] == taken
    assert ["evt_2"] == taken
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_child_does_not_wake_its_parents_worker(kind: str, tmp_path: Path) -> None:
    """Threads do not come along: there is nobody to wake."""
    store = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "ledger.db")
    calls: list[None] = []
    watch = store.watch(SCOPE, lambda: calls.append(None))

    def child() -> None:
        store.enqueue(arrival("evt_child"))
        assert not watch.is_live
        watch.close()
        assert [] == calls

    assert 0 == end_of(in_child(child))
    store.enqueue(arrival("evt_parent"))
    assert [None] == calls
