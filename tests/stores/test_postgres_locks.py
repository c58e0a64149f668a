"""What the PostgreSQL stores do while another transaction has a record locked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from stripe_events.errors import StoreError
from stripe_events.storage import Held, Settled
from stripe_events.testing._contract.making import arrival
from tests.stores.postgres_ledgers import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.stores.postgres_ledgers import Ledgers

LONG = 3_600.0
"""Seconds that would be noticed, if anything waited for them."""


@contextmanager
def locked(ledgers: Ledgers, event_id: str = "evt_1") -> Generator[None, None, None]:
    """Hold the record of an event in a transaction that has changed it, as a completion does."""
    with ledgers.connect() as connection:
        update = "UPDATE stripe_events.events SET revision = revision WHERE id = %s"
        connection.execute(update, (event_id,))
        yield


def test_a_second_delivery_is_answered_at_once(ledgers: Ledgers) -> None:
    """Claims are read without a lock; also the first, fast way looks before it writes."""
    store = ledgers.ready(lock_timeout=LONG)
    store.claim()
    with locked(ledgers):
        assert isinstance(store.accept(arrival()), Held)


def test_a_heartbeat_waits_for_nobody(ledgers: Ledgers) -> None:
    """A record that is locked is left as it is, and is not lost; others are extended."""
    store = ledgers.ready(lock_timeout=LONG)
    first, second = store.claim(), store.claim("evt_2")
    lost = first._replace(claim_id="another")
    leases = "SELECT lease_until FROM stripe_events.events ORDER BY id"
    before = ledgers.execute(leases)
    with locked(ledgers):
        assert [lost] == store.extend([first, lost, second], LONG)
    after = ledgers.execute(leases)
    assert (before[0], True) == (after[0], after[1] > before[1])


def test_a_write_waits_a_bounded_time(ledgers: Ledgers) -> None:
    """The error says what holds it up; later it is done."""
    store = ledgers.ready(lock_timeout=0.01)
    claim = store.claim()
    with locked(ledgers), pytest.raises(StoreError, match="another transaction holds the record"):
        store.finish(claim, SUCCEEDED)
    assert "done" == store.finish(claim, SUCCEEDED).state


def test_whether_it_is_settled_is_asked_for_a_bounded_time(ledgers: Ledgers) -> None:
    """None says that a transaction goes on, so that nobody knows yet."""
    store = ledgers.ready(lock_timeout=0.01)
    claim = store.claim()
    with locked(ledgers):
        assert None is store.is_settled(claim)
    assert False is store.is_settled(claim)
    store.finish(claim, SUCCEEDED)
    assert True is store.is_settled(claim)


def test_a_locked_record_holds_up_no_worker(ledgers: Ledgers) -> None:
    """What a hanging transaction has in its hands is left out; all else is taken."""
    store = ledgers.ready(lock_timeout=LONG)
    for number in range(3):
        store.enqueue(arrival(f"evt_{number}"))
    with locked(ledgers):
        taken = [taken.claimed.record.id for taken in store.take_due()]
        assert ["evt_0", "evt_2"] == taken
    assert ["evt_1"] == [taken.claimed.record.id for taken in store.take_due()]


def test_a_locked_record_does_not_stand_before_others(ledgers: Ledgers) -> None:
    """A rescue takes one event after another; the first of them may be locked for long."""
    store = ledgers.ready(lock_timeout=LONG)
    for number in range(2):
        store.enqueue(arrival(f"evt_{number}"))
    with locked(ledgers, "evt_0"):
        taken = [taken.claimed.record.id for taken in store.take_due(limit=1)]
        assert ["evt_1"] == taken
        assert [] == store.take_due(limit=1)
    assert ["evt_0"] == [taken.claimed.record.id for taken in store.take_due(limit=1)]


def test_a_locked_record_is_erased_later(ledgers: Ledgers) -> None:
    """Retention waits for nobody either."""
    store = ledgers.ready(lock_timeout=LONG)
    for number in range(3):
        store.finish(store.claim(f"evt_{number}"), SUCCEEDED)
    with locked(ledgers):
        assert 2 == store.erase()
    assert 1 == store.erase()


def test_a_takeover_waits_for_the_commit_that_settles(ledgers: Ledgers) -> None:
    """Whoever takes over while the holder commits finds the event done, and runs nothing."""
    store = ledgers.ready(lock_timeout=LONG)
    store.extend([store.claim()], 0.0)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with ledgers.connect() as connection, ThreadPoolExecutor() as threads:
        connection.execute(
            "UPDATE stripe_events.events SET state = 'done', revision = revision + 1"
        )
        delivery = threads.submit(store.accept, arrival())
        ledgers.server.until(lambda: [(1,)] == ledgers.execute(waiting))
        connection.commit()
        assert isinstance(delivery.result(), Settled)
