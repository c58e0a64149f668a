"""How workers on one Redis find what is due, without getting into each other's way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stripe_events.storage._operations import ReadDue
from stripe_events.storage._redis._commands import SET_ASIDE
from stripe_events.storage._redis._layout import keys_of
from stripe_events.testing._contract.making import arrival
from tests.stores.faults.proxy import proxy_to
from tests.stores.redis_ledgers import SUCCEEDED

if TYPE_CHECKING:
    from stripe_events.storage import Taken
    from tests.stores.redis_ledgers import Opened, RedisLedgers

DUE = keys_of("stripe_events", "default").due


def looked(store: Opened, limit: int) -> list[str]:
    """Look for what is due as a worker does who is about to claim it, and dies before that."""
    _, records = store.driver.done(store.store._perform(ReadDue("default", limit)))
    return [record.id for record in records]


def ids(taken: list[Taken]) -> list[str]:
    """Name what was taken."""
    return [one.claimed.claim.id for one in taken]


def test_what_one_is_about_to_claim_others_leave_to_him(redis_ledgers: RedisLedgers) -> None:
    """They find what comes after it at once."""
    one, other = redis_ledgers.open(), redis_ledgers.open()
    for number in range(4):
        one.enqueue(arrival(f"evt_{number}"))
    assert ["evt_0", "evt_1"] == looked(one, 2)
    assert ["evt_2", "evt_3"] == ids(other.take_due())
    assert [] == other.take_due()


def test_what_nobody_claimed_after_all_is_due_again_soon(redis_ledgers: RedisLedgers) -> None:
    """Whoever was about to has died."""
    store = redis_ledgers.open()
    store.enqueue(arrival())
    looked(store, 1)
    with redis_ledgers.server.client() as client:
        again = client.zscore(DUE, "evt_1")
    assert again is not None
    assert abs(time.time() + SET_ASIDE - again) < SET_ASIDE


def test_an_answer_that_is_lost_delays_what_is_due(redis_ledgers: RedisLedgers) -> None:
    """The first answer of a look: what it was about seems to be another worker's for a moment."""
    server = redis_ledgers.server
    with proxy_to(server.socket) as proxy, server.client() as client:
        store = redis_ledgers.open(f"redis://127.0.0.1:{proxy.port}")
        store.enqueue(arrival())
        proxy.break_at("answer", 1, stays_down=False)
        assert [] == store.take_due()
        assert proxy.has_broken
        again = client.zscore(DUE, "evt_1")
        assert again is not None
        assert abs(time.time() + SET_ASIDE - again) < SET_ASIDE


def test_a_change_brings_it_back_at_once(redis_ledgers: RedisLedgers) -> None:
    """It is due when its record says so."""
    store = redis_ledgers.open()
    store.enqueue(arrival())
    looked(store, 1)
    store.enqueue(arrival())
    assert ["evt_1"] == ids(store.take_due())


def test_what_is_held_is_found_when_its_lease_is_over(redis_ledgers: RedisLedgers) -> None:
    """And not before."""
    store = redis_ledgers.open()
    claim = store.claim()
    assert [] == store.take_due()
    assert [] == store.extend([claim], 0.0)
    assert ["evt_1"] == ids(store.take_due())


def test_what_is_done_is_not_looked_at_any_more(redis_ledgers: RedisLedgers) -> None:
    """So that looking costs the same, however many were done."""
    store = redis_ledgers.open()
    store.enqueue(arrival())
    (taken,) = store.take_due()
    store.finish(taken.claimed.claim, SUCCEEDED)
    with redis_ledgers.server.client() as client:
        assert 0 == client.zcard(DUE)
