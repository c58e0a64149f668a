"""DynamoDBStore believes no index: they only propose, and may be behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.storage import Claimed, DynamoDBStore, Held, Query, Taken
from stripe_events.storage._results import EVERYTHING
from stripe_events.testing._contract.making import NOW, arrival, code, succeeded
from tests.stores.clock import Clock
from tests.stores.dynamodb_faults import hooked, lagging_indexes

if TYPE_CHECKING:
    from tests.stores.dynamodb_server import DynamoDBServer

DAYS = 86_400.0


class Ledger:
    """A store whose client the test troubles, and another one on the same table."""

    def __init__(self, server: DynamoDBServer) -> None:
        self.client, self.name, self.clock = server.client(), server.new_name(), Clock()
        self.other = server.new_store(self.name, clock=self.clock)
        self.store = DynamoDBStore(self.name, client=self.client, clock=self.clock)

    def lagging(self) -> Any:
        """Let the indexes of ``store`` stay as they are."""
        return lagging_indexes(self.client, self.name)

    def take(self, store: DynamoDBStore, limit: int = 10) -> list[Taken]:
        """Take what is due."""
        return store.take_due("default", code("a"), "mine", 60.0, limit)

    def enqueue(self, *ids: str) -> None:
        """Record events that are due, one after another."""
        for event_id in ids:
            self.other.enqueue(arrival(event_id))
            self.clock.pass_(1.0)

    def do(self, taken: Taken) -> None:
        """Let the handler succeed."""
        self.other.finish(taken.claimed.claim, succeeded("a"))


@pytest.fixture
def ledger(dynamodb_server: DynamoDBServer) -> Ledger:
    """Give a fresh ledger."""
    return Ledger(dynamodb_server)


def ids(taken: list[Taken]) -> list[str]:
    """Give what was taken."""
    return [one.claimed.claim.id for one in taken]


def test_an_entry_of_what_is_done_gives_nothing(ledger: Ledger) -> None:
    """Look events up before they are claimed."""
    ledger.enqueue("evt_1")
    with ledger.lagging():
        ledger.do(ledger.take(ledger.other)[0])
        assert [] == ledger.take(ledger.store)
    stored = ledger.store.get("default", "evt_1")
    assert ("done", 1) == (stored and (stored.record.state, stored.record.token))


def test_what_is_over_hides_nothing_behind_it(ledger: Ledger) -> None:
    """Go on until as many were found as asked for, however many entries are stale."""
    names = [f"evt_{number}" for number in range(12)]
    ledger.enqueue(*names, "evt_last")
    with ledger.lagging():
        for taken in ledger.take(ledger.other, 12):
            ledger.do(taken)
        assert ["evt_last"] == ids(ledger.take(ledger.store, 1))


def test_what_is_claimed_meanwhile_is_not_claimed_again(ledger: Ledger) -> None:
    """Share the work though two workers are told of the same events."""
    ledger.enqueue("evt_1", "evt_2")
    with ledger.lagging():
        first, second = ledger.take(ledger.store, 1), ledger.take(ledger.store, 10)
    assert (["evt_1"], ["evt_2"]) == (ids(first), ids(second))


def test_what_an_index_does_not_have_yet_is_given_later(ledger: Ledger) -> None:
    """Lose nothing of which no index knows."""
    with ledger.lagging():
        ledger.enqueue("evt_1")
        assert [] == ledger.take(ledger.store)
    assert ["evt_1"] == ids(ledger.take(ledger.store))


def test_what_became_due_later_is_not_given_sooner(ledger: Ledger) -> None:
    """Believe the event's own due time."""
    ledger.enqueue("evt_1")
    with ledger.lagging():
        (taken,) = ledger.take(ledger.other)
        ledger.other.suspend(taken.claimed.claim, NOW._replace(inbox=1_000.0))
        assert [] == ledger.take(ledger.store)


