"""A result that is recorded in one statement never rests on what is not so any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events.errors import LostClaim
from stripe_events.storage import Query
from stripe_events.storage._guesses import AT_MOST
from stripe_events.testing._contract.making import arrival, died, planned, succeeded
from tests.stores.postgres_ledgers import SUCCEEDED

if TYPE_CHECKING:
    from tests.stores.postgres_ledgers import Ledgers

REVISION = "SELECT revision FROM stripe_events.events"


def test_heartbeats_between_do_not_matter(ledgers: Ledgers) -> None:
    """They change the lease only, which a result does not rest on."""
    store = ledgers.ready()
    claim = store.claim("evt_1", "a", "b")
    store.extend([claim])
    assert "claimed" == store.finish(claim, SUCCEEDED).state
    store.extend([claim])
    assert "done" == store.finish(claim, succeeded("b")).state
    assert [(5,)] == ledgers.execute(REVISION)


def test_an_event_that_was_enqueued_meanwhile_is_due_no_more(ledgers: Ledgers) -> None:
    """Whoever settles it takes it out of the inbox, which it was not in when it was claimed."""
    store = ledgers.ready()
    claim = store.claim()
    ledgers.open().enqueue(arrival())
    assert "done" == store.finish(claim, SUCCEEDED).state
    (record,) = store.list()
    assert ("inbox", None) == (record.lane, record.due)


def test_an_event_that_was_enqueued_meanwhile_stays_due_while_work_is_left(
    ledgers: Ledgers,
) -> None:
    """A result takes nothing back that somebody else has written."""
    store = ledgers.ready()
    claim = store.claim("evt_1", "a", "b")
    ledgers.open().enqueue(arrival("evt_1", "a", "b"))
    assert "claimed" == store.finish(claim, SUCCEEDED).state
    (record,) = store.list()
    assert record.due is not None


def test_a_handler_that_joined_meanwhile_is_left_to_do(ledgers: Ledgers) -> None:
    """Newer code has let it join, so the event is not done."""
    store = ledgers.ready()
    claim = store.claim()
    ledgers.open().enqueue(arrival("evt_1", "a", "b"))
    assert "claimed" == store.finish(claim, SUCCEEDED).state
    assert "done" == store.finish(claim, succeeded("b"), planned("b")).state


def test_a_restored_copy_is_believed(ledgers: Ledgers) -> None:
    """What the process remembers of a handler is lost with the copy that had it."""
    store = ledgers.ready()
    claim = store.claim("evt_1", "a", "b")
    ledgers.execute("CREATE TABLE copy AS TABLE stripe_events.events")
    store.finish(claim, SUCCEEDED)
    ledgers.execute("TRUNCATE stripe_events.events")
    ledgers.execute("INSERT INTO stripe_events.events TABLE copy")
    store.extend([claim])  # by which the revision is the same as before
    assert "claimed" == store.finish(claim, succeeded("b")).state


@pytest.mark.parametrize("verb", ["retry", "give_back", "suspend"])
def test_a_claim_that_was_ended_elsewhere_is_lost(ledgers: Ledgers, verb: str) -> None:
    """Whatever this process remembers of it."""
    store, other = ledgers.ready(), ledgers.open()
    claim = store.claim()
    if verb == "retry":
        other.suspend(claim)
        other.retry()
    else:
        getattr(other, verb)(claim)
    with pytest.raises(LostClaim):
        store.finish(claim, SUCCEEDED)


def test_an_event_that_was_recorded_anew_is_another_ones(ledgers: Ledgers) -> None:
    """After a restore the same event may be claimed by somebody else, with the same token."""
    store, other = ledgers.ready(), ledgers.open()
    stale = store.claim()
    ledgers.execute("TRUNCATE stripe_events.events")
    assert stale.token == other.claim().token
    with pytest.raises(LostClaim):
        store.finish(stale, SUCCEEDED)


def test_what_was_taken_by_a_worker_is_settled_in_the_same_way(ledgers: Ledgers) -> None:
    """Claims of take_due are remembered too."""
    store = ledgers.ready()
    for number in range(3):
        store.enqueue(arrival(f"evt_{number}"))
    for taken in store.take_due():
        assert "dead" == store.finish(taken.claimed.claim, died("a")).state
    assert 3 == len(store.list(Query(states=("dead",))))


def test_a_settled_handler_stays_as_it_is(ledgers: Ledgers) -> None:
    """A repetition, and a failure that comes late, are not guessed at."""
    store = ledgers.ready()
    claim = store.claim("evt_1", "a", "b")
    store.finish(claim, SUCCEEDED)
    assert store.finish(claim, SUCCEEDED).settled_before
    assert store.finish(claim, died("a")).settled_before


def test_claims_that_never_end_are_forgotten(ledgers: Ledgers) -> None:
    """Their number is bounded, and whoever was forgotten is read."""
    store = ledgers.ready()
    claims = [store.claim(f"evt_{number}") for number in range(AT_MOST + 5)]
    assert AT_MOST == len(store.store._guesses)
    assert "done" == store.finish(claims[0], SUCCEEDED).state
    assert "done" == store.finish(claims[-1], SUCCEEDED).state
    assert AT_MOST - 1 == len(store.store._guesses)
