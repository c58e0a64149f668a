"""Where Redis stores have their connections from."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis import asyncio as aio

from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage import AsyncRedisStore, Enqueued, RedisStore
from stripe_events.testing._contract.making import arrival
from tests.stores.redis_ledgers import SUCCEEDED

if TYPE_CHECKING:
    from tests.stores.redis_ledgers import RedisLedgers
    from tests.stores.redis_server import RedisServer


def lent(ledgers: RedisLedgers, **options: Any) -> Any:
    """Give a client of the user's, of the kind that the store takes."""
    kind: Any = redis.Redis if ledgers.kind == "sync" else aio.Redis
    socket = str(ledgers.server.socket)
    return kind(unix_socket_path=socket, **{"socket_timeout": 5.0, **options})


def shut(ledgers: RedisLedgers, client: Any) -> None:
    """Close a client of the user's."""
    ledgers.driver.done(client.close() if ledgers.kind == "sync" else client.aclose())


def test_a_client_of_the_users_is_used_and_left_open(redis_ledgers: RedisLedgers) -> None:
    """The store closes what it has opened, and nothing else."""
    client = lent(redis_ledgers)
    store = redis_ledgers.open(client)
    claim = store.claim()
    assert [] == store.extend([claim])
    assert "done" == store.finish(claim, SUCCEEDED).state
    store.close()
    assert redis_ledgers.driver.done(client.ping())
    shut(redis_ledgers, client)


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_client_that_decodes_is_used_too(redis_ledgers: RedisLedgers, protocol: int) -> None:
    """Payloads come as the bytes that they are, in either version of the protocol."""
    client = lent(redis_ledgers, decode_responses=True, protocol=protocol)
    store = redis_ledgers.open(client)
    claim = store.claim()
    stored = store.get()
    assert stored is not None
    assert b'{"id": "evt_1"}' == stored.payload
    assert "done" == store.finish(claim, SUCCEEDED).state
    shut(redis_ledgers, client)


def test_a_client_that_a_function_makes_is_the_stores(redis_ledgers: RedisLedgers) -> None:
    """One for each event loop, and one for all threads; it is made when it is needed."""
    made: list[Any] = []

    def make() -> Any:
        made.append(lent(redis_ledgers))
        return made[-1]

    store = redis_ledgers.open(make)
    assert [] == made
    claim = store.claim()
    assert [] == store.extend([claim])
    assert (1 if redis_ledgers.kind == "sync" else 2) == len(made)


def test_a_client_that_waits_for_ever_is_refused(redis_ledgers: RedisLedgers) -> None:
    """A server that does not answer would hang deliveries."""
    client = lent(redis_ledgers, socket_timeout=None)
    with pytest.raises(ConfigurationError, match="give it a socket_timeout"):
        redis_ledgers.open(client)
    with pytest.raises(ConfigurationError, match="give it a socket_timeout"):
        redis_ledgers.open(lambda: client).claim()


def test_what_is_no_source_is_refused(redis_ledgers: RedisLedgers) -> None:
    """The error says what would be one; a client of the other kind is none."""
    other = redis.Redis() if redis_ledgers.kind == "async" else aio.Redis()
    for source in (other, 6379, object()):
        with pytest.raises(ConfigurationError, match="RedisStore takes a URL, a redis\\."):
            redis_ledgers.open(source)
    with pytest.raises(ConfigurationError, match="this one gave 5"):
        redis_ledgers.open(lambda: 5).claim()
    with pytest.raises(ConfigurationError, match="'http' is no URL of Redis"):
        redis_ledgers.open("http://localhost")


@pytest.mark.parametrize("prefix", ["", "a{b", "a}b"])
def test_prefixes_that_would_part_the_keys_of_a_scope_are_refused(
    redis_ledgers: RedisLedgers, prefix: str
) -> None:
    """Braces are the cluster's."""
    with pytest.raises(ConfigurationError, match="without braces"):
        redis_ledgers.open(prefix=prefix)


def test_prefixes_keep_ledgers_apart(redis_ledgers: RedisLedgers) -> None:
    """Neither sees, or changes, anything of the other."""
    one, other = redis_ledgers.open(prefix="one"), redis_ledgers.open(prefix="one:two")
    one.claim("evt_1")
    assert [] == other.list()
    other.claim("evt_2")
    assert ["evt_1"] == [record.id for record in one.list()]


def test_a_closed_store_says_so(redis_ledgers: RedisLedgers) -> None:
    """It opens nothing any more."""
    for source in (None, lambda: lent(redis_ledgers)):
        store = redis_ledgers.open(source)
        assert [] == store.list()
        store.close()
        with pytest.raises(StoreError, match="the store was closed"):
            store.list()


def test_event_loops_that_have_ended_leave_nothing_behind(redis_server: RedisServer) -> None:
    """As with ``asyncio.run()`` for each task of a queue."""
    store = AsyncRedisStore(redis_server.url)

    async def looked() -> Any:
        given = await store.get("default", "evt_1")
        shelf: Any = store._asked
        for connection in shelf._shelves[asyncio.get_running_loop()].idle:
            await connection.disconnect()
        return given

    for _ in range(3):
        assert asyncio.run(looked()) is None
    assert 1 == len(store._asked._shelves)  # type: ignore[attr-defined]


def test_no_more_connections_than_allowed_are_opened(redis_ledgers: RedisLedgers) -> None:
    """Whoever finds all in use waits for his turn."""
    store = redis_ledgers.open(max_connections=1)
    claims = [store.claim(f"evt_{number}") for number in range(3)]
    assert 3 == len({claim.id for claim in claims})
    with redis_ledgers.server.client() as client:
        ours = len(client.client_list()) - 1
    assert 1 == ours


def test_threads_share_few_connections(redis_server: RedisServer) -> None:
    """Each gets the answers to its own questions."""
    store = RedisStore(redis_server.url, max_connections=2)

    def looked(number: int) -> list[str]:
        store.enqueue(arrival(f"evt_{number}"))
        stored = [store.get("default", f"evt_{number}") for _ in range(10)]
        return [one.record.id for one in stored if one is not None]

    with ThreadPoolExecutor(12) as threads:
        given = list(threads.map(looked, range(12)))
    assert [[f"evt_{number}"] * 10 for number in range(12)] == given
    assert 2 >= len(store._asked._idle)  # type: ignore[attr-defined]
    store.close()


def test_a_verb_that_is_cancelled_leaves_its_answer_to_nobody(redis_server: RedisServer) -> None:
    """Wherever it was, the next one gets its own; what was recorded is recorded."""

    async def cancelled() -> None:
        store = AsyncRedisStore(redis_server.url, max_connections=2)
        for turns in range(12):
            task = asyncio.create_task(store.enqueue(arrival(f"evt_{turns}")))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert await store.get("default", "evt_none") is None
            assert Enqueued() == await store.enqueue(arrival("evt_other"))
        await store.close()

    asyncio.run(cancelled())


def test_sync_stores_know_what_they_are_given() -> None:
    """A URL is looked at before anything is connected to."""
    RedisStore("redis://localhost:1")
    RedisStore("rediss://user:password@localhost:1/2?ssl_cert_reqs=none")
