"""The operators' verbs, where somebody else writes between their reading and their writing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.storage import Claimed, MemoryStore, Query
from stripe_events.storage._operations import WriteEach
from stripe_events.storage._verbs import SEEN_EVERY
from tests.unit.cli_ledger import MAIL, arrival, result

if TYPE_CHECKING:
    from stripe_events.storage._operations import Operation


class Raced(MemoryStore):
    """A ledger in which the event comes in once more just before each of some writes."""

    races = 2
    now = 0.0

    def __init__(self) -> None:
        """Start empty, at a time of its own."""
        super().__init__(clock=lambda: self.now)

    def _perform(self, operation: Operation) -> Any:
        if isinstance(operation, WriteEach) and self.races:
            self.races -= 1
            self.now += SEEN_EVERY
            self.accept(arrival("evt_1", handlers=(MAIL,)), 60.0)
        return super()._perform(operation)


def test_erase_gives_0_only_if_none_is_left() -> None:
    """A batch of which every event was touched meanwhile is tried again, not taken for the end."""
    store = Raced()
    claimed = store.accept(arrival("evt_1", handlers=(MAIL,)), 60.0)
    assert isinstance(claimed, Claimed)
    store.finish(claimed.claim, result(MAIL, "succeeded"))
    assert 1 == store.erase("default", Query())
    assert 0 == store.races
    assert 0 == store.erase("default", Query())


def test_erase_leaves_a_locked_event_to_the_next_time() -> None:
    """It does not wait for a transaction that hangs by asking over and over."""

    class Locked(MemoryStore):
        tries = 0

        def _perform(self, operation: Operation) -> Any:
            if isinstance(operation, WriteEach):
                self.tries += 1
                assert self.tries < 10, "it goes round in circles"
                return (False,)
            return super()._perform(operation)

    store = Locked()
    claimed = store.accept(arrival("evt_1", handlers=(MAIL,)), 60.0)
    assert isinstance(claimed, Claimed)
    store.finish(claimed.claim, result(MAIL, "succeeded"))

    assert 0 == store.erase("default", Query())
