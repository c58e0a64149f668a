"""How often the Redis stores go to the server."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stripe_events.storage import Finished
from stripe_events.testing._contract.making import arrival, succeeded
from tests.stores.redis_ledgers import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Generator

    import redis

    from tests.stores.redis_ledgers import RedisLedgers


@contextmanager
def trips(client: redis.Redis, number: int) -> Generator[None, None, None]:
    """Insist on how many commands the server gets while the block lasts."""
    client.config_resetstat()
    yield
    stats: dict[str, Any] = client.info("commandstats")
    asked = ("cmdstat_evalsha", "cmdstat_eval")
    assert number == sum(stats[name]["calls"] for name in asked if name in stats)


def test_a_delivery_of_one_handler_is_two_trips(redis_ledgers: RedisLedgers) -> None:
    """Record and claim; settle."""
    store = redis_ledgers.open()
    store.finish(store.claim("evt_first"), SUCCEEDED)  # the server knows the scripts now
    with redis_ledgers.server.client() as client:
        with trips(client, 1):
            claim = store.claim()
        with trips(client, 1):
            assert Finished("done") == store.finish(claim, SUCCEEDED)


def test_results_of_many_handlers_are_a_trip_each(redis_ledgers: RedisLedgers) -> None:
    """Heartbeats between them do not matter."""
    store = redis_ledgers.open()
    store.finish(store.claim("evt_first"), SUCCEEDED)
    names = ("a", "b", "c")
    claim = store.claim("evt_1", *names)
    with redis_ledgers.server.client() as client:
        for name in names:
            assert [] == store.extend([claim])
            with trips(client, 1):
                store.finish(claim, succeeded(name))
    assert "done" == store.state()


def test_the_inbox_is_a_trip_to_record_one_to_settle_and_two_a_batch(
    redis_ledgers: RedisLedgers,
) -> None:
    """And one for the payloads of a batch, which no script is needed for."""
    store = redis_ledgers.open()
    store.enqueue(arrival("evt_first"))
    store.finish(store.take_due()[0].claimed.claim, SUCCEEDED)
    with redis_ledgers.server.client() as client:
        with trips(client, 10):
            for number in range(10):
                store.enqueue(arrival(f"evt_{number}"))
        with trips(client, 2):
            taken = store.take_due()
        with trips(client, 10):
            for one in taken:
                assert Finished("done") == store.finish(one.claimed.claim, SUCCEEDED)


def test_an_idle_worker_asks_once(redis_ledgers: RedisLedgers) -> None:
    """Whether there is something due; that writes nothing."""
    store = redis_ledgers.open()
    store.claim()
    assert [] == store.take_due()
    with redis_ledgers.server.client() as client, trips(client, 1):
        assert [] == store.take_due()
