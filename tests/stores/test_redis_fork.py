"""Redis stores in the children of a fork, and in many processes at once."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import redis

from stripe_events.storage import AsyncRedisStore, Claimed, RedisStore
from stripe_events.testing._contract.making import arrival, code, new_claim_id
from tests.stores.redis_ledgers import SUCCEEDED, broken_rules
from tests.stores.sqlite_files import end_of, in_child

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stores.redis_server import RedisServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

PROCESSES = 6
EVENTS = 120


@pytest.fixture
def server(redis_server: RedisServer) -> RedisServer:
    """Give a server that is empty."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server


def settle(store: RedisStore, event_id: str) -> None:
    """Record and settle an event."""
    claimed = store.accept(arrival(event_id), 60.0)
    assert isinstance(claimed, Claimed)
    assert [] == store.extend([claimed.claim], 60.0)
    assert "done" == store.finish(claimed.claim, SUCCEEDED).state


def connected(server: RedisServer) -> set[int]:
    """Give the ids of all connections but this one."""
    with server.client() as client:
        own = client.client_id()
        return {int(one["id"]) for one in client.client_list()} - {own}


@pytest.mark.parametrize("kind", ["url", "function", "client"])
def test_a_child_connects_by_itself(server: RedisServer, kind: str) -> None:
    """Parent and child go on side by side, whatever the parent had opened."""

    def client() -> redis.Redis:
        return redis.Redis(unix_socket_path=str(server.socket), socket_timeout=5)

    lent = client()
    source: Any = {"url": server.url, "function": client, "client": lent}[kind]
    store = RedisStore(source)
    settle(store, "evt_before")
    before = connected(server)
    assert 0 == end_of(in_child(lambda: settle(store, "evt_child")))
    settle(store, "evt_after")
    assert before == connected(server)
    store.close()
    lent.close()


def test_closing_in_the_child_leaves_the_parents_connections(server: RedisServer) -> None:
    """A child that ends in good order says goodbye for itself only."""
    store = RedisStore(server.url)
    settle(store, "evt_before")
    before = connected(server)
    assert 0 == end_of(in_child(store.close))
    settle(store, "evt_after")
    assert before == connected(server)
    store.close()


def test_an_async_store_begins_anew_in_a_child(server: RedisServer) -> None:
    """In an event loop of the child's own."""
    store = AsyncRedisStore(server.url)

    async def settled(event_id: str) -> None:
        claimed = await store.accept(arrival(event_id), 60.0)
        assert isinstance(claimed, Claimed)
        assert "done" == (await store.finish(claimed.claim, SUCCEEDED)).state

    with asyncio.Runner() as runner:
        runner.run(settled("evt_parent"))
        assert 0 == end_of(in_child(lambda: asyncio.run(settled("evt_child"))))
        runner.run(settled("evt_after"))
        runner.run(store.close())


def _deliver_and_work(server: RedisServer, effects: Path) -> None:
    """Deliver everything, as every other process does too, and work off what is due."""
    store = RedisStore(server.url)
    for number in range(EVENTS):
        store.enqueue(arrival(f"evt_{number}"))
    # What another process has set aside, it claims: nobody dies here.
    while taken := store.take_due("default", code("a"), new_claim_id(), 60.0, 7):
        for one in taken:
            with effects.open("a") as file:
                file.write(f"{one.claimed.claim.id}\n")
            store.finish(one.claimed.claim, SUCCEEDED)


def test_many_processes_do_each_event_once(server: RedisServer, tmp_path: Path) -> None:
    """All of them deliver all events, and take what is due at the same time."""
    effects = tmp_path / "effects"
    children = [in_child(lambda: _deliver_and_work(server, effects)) for _ in range(PROCESSES)]
    assert [0] * PROCESSES == [end_of(child) for child in children]
    once = Counter(f"evt_{number}" for number in range(EVENTS))
    assert once == Counter(effects.read_text().split())
    with server.client() as client:
        assert {} == broken_rules(client)


def _deliver_inline(server: RedisServer, effects: Path) -> None:
    """Deliver each event until it is settled, whoever settles it."""
    store = RedisStore(server.url)
    left = [f"evt_{number}" for number in range(20)]
    while left:
        event_id = left.pop(0)
        accepted = store.accept(arrival(event_id, order_key="cus_1"), 60.0)
        if isinstance(accepted, Claimed):
            with effects.open("a") as file:
                file.write(f"{event_id}\n")
            store.finish(accepted.claim, SUCCEEDED)
        elif not hasattr(accepted, "state"):
            left.append(event_id)


def test_deliveries_of_one_object_race_for_its_key(server: RedisServer, tmp_path: Path) -> None:
    """At the end the key is free, and each event was run once."""
    effects = tmp_path / "effects"
    children = [in_child(lambda: _deliver_inline(server, effects)) for _ in range(PROCESSES)]
    assert [0] * PROCESSES == [end_of(child) for child in children]
    assert Counter(f"evt_{number}" for number in range(20)) == Counter(effects.read_text().split())
    with server.client() as client:
        assert {} == broken_rules(client)
