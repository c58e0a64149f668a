"""Redis Cluster: all of a scope is in one slot, and the stores work on one."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.cluster import RedisCluster
from redis.crc import key_slot

from stripe_events.errors import ConfigurationError
from stripe_events.storage import AsyncRedisStore, Claimed, RedisStore
from stripe_events.storage._redis._layout import keys_of
from stripe_events.testing._contract.driven import Driver
from stripe_events.testing._contract.making import arrival
from tests.stores.redis_ledgers import SUCCEEDED, Opened, broken_rules
from tests.stores.redis_server import RedisServer
from tests.stores.watches import watching

if TYPE_CHECKING:
    from collections.abc import Iterator

SCOPES = ("default", "", "{", "}", "a}b", "{}", "a{b}c", "ü", "a:b", "}:events", "x" * 500)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("prefix", ["stripe_events", "my:app"])
def test_all_keys_of_a_scope_are_in_one_slot(prefix: str, scope: str) -> None:
    """Whatever the scope is called; else a cluster refuses the scripts."""
    assert 1 == len({key_slot(key) for key in keys_of(prefix, scope)})


def test_scopes_and_prefixes_share_no_key() -> None:
    """However they are called."""
    keys = [key for prefix in ("a", "a:b") for scope in SCOPES for key in keys_of(prefix, scope)]
    assert len(keys) == len(set(keys))


def test_scopes_are_spread_over_the_slots() -> None:
    """A cluster is of use for those who have many."""
    slots = {key_slot(keys_of("stripe_events", f"tenant_{n}").events) for n in range(100)}
    assert 90 < len(slots)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Start a cluster of one server, which refuses what would not do on several."""
    with closing(socket.create_server(("127.0.0.1", 0))) as one:
        port: int = one.getsockname()[1]
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        bus = other.getsockname()[1]
    server = RedisServer(
        port=str(port), bind="127.0.0.1", cluster_enabled="yes", cluster_port=str(bus)
    )
    server.start()
    with server.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO", NEVER_DECODE=1):
            pass
        yield port
        assert {} == broken_rules(client)
    server.delete()


def play(store: Opened) -> None:
    """Do what touches every key."""
    came = [arrival(f"evt_{n}", order_key="cus_1") for n in range(2)]
    first = store.accept(came[0])
    assert isinstance(first, Claimed)
    store.enqueue(came[1])
    assert [] == store.extend([first.claim])
    assert "done" == store.finish(first.claim, SUCCEEDED).state
    (taken,) = store.take_due()
    assert "done" == store.finish(taken.claimed.claim, SUCCEEDED).state
    assert ["evt_0", "evt_1"] == [record.id for record in store.list()]


@pytest.mark.parametrize("kind", ["client", "function"])
def test_a_store_works_on_a_cluster(port: int, kind: str) -> None:
    """By a client of the user's, or one that a function makes."""
    cluster = RedisCluster(host="127.0.0.1", port=port)
    cluster.flushall()
    driver = Driver()
    store = RedisStore(cluster if kind == "client" else lambda: cluster)
    play(Opened(store, driver))
    store.close()
    cluster.close()
    driver.close()


def test_an_async_store_works_on_a_cluster(port: int) -> None:
    """By a function, for each event loop needs a client of its own."""
    with closing(RedisCluster(host="127.0.0.1", port=port)) as cluster:
        cluster.flushall()
    driver = Driver()
    opened = Opened(AsyncRedisStore(lambda: AsyncRedisCluster(host="127.0.0.1", port=port)), driver)
    play(opened)
    opened.close()
    driver.close()


@pytest.mark.parametrize("kind", ["client", "function", "async"])
def test_a_watch_listens_to_any_server_of_a_cluster(port: int, kind: str) -> None:
    """By a connection of its own, to a server that the client has found."""
    with closing(RedisCluster(host="127.0.0.1", port=port)) as cluster:
        store: Any = RedisStore(cluster if kind == "client" else lambda: cluster)
        listening = store
        if kind == "async":
            listening = AsyncRedisStore(lambda: AsyncRedisCluster(host="127.0.0.1", port=port))
        with watching(listening) as watch:
            watch.lives()
            watch.is_woken_by(lambda: store.enqueue(arrival(f"evt_{kind}")))
        store.close()


def test_a_setting_is_looked_at_on_all_servers_of_a_cluster(port: int) -> None:
    """Whichever of them has the scope."""
    with closing(RedisCluster(host="127.0.0.1", port=port)) as cluster:
        set_on: Any = cluster.config_set
        set_on("appendfsync", "everysec")
        try:
            with pytest.raises(ConfigurationError, match="appendfsync is everysec"):
                RedisStore(cluster).list("default")
        finally:
            set_on("appendfsync", "always")


def test_an_async_cluster_itself_is_refused(port: int) -> None:
    """It belongs to one event loop, and the heartbeat has another one."""
    driver = Driver()

    async def opened() -> None:
        cluster: Any = AsyncRedisCluster(host="127.0.0.1", port=port)
        with pytest.raises(ConfigurationError, match="or a function that makes one or a cluster's"):
            AsyncRedisStore(cluster)

    driver.done(opened())
    driver.close()
