"""Redis goes away, comes back, forgets scripts, fills up: nothing is lost, or done twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.errors import StoreError
from stripe_events.storage import Claimed, Enqueued, Finished, Query, RedisStore
from stripe_events.testing._contract.making import NOW, arrival, code, succeeded
from tests.stores.faults.proxy import proxy_to
from tests.stores.redis_ledgers import SUCCEEDED, RedisLedgers, advance, broken_rules
from tests.stores.redis_server import RedisServer

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterator

    from tests.stores.redis_ledgers import Opened

MESSAGES = 8
"""More than any verb needs."""


def test_what_was_acknowledged_survives_a_crash(redis_ledgers: RedisLedgers) -> None:
    """The server dies without a word; claims stay valid, and what was done stays so."""
    store = redis_ledgers.open()
    done, held = store.claim("evt_done"), store.claim("evt_held", "a", "b")
    store.finish(done, SUCCEEDED)
    store.finish(held, SUCCEEDED)
    store.enqueue(arrival("evt_due"))
    redis_ledgers.server.kill()
    redis_ledgers.server.start()
    assert "done" == store.state("evt_done")
    assert "done" == store.finish(held, succeeded("b")).state
    assert ["evt_due"] == [taken.claimed.claim.id for taken in store.take_due()]
    with redis_ledgers.server.client() as client:
        assert {} == broken_rules(client)


def test_every_event_survives_crashes_in_the_midst(redis_ledgers: RedisLedgers) -> None:
    """Each crash comes right after an acknowledgement."""
    store = redis_ledgers.open()
    for number in range(5):
        store.enqueue(arrival(f"evt_{number}"))
        redis_ledgers.server.kill()
        redis_ledgers.server.start()
        assert number + 1 == len(store.list())


def test_a_restart_between_verbs_is_not_noticed(redis_ledgers: RedisLedgers) -> None:
    """The connection that broke is replaced, and the server is told the scripts again."""
    store = redis_ledgers.open()
    claim = store.claim("evt_1", "a", "b")
    for restarted in ("a", "b"):
        redis_ledgers.server.stop()
        redis_ledgers.server.start()
        assert [] == store.extend([claim])
        store.finish(claim, succeeded(restarted))
    assert "done" == store.state()


def test_connections_that_broke_together_are_replaced_together(
    redis_server: RedisServer,
) -> None:
    """Else each of them would cost a verb another try, or another timeout."""
    store = RedisStore(redis_server.url)
    idle: deque[Any] = store._asked._idle  # type: ignore[attr-defined]
    with redis_server.client() as client:
        client.flushall()
    assert [] == store.list("default")
    with redis_server.client() as client, ThreadPoolExecutor(4) as threads:
        client.client_pause(100, all=True)
        assert [[]] * 4 == list(threads.map(store.list, ["default"] * 4))
    assert 1 < len(idle)
    redis_server.stop()
    redis_server.start()
    assert [] == store.list("default")
    assert 1 == len(idle)
    store.close()


def test_a_server_that_forgot_the_scripts_is_told_them(redis_ledgers: RedisLedgers) -> None:
    """As after SCRIPT FLUSH, or in a cluster whose slots have moved."""
    store = redis_ledgers.open()
    with redis_ledgers.server.client() as client:
        client.script_flush()
        claim = store.claim()
        client.script_flush()
        assert [] == store.extend([claim])
        client.script_flush()
        assert "done" == store.finish(claim, SUCCEEDED).state
        client.script_flush()
        assert "done" == store.state()


def test_a_server_that_does_not_answer_hangs_nothing(redis_ledgers: RedisLedgers) -> None:
    """It is given up after the timeout, and works again when it does."""
    store = redis_ledgers.open(timeout=0.2)
    claim = store.claim()
    redis_ledgers.server.freeze()
    try:
        with pytest.raises(StoreError, match="Redis: Timeout"):
            store.finish(claim, SUCCEEDED)
    finally:
        redis_ledgers.server.thaw()
    assert "done" == store.finish(claim, SUCCEEDED).state


def test_a_server_that_is_not_there_is_a_store_error(redis_ledgers: RedisLedgers) -> None:
    """The error says where it was looked for."""
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1"):
        redis_ledgers.open("redis://127.0.0.1:1").claim()


def test_a_wrong_password_is_a_store_error(redis_ledgers: RedisLedgers) -> None:
    """The error names the cure."""
    url = redis_ledgers.server.url.replace("unix://", "unix://nobody:wrong@")
    with pytest.raises(StoreError, match="right user and password"):
        redis_ledgers.open(url).claim()


def test_a_text_that_has_no_utf8_form_is_a_store_error(redis_ledgers: RedisLedgers) -> None:
    """The connection stays usable."""
    store = redis_ledgers.open()
    with pytest.raises(StoreError, match="surrogates not allowed"):
        store.claim(scope="\ud800")
    assert 1 == store.claim("evt_1").token


def _accept(store: Opened, claim: Any) -> Any:
    came = arrival("evt_new", claim_id="mine")
    accepted = store.accept(came)
    assert isinstance(accepted, Claimed)
    return accepted.claim.token


def _take(store: Opened, claim: Any) -> Any:
    return [taken.claimed.claim.token for taken in store.take_due()]


VERBS: dict[str, tuple[Callable[[Opened, Any], Any], Any]] = {
    "accept": (_accept, 1),
    "enqueue": (lambda store, _: store.enqueue(arrival("evt_new")), Enqueued()),
    "take_due": (_take, [1]),
    "extend": (lambda store, claim: store.extend([claim]), []),
    "finish": (lambda store, claim: store.finish(claim, SUCCEEDED), Finished("done")),
    "suspend": (lambda store, claim: store.suspend(claim, NOW), None),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("lost", ["request", "answer"])
@pytest.mark.parametrize("claimed_by", ["this store", "another one"])
def test_a_connection_that_breaks_in_a_verb_is_not_noticed(
    redis_ledgers: RedisLedgers, verb: str, lost: Any, claimed_by: str
) -> None:
    """
    Whether the request was lost or the answer, the verb is done once and says so.

    But for the first answer of take_due, which ``test_redis_due`` is about.
    """
    first = 2 if (verb, lost) == ("take_due", "answer") else 1
    perform, expected = VERBS[verb]
    server = redis_ledgers.server
    with proxy_to(server.socket) as proxy, server.client() as client:
        for number in range(first, MESSAGES):
            client.flushall()
            plain = redis_ledgers.open()
            plain.enqueue(arrival("evt_due"))
            store = redis_ledgers.open(f"redis://127.0.0.1:{proxy.port}")
            assert [] == store.list(Query(ids=("evt_none",)))
            claim = (store if claimed_by == "this store" else plain).claim()
            proxy.break_at(lost, number, stays_down=False)
            assert expected == perform(store, claim)
            assert {} == broken_rules(client)
            store.close()
            if not proxy.has_broken:
                break
        else:
            pytest.fail("no verb has so many messages")


@pytest.fixture
def small_server() -> Iterator[RedisServer]:
    """Start a server whose memory is to be full."""
    server = RedisServer()
    server.start()
    yield server
    server.delete()


def test_a_full_server_writes_nothing_and_lets_go(small_server: RedisServer) -> None:
    """What is recorded stays as it is, and old events can be let go of, which makes room."""
    store = RedisStore(small_server.url)
    for number in range(3):
        claimed = store.accept(arrival(f"evt_{number}"), 60.0)
        assert isinstance(claimed, Claimed)
        store.finish(claimed.claim, SUCCEEDED)
    store.enqueue(arrival("evt_due"))
    with small_server.client() as client:
        advance(client, 40 * 86_400)
        client.config_set("maxmemory", "1")
        for write in (
            lambda: store.accept(arrival("evt_new"), 60.0),
            lambda: store.enqueue(arrival("evt_due")),
            lambda: store.take_due("default", code("a"), "mine", 60.0, 10),
            lambda: store.replay("default", "evt_0"),
        ):
            with pytest.raises(StoreError, match="raise maxmemory, or forget old events"):
                write()
        assert 4 == len(store.list("default"))
        assert {} == broken_rules(client)
        assert 1 == store.erase("default", Query(ids=("evt_0",)))
        assert 3 == store.forget("default")
        assert {} == broken_rules(client)
        client.config_set("maxmemory", "0")
    assert 1 == len(store.take_due("default", code("a"), "mine", 60.0, 10))
    store.close()


def test_a_server_that_became_a_replica_is_a_store_error(small_server: RedisServer) -> None:
    """After a failover; what was claimed goes on when the primary is back."""
    store = RedisStore(small_server.url)
    claimed = store.accept(arrival(), 60.0)
    assert isinstance(claimed, Claimed)
    with small_server.client() as client:
        client.replicaof("127.0.0.1", 1)
        with pytest.raises(StoreError, match="it is a replica: give the store the primary"):
            store.finish(claimed.claim, SUCCEEDED)
        client.replicaof("NO", "ONE")
    assert "done" == store.finish(claimed.claim, SUCCEEDED).state
    store.close()


def test_connections_that_lead_to_what_was_the_primary_are_replaced(
    redis_ledgers: RedisLedgers, small_server: RedisServer
) -> None:
    """As after a failover behind one address: they stay open, and refuse all writes."""
    with proxy_to(small_server.socket) as proxy, small_server.client() as client:
        store = redis_ledgers.open(f"redis://127.0.0.1:{proxy.port}")
        store.claim("evt_before")
        client.replicaof("127.0.0.1", 1)
        proxy._target = str(redis_ledgers.server.socket)
        assert 1 == store.claim("evt_after").token
        store.close()
