"""Taking what is due, where a transaction of somebody else has a record locked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.storage import Claimed, MemoryStore, Release
from stripe_events.storage._operations import Change, WriteEach
from tests.unit.cli_ledger import MAIL, arrival

if TYPE_CHECKING:
    from stripe_events.storage import Taken
    from stripe_events.storage._operations import Operation

NOW = Release(0.0, 0.0)


class Locked(MemoryStore):
    """A ledger in which ``evt_1`` stays locked: as on PostgreSQL, writes of many leave it out."""

    tries = 0

    def _perform(self, operation: Operation) -> Any:
        if not isinstance(operation, WriteEach):
            return super()._perform(operation)
        self.tries += 1
        assert self.tries < 10, "it goes round in circles"
        return tuple(self._made(change) for change in operation.changes)

    def _made(self, change: Change) -> bool:
        is_free = change.old is not None and change.old.id != "evt_1"
        return is_free and super()._perform(WriteEach((change,)))[0]


def locked(*event_ids: str) -> Locked:
    """Give a ledger in which these are due."""
    store = Locked()
    for event_id in event_ids:
        claimed = store.accept(arrival(event_id, handlers=(MAIL,)), 60.0)
        assert isinstance(claimed, Claimed)
        store.give_back(claimed.claim, NOW)
    return store


def due(store: MemoryStore, limit: int) -> list[Taken]:
    """Take what is due."""
    return store.take_due("default", arrival("evt_1", handlers=(MAIL,)).code, "x", 60.0, limit)


def test_an_event_that_stays_locked_is_left_alone() -> None:
    """Whoever takes what is due does not wait for it by asking over and over."""
    assert [] == due(locked("evt_1"), 1)


def test_an_event_that_stays_locked_does_not_keep_others() -> None:
    """They are taken without it."""
    assert ["evt_2"] == [one.claimed.claim.id for one in due(locked("evt_1", "evt_2"), 2)]
