"""The Redis stores keep the contract, on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events.storage import AsyncRedisStore, RedisStore
from stripe_events.testing import StoreContract
from tests.stores.redis_ledgers import advance, broken_rules

if TYPE_CHECKING:
    from tests.stores.redis_server import RedisServer


class RedisHooks:
    """What is the same for sync and async stores."""

    @pytest.fixture(autouse=True)
    def _server(self, redis_server: RedisServer) -> None:
        self.server = redis_server
        with self.server.client() as client:
            client.flushall()

    def advance(self, store: object, seconds: float) -> None:
        """Let all that is recorded be so much older."""
        with self.server.client() as client:
            advance(client, seconds)

    def close_store(self, store: object) -> object:
        """Let all that lies beside the events fit them, whatever a case has done."""
        with self.server.client() as client:
            assert {} == broken_rules(client)
        return store.close()  # type: ignore[attr-defined]

    def break_database(self, store: object) -> None:
        """Let the server crash."""
        self.server.kill()

    def repair_database(self, store: object) -> None:
        """Start it again."""
        self.server.start()


class TestRedisStore(RedisHooks, StoreContract):
    """All cases; a second handle is another store on the same server."""

    def make_store(self) -> RedisStore:
        """Give a store on an empty server."""
        return RedisStore(self.server.url)

    def another(self, store: object) -> RedisStore:
        """Give a store on the same server."""
        return self.make_store()


class TestAsyncRedisStore(RedisHooks, StoreContract):
    """The same, awaited."""

    def make_store(self) -> AsyncRedisStore:
        """Give a store on an empty server."""
        return AsyncRedisStore(self.server.url)

    def another(self, store: object) -> AsyncRedisStore:
        """Give a store on the same server."""
        return self.make_store()
