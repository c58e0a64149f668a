"""Watches over Redis: whatever becomes of the connection, they come back by themselves."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis import asyncio as aio
from redis.asyncio.sentinel import Sentinel as AsyncSentinel

from stripe_events.storage import AsyncRedisStore, Enqueued, RedisStore, _watching
from stripe_events.testing._contract.making import arrival
from tests.stores.redis_ledgers import RedisLedgers
from tests.stores.redis_server import RedisServer
from tests.stores.sqlite_files import end_of, in_child
from tests.stores.watches import until, watching

if TYPE_CHECKING:
    from collections.abc import Iterator

CHANNEL = "stripe_events{:default}:wake"


@pytest.fixture
def curious(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for signs of life at once."""
    monkeypatch.setattr(_watching, "QUIET", 0.05)


@pytest.fixture
def hasty(curious: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon, and try again soon."""
    monkeypatch.setattr(_watching, "ANSWERS_WITHIN", 0.3)
    monkeypatch.setattr(_watching, "DEAF_PAUSE", 0.05)


@pytest.fixture
def own(redis_ledgers: RedisLedgers) -> Iterator[RedisLedgers]:
    """Give ledgers on a server that may be frozen."""
    server = RedisServer()
    server.start()
    opened = RedisLedgers(redis_ledgers.kind, server)
    yield opened
    opened.close()
    server.delete()


def test_a_watch_outlives_its_server(redis_ledgers: RedisLedgers) -> None:
    """After a crash it is live again, and calls for what may have been missed."""
    store = redis_ledgers.open()
    with watching(store.store) as watch:
        watch.lives()
        redis_ledgers.server.kill()
        watch.dies()
        watch.quiet()
        redis_ledgers.server.start()
        watch.lives()
        watch.is_woken_by(lambda: store.enqueue(arrival("evt_after")))


@pytest.mark.usefixtures("hasty")
def test_a_server_that_says_nothing_is_noticed(own: RedisLedgers) -> None:
    """The socket stays open, and no byte comes."""
    store = own.open(timeout=0.3)
    with watching(store.store) as watch:
        watch.lives()
        own.server.freeze()
        watch.dies()
        own.server.thaw()
        watch.lives()
        watch.is_woken_by(lambda: store.enqueue(arrival("evt_after")))


@pytest.mark.usefixtures("curious")
def test_a_quiet_line_stays(redis_ledgers: RedisLedgers) -> None:
    """Whoever answers is asked again and again, on the same connection."""
    store = redis_ledgers.open()
    with watching(store.store) as watch, redis_ledgers.server.client() as client:
        watch.lives()
        before = subscribers(client)
        pings = commands(client, "ping")
        until(lambda: commands(client, "ping") > pings + 3, "nobody asks")
        assert watch.watch.is_live
        assert before == subscribers(client)


def subscribers(client: redis.Redis) -> list[str]:
    """Give the ids of those who subscribe."""
    return [one["id"] for one in client.client_list(_type="pubsub")]


def commands(client: redis.Redis, name: str) -> int:
    """Tell how often a command was called."""
    calls: int = client.info("commandstats").get(f"cmdstat_{name}", {"calls": 0})["calls"]
    return calls


@pytest.mark.parametrize("kind", ["client", "function"])
def test_a_client_of_the_users_shows_where_to_listen(
    redis_ledgers: RedisLedgers, kind: str
) -> None:
    """The watch has a connection like its, by the older protocol, and none of its own ones."""
    socket = str(redis_ledgers.server.socket)

    def make() -> Any:
        cls: Any = redis.Redis if redis_ledgers.kind == "sync" else aio.Redis
        return cls(unix_socket_path=socket, socket_timeout=5, decode_responses=True, protocol=3)

    client = make()
    store = redis_ledgers.open(client if kind == "client" else make)
    with watching(store.store) as watch:
        watch.lives()
        watch.is_woken_by(lambda: store.enqueue(arrival("evt_1")))
    redis_ledgers.driver.done(client.close() if redis_ledgers.kind == "sync" else client.aclose())


def test_who_may_not_publish_can_enqueue(
    redis_ledgers: RedisLedgers, caplog: pytest.LogCaptureFixture
) -> None:
    """A user without the channel has no watch, and loses nothing else; it is logged once."""
    with redis_ledgers.server.client() as client:
        client.acl_setuser(
            "deaf",
            enabled=True,
            passwords="+word",
            keys="*",
            categories=["+@all"],
            reset_channels=True,
        )
    store = redis_ledgers.open(f"unix://deaf:word@{redis_ledgers.server.socket}")
    with watching(store.store) as watch, caplog.at_level(logging.INFO, "stripe_events"):
        assert isinstance(store.enqueue(arrival("evt_1")), Enqueued)
        assert ["evt_1"] == [one.claimed.record.id for one in store.take_due()]
        until(lambda: caplog.records, "nobody is told")
        assert not watch.watch.is_live
    (record,) = caplog.records
    assert "workers poll" in record.getMessage()
    with redis_ledgers.server.client() as client:
        client.acl_deluser("deaf")


def test_a_client_without_an_address_shows_no_way(caplog: pytest.LogCaptureFixture) -> None:
    """An async client of Sentinel's asks for it in its own loop; no other server will do."""
    client: Any = AsyncSentinel([("127.0.0.1", 1)]).master_for("shop", socket_timeout=5)
    store = AsyncRedisStore(client)
    with watching(store) as watch:
        until(lambda: caplog.records, "nobody is told")
        assert not watch.watch.is_live
    assert "does not tell to which server" in caplog.text


def test_many_events_are_few_messages(redis_ledgers: RedisLedgers) -> None:
    """One for a hundredth of a second at most, for each process that enqueues."""
    store = redis_ledgers.open()
    with redis_ledgers.server.client() as client, client.pubsub() as heard:
        heard.subscribe(CHANNEL)
        assert "subscribe" == heard.get_message(timeout=5)["type"]  # type: ignore[index]
        for number in range(100):
            store.enqueue(arrival(f"evt_{number}"))
        client.publish(CHANNEL, "end")
        messages = 0
        while heard.get_message(timeout=5)["data"] != b"end":  # type: ignore[index]
            messages += 1
    assert 1 <= messages < 100


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_child_has_no_watch_of_its_parents(redis_server: RedisServer) -> None:
    """It is closed there, at no cost for the parent's connection."""
    store = RedisStore(redis_server.url)
    with watching(store) as watch, redis_server.client() as client:
        watch.lives()
        before = subscribers(client)

        def child() -> None:
            assert not watch.watch.is_live
            watch.watch.close()
            with watching(store) as own:
                own.lives()

        assert 0 == end_of(in_child(child))
        watch.is_woken_by(lambda: store.enqueue(arrival("evt_after_fork")))
        assert before == subscribers(client)
    store.close()
