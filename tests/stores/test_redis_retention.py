"""What the Redis stores keep, and let go of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events.storage import Query
from stripe_events.storage._redis._commands import AT_LEAST, AT_ONCE
from stripe_events.storage._redis._layout import keys_of
from stripe_events.testing._contract.making import arrival
from tests.stores.redis_ledgers import SUCCEEDED, advance

if TYPE_CHECKING:
    from tests.stores.redis_ledgers import RedisLedgers

MONTHS = 40 * 86_400
KEYS = keys_of("stripe_events", "default")


def test_nothing_expires_by_itself(redis_ledgers: RedisLedgers) -> None:
    """A ledger forgets when it is told to."""
    store = redis_ledgers.open()
    store.finish(store.claim("evt_1"), SUCCEEDED)
    store.enqueue(arrival("evt_2", order_key="cus_1"))
    with redis_ledgers.server.client() as client:
        assert set(KEYS) == set(client.scan_iter())
        assert [-1] * len(KEYS) == [client.ttl(key) for key in KEYS]


def test_what_is_forgotten_leaves_nothing_but_the_watermark(redis_ledgers: RedisLedgers) -> None:
    """Memory is what Redis is short of."""
    store = redis_ledgers.open()
    for number in range(3):
        store.finish(store.claim(f"evt_{number}"), SUCCEEDED)
    with redis_ledgers.server.client() as client:
        advance(client, MONTHS)
        assert 3 == store.forget()
        assert [KEYS.keys] == list(client.scan_iter())
        assert [b"forgotten:"] == client.hkeys(KEYS.keys)


def test_what_is_erased_is_gone_from_the_server(redis_ledgers: RedisLedgers) -> None:
    """The payload, not only the sight of it."""
    store = redis_ledgers.open()
    store.finish(store.claim(), SUCCEEDED)
    assert 1 == store.erase(Query())
    with redis_ledgers.server.client() as client:
        assert 0 == client.exists(KEYS.payloads)


def test_long_lists_come_in_order_whatever_their_states(redis_ledgers: RedisLedgers) -> None:
    """Events of all states are found in several places, and given as one list."""
    store = redis_ledgers.open()
    for number in range(30):
        event_id = f"evt_{number:02}"
        if number % 3 == 0:
            store.enqueue(arrival(event_id))
        elif number % 3 == 1:
            store.claim(event_id)
        else:
            store.finish(store.claim(event_id), SUCCEEDED)
    whole = [record.id for record in store.list()]
    assert [f"evt_{number:02}" for number in range(30)] == whole
    paged: list[str] = []
    after = None
    while page := store.list(Query(states=("pending", "done")), limit=3, after=after):
        paged += (record.id for record in page)
        after = (page[-1].first_seen, page[-1].id)
    assert [name for number, name in enumerate(whole) if number % 3 != 1] == paged


def test_what_is_meant_is_found_behind_much_that_is_not(redis_ledgers: RedisLedgers) -> None:
    """A list reads on until it has as many as were asked for."""
    store = redis_ledgers.open()
    for number in range(AT_LEAST):
        store.enqueue(arrival(f"evt_{number:03}"))
    for number in range(2):
        store.enqueue(arrival(f"evt_b{number}", "b"))
    query = Query(handler="b")
    assert ["evt_b0"] == [record.id for record in store.list(query, limit=1)]
    assert ["evt_b0", "evt_b1"] == [record.id for record in store.list(query, limit=AT_ONCE * 2)]


@pytest.mark.parametrize("number", [3, AT_ONCE + 3])
def test_what_is_overdue_is_found_be_it_little_or_much(
    redis_ledgers: RedisLedgers, number: int
) -> None:
    """Little by its due time; much as any list."""
    store = redis_ledgers.open()
    late = [f"evt_{one:04}" for one in range(number)]
    for event_id in late:
        store.enqueue(arrival(event_id))
    with redis_ledgers.server.client() as client:
        advance(client, 1000)
    store.enqueue(arrival("evt_new"))
    store.claim("evt_held")
    query = Query(overdue=500)
    found = store.list(query, limit=2)
    assert late[:2] == [record.id for record in found]
    after = (found[-1].first_seen, found[-1].id)
    assert late[2:] == [record.id for record in store.list(query, limit=number, after=after)]
    assert [] == store.list(query._replace(states=("claimed",)))
