"""Ledgers in the Redis of the tests, by either store, and what lies in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.storage import AsyncRedisStore, RedisStore
from stripe_events.storage._redis._commands import _due
from stripe_events.storage._redis._layout import keys_of, members
from stripe_events.storage._redis._values import event_of, value_of
from stripe_events.testing._contract.driven import Driver, Verbs
from stripe_events.testing._contract.making import arrival, succeeded

if TYPE_CHECKING:
    import redis

    from stripe_events.storage import Claim, Claimed, EventRecord
    from tests.stores.redis_server import RedisServer

SUCCEEDED = succeeded("a")


class Opened(Verbs):
    """A store with its verbs, and what these tests do with it besides."""

    def close(self) -> None:
        """See ``RedisStore.close``."""
        self.driver.done(self.store.close())

    def claim(self, event_id: str = "evt_1", *names: str, **members: Any) -> Claim:
        """Deliver an event, and give its claim."""
        claimed: Claimed = self.accept(arrival(event_id, *names, **members))  # type: ignore[assignment]
        return claimed.claim

    def state(self, event_id: str = "evt_1") -> str | None:
        """Give the state of an event; None if it is absent."""
        stored = self.get(event_id)
        return None if stored is None else stored.record.state


class RedisLedgers:
    """Stores of one kind on one server; all that were opened are closed in the end."""

    def __init__(self, kind: str, server: RedisServer) -> None:
        """Open nothing yet."""
        self.kind = kind
        self.server = server
        self.driver = Driver()
        self._opened: list[Opened] = []

    def open(self, source: Any = None, **options: Any) -> Opened:
        """Open a store, by default on the URL of the server."""
        cls: Any = RedisStore if self.kind == "sync" else AsyncRedisStore
        opened = Opened(cls(source or self.server.url, **options), self.driver)
        self._opened.append(opened)
        return opened

    def close(self) -> None:
        """Close what was opened, and end the event loops."""
        for opened in self._opened:
            opened.close()
        self.driver.close()


def scopes_in(client: redis.Redis) -> set[str]:
    """Name the scopes of which there is something."""
    return {key.decode().split("{:")[1].rpartition("}")[0] for key in client.scan_iter()}


def advance(client: redis.Redis, seconds: float) -> None:
    """Let all that is recorded be so much older."""
    for scope in scopes_in(client):
        keys = keys_of("stripe_events", scope)
        for name, value in client.hgetall(keys.events).items():
            old = event_of(scope, value)
            new = _older(old, seconds)
            client.hset(keys.events, name, value_of(new, new.revision))
            client.zrem(keys.places, *members(old))
            client.zadd(keys.places, dict.fromkeys(members(new), 0))
            if since := _due(new):
                client.zadd(keys.due, {name: float(since)})


def _older(record: EventRecord, seconds: float) -> EventRecord:
    return record._replace(
        first_seen=record.first_seen - seconds,
        last_seen=record.last_seen - seconds,
        due=None if record.due is None else record.due - seconds,
        lease_until=record.lease_until - seconds,
    )


def broken_rules(client: redis.Redis) -> dict[str, Any]:
    """Say what lies beside the events and does not fit them: what is found, and what should be."""
    broken: dict[str, Any] = {}
    for scope in scopes_in(client):
        keys = keys_of("stripe_events", scope)
        events = [event_of(scope, value) for value in client.hgetall(keys.events).values()]
        due = {one.id.encode(): float(since) for one in events if (since := _due(one))}
        places = {member for one in events for member in members(one)}
        whole = {one.id.encode() for one in events if not one.erased}
        for name, found, wanted in (
            ("due", dict(client.zrange(keys.due, 0, -1, withscores=True)), due),
            ("places", set(client.zrange(keys.places, 0, -1)), places),
            ("payloads", set(client.hkeys(keys.payloads)), whole),
        ):
            if found != wanted:
                broken[f"{name} of {scope}"] = (found, wanted)
    return broken
