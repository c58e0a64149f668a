"""What lies in a Redis ledger, for tests that look at it or move its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.storage._redis._commands import _due
from stripe_events.storage._redis._layout import keys_of, members
from stripe_events.storage._redis._values import event_of, value_of

if TYPE_CHECKING:
    import redis

    from stripe_events.storage import EventRecord


def advance(client: redis.Redis, seconds: float, *scopes: str) -> None:
    """Let all that is recorded be so much older."""
    for scope in scopes:
        keys = keys_of("stripe_events", scope)
        for name, value in client.hgetall(keys.events).items():
            old = event_of(scope, value)
            new = _older(old, seconds)
            client.hset(keys.events, name, value_of(new, new.revision))
            client.zrem(keys.places, *members(old))
            client.zadd(keys.places, dict.fromkeys(members(new), 0))
            since = _due(new)
            if since:
                client.zadd(keys.due, {name: float(since)})


def _older(record: EventRecord, seconds: float) -> EventRecord:
    return record._replace(
        first_seen=record.first_seen - seconds,
        last_seen=record.last_seen - seconds,
        due=None if record.due is None else record.due - seconds,
        lease_until=record.lease_until - seconds,
    )


def broken_rules(client: redis.Redis, scope: str) -> list[str]:
    """Say where the due set, the index and the payloads do not fit the events."""
    keys = keys_of("stripe_events", scope)
    events = [event_of(scope, value) for value in client.hgetall(keys.events).values()]
    due = {record.id.encode(): float(since) for record in events if (since := _due(record))}
    index = {member for record in events for member in members(record)}
    whole = {record.id.encode() for record in events if not record.erased}
    found = {
        "due": dict(client.zrange(keys.due, 0, -1, withscores=True)) == due,
        "index": set(client.zrange(keys.places, 0, -1)) == index,
        "payloads": set(client.hkeys(keys.payloads)) == whole,
    }
    return [name for name, fits in found.items() if not fits]
