"""What the Redis stores refuse to run on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from stripe_events.errors import ConfigurationError
from stripe_events.storage import RedisStore
from tests.stores.redis_ledgers import RedisLedgers
from tests.stores.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

MAXMEMORY = str(1024**3)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """Start a server whose settings these tests change."""
    server = RedisServer()
    server.start()
    yield server
    server.delete()


@pytest.fixture(params=["sync", "async"])
def ledgers(request: pytest.FixtureRequest, server: RedisServer) -> Iterator[RedisLedgers]:
    """Give what opens stores on it; its settings are good ones, before and after."""
    opened = RedisLedgers(request.param, server)
    with server.client() as client:
        yield opened
        opened.close()
        client.replicaof("NO", "ONE")
        client.acl_deluser("app")
        client.flushall()
        for name, value in (
            ("appendonly", "yes"),
            ("appendfsync", "always"),
            ("maxmemory", "0"),
            ("maxmemory-policy", "noeviction"),
        ):
            client.config_set(name, value)


def settings(server: RedisServer, **values: str) -> None:
    """Change settings of the server."""
    with server.client() as client:
        for name, value in values.items():
            client.config_set(name.replace("_", "-"), value)


def limited_url(server: RedisServer, *rules: str) -> str:
    """Give a URL for a user who may not do everything."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "app", "on", "nopass", "~*", "+@all", *rules)
    return server.url.replace("unix://", "unix://app:any@")


def test_a_server_without_a_log_is_refused(ledgers: RedisLedgers) -> None:
    """What was acknowledged would be gone with the server."""
    settings(ledgers.server, appendonly="no")
    with pytest.raises(ConfigurationError, match=r"appendonly is no: .*Set it to yes, or accept"):
        ledgers.open().claim()


def test_a_log_that_does_not_wait_for_the_disk_is_refused(ledgers: RedisLedgers) -> None:
    """The last moments would be gone with the server's machine; it is how Redis comes."""
    settings(ledgers.server, appendfsync="everysec")
    with pytest.raises(ConfigurationError, match='accept_loss=\\("appendfsync",\\)'):
        ledgers.open().claim()


def test_eviction_is_refused(ledgers: RedisLedgers) -> None:
    """A full server would throw away a whole ledger, for it is a handful of keys."""
    settings(ledgers.server, maxmemory=MAXMEMORY, maxmemory_policy="allkeys-lru")
    with pytest.raises(ConfigurationError, match="maxmemory-policy is allkeys-lru"):
        ledgers.open().claim()


@pytest.mark.parametrize(
    ("maxmemory", "policy"), [("0", "allkeys-lru"), (MAXMEMORY, "volatile-lru")]
)
def test_policies_that_evict_nothing_of_ours_are_taken(
    ledgers: RedisLedgers, maxmemory: str, policy: str
) -> None:
    """Without a limit nothing is evicted, and keys that never expire are not volatile."""
    settings(ledgers.server, maxmemory=maxmemory, maxmemory_policy=policy)
    assert 1 == ledgers.open().claim().token


def test_losses_may_be_accepted_by_name(ledgers: RedisLedgers) -> None:
    """Whoever says so has it, and nothing besides."""
    settings(ledgers.server, appendonly="no", maxmemory=MAXMEMORY, maxmemory_policy="allkeys-lfu")
    store = ledgers.open(accept_loss=("appendonly", "maxmemory-policy"))
    assert 1 == store.claim().token
    with pytest.raises(ConfigurationError, match="maxmemory-policy"):
        ledgers.open(accept_loss=("appendonly",)).claim()


def test_a_replica_is_refused(ledgers: RedisLedgers) -> None:
    """Nothing could be recorded; no loss that is accepted changes that."""
    with ledgers.server.client() as client:
        client.replicaof("127.0.0.1", 1)
    store = ledgers.open(accept_loss=("appendonly", "appendfsync", "maxmemory-policy"))
    with pytest.raises(ConfigurationError, match="replica: give the store the primary"):
        store.claim()


def test_a_refusal_is_not_the_last_word(ledgers: RedisLedgers) -> None:
    """The server is looked at again until it does, and then no more."""
    settings(ledgers.server, appendonly="no")
    store = ledgers.open()
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            store.claim()
    settings(ledgers.server, appendonly="yes")
    assert 1 == store.claim().token
    settings(ledgers.server, appendonly="no")
    assert "claimed" == store.state()


def test_where_config_is_forbidden_info_tells(
    ledgers: RedisLedgers, caplog: pytest.LogCaptureFixture
) -> None:
    """As on managed servers; what INFO does not tell is logged, once."""
    url = limited_url(ledgers.server, "-config")
    settings(ledgers.server, appendonly="no")
    with pytest.raises(ConfigurationError, match="appendonly is no"):
        ledgers.open(url).claim()
    settings(ledgers.server, appendonly="yes", maxmemory=MAXMEMORY, maxmemory_policy="allkeys-lru")
    with pytest.raises(ConfigurationError, match="maxmemory-policy"):
        ledgers.open(url).claim()
    settings(ledgers.server, maxmemory="0")
    store = ledgers.open(url)
    assert 1 == store.claim().token
    assert "claimed" == store.state()
    (record,) = caplog.records
    assert (logging.WARNING, "stripe_events") == (record.levelno, record.name)
    assert "does not tell what appendfsync is set to" in record.getMessage()


def test_a_server_that_tells_nothing_is_warned_of(
    ledgers: RedisLedgers, caplog: pytest.LogCaptureFixture
) -> None:
    """Unless the user has said that all of it is known."""
    url = limited_url(ledgers.server, "-config", "-info")
    assert 1 == ledgers.open(url).claim().token
    (record,) = caplog.records
    assert "appendonly, appendfsync, maxmemory-policy" in record.getMessage()
    caplog.clear()
    known = ledgers.open(url, accept_loss=("appendonly", "appendfsync", "maxmemory-policy"))
    assert "claimed" == known.state()
    assert [] == caplog.records


def test_losses_that_do_not_exist_are_refused() -> None:
    """A slip of the pen accepts nothing."""
    with pytest.raises(ConfigurationError, match=r"appendfsync.*not appendfsink"):
        RedisStore("redis://localhost", accept_loss=("appendfsink",))  # type: ignore[arg-type]