def test_an_order_key_is_handed_on_whatever_indexes_say(ledger: Ledger) -> None:
    """Find the oldest that waits by no index: an event that it missed would wait for ever."""
    with ledger.lagging():
        head = ledger.store.accept(arrival("evt_1", order_key="k"), 60.0)
        for event_id, created in (("evt_2", 30.0), ("evt_3", 20.0)):
            event = arrival(event_id, order_key="k", created=created)
            assert isinstance(ledger.store.accept(event, 60.0), Held)
        assert isinstance(head, Claimed)
        ledger.store.finish(head.claim, succeeded("a"))
        told = [
            ledger.store.accept(arrival(one, order_key="k"), 60.0) for one in ("evt_2", "evt_3")
        ]
    assert [Held, Claimed] == [type(one) for one in told]


def test_the_table_itself_is_always_read_as_it_is_now(ledger: Ledger) -> None:
    """Ask for consistent reads of all but the indexes, which have none."""
    asked: list[tuple[str, bool]] = []

    def note(params: Any, model: Any, **_: Any) -> None:
        part = next(iter(params.get("RequestItems", {}).values()), params)
        of_index = "IndexName" in params
        asked.append((model.name, of_index or part.get("ConsistentRead", False)))

    reads = ("GetItem", "BatchGetItem", "Query")
    with hooked(ledger.client, "before-parameter-build", note):
        for number, payload in enumerate((b"{}", os.urandom(4_000), b"{}")):
            event = arrival(f"evt_{number}", order_key="k", payload=payload)
            ledger.store.enqueue(event)
        while taken := ledger.take(ledger.store):
            ledger.store.finish(taken[0].claimed.claim, succeeded("a"))
        ledger.store.erase("default", EVERYTHING)
    told = {(name, consistent) for name, consistent in asked if name in reads}
    assert {(name, True) for name in reads} == told


def test_a_list_shows_events_as_they_are(ledger: Ledger) -> None:
    """Show what is in the table, in the order of the index, and nothing that has gone."""
    ledger.enqueue("evt_1", "evt_2", "evt_3")
    for taken in ledger.take(ledger.other, 2):
        ledger.do(taken)
    ledger.clock.pass_(32 * DAYS)
    with ledger.lagging():
        ledger.other.forget("default", Query(ids=("evt_1",)))
        ledger.other.accept(arrival("evt_3"), 60.0)
        shown = ledger.store.list("default")
    assert [("evt_2", "done"), ("evt_3", "claimed")] == [(one.id, one.state) for one in shown]


def test_overdue_is_asked_of_what_waits(ledger: Ledger) -> None:
    """Count what nobody came for by the index of what is due, page by page."""
    names = [f"evt_{number:02}" for number in range(7)]
    ledger.enqueue(*names)
    ledger.clock.pass_(500.0)
    query = Query(overdue=300.0)
    pages, after = [], None
    while page := ledger.store.list("default", query, limit=3, after=after):
        pages.append([one.id for one in page])
        after = page[-1].first_seen, page[-1].id
    assert [names[:3], names[3:6], names[6:]] == pages


def test_a_list_of_ids_is_oldest_first(ledger: Ledger) -> None:
    """Give pages of the events named, in the order in which they came, not of their names."""
    ledger.enqueue("evt_3", "evt_1", "evt_2")
    query = Query(ids=("evt_1", "evt_2", "evt_3", "evt_4"))
    page = ledger.store.list("default", query, limit=2)
    assert ["evt_3", "evt_1"] == [one.id for one in page]
    after = page[-1].first_seen, page[-1].id
    assert ["evt_2"] == [one.id for one in ledger.store.list("default", query, after=after)]


def test_long_lists_are_read_in_pages(ledger: Ledger) -> None:
    """Give all events of all partitions, oldest first, though each answer holds a few."""
    names = [f"evt_{number}" for number in range(30)]
    ledger.enqueue(*names)
    assert names[:25] == [one.id for one in ledger.store.list("default", limit=25)]
    assert names == ids(ledger.take(ledger.store, 100))
