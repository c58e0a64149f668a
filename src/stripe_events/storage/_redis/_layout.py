"""
Which keys a scope has, and what lies where.

A scope has five keys, whatever it holds. Their names begin with the same text up to the
end of a hash tag, so that they are in one slot of a cluster:

- ``PREFIX{:SCOPE}:events``, a hash: event id to record;
- ``PREFIX{:SCOPE}:payloads``, a hash: event id to payload;
- ``PREFIX{:SCOPE}:keys``, a hash: what several events share;
- ``PREFIX{:SCOPE}:due``, a sorted set: event ids by the time from which anybody may claim;
- ``PREFIX{:SCOPE}:places``, a sorted set whose members all have the score 0, so that it is
  in the order of their bytes: events of each state by (first_seen, id), and parked
  events of each order key by (created, first_seen, id).
"""

from __future__ import annotations

import struct
from json.encoder import encode_basestring_ascii as _quoted
from typing import TYPE_CHECKING, Final, NamedTuple

from stripe_events.errors import ConfigurationError

if TYPE_CHECKING:
    from stripe_events.storage._records import EventRecord

_SIGN: Final = 1 << 63
_ALL: Final = (1 << 64) - 1
TIME_SIZE: Final = 8
"""Bytes of a time in a member of places."""


class Keys(NamedTuple):
    """The names of a scope's keys."""

    events: bytes
    payloads: bytes
    keys: bytes
    due: bytes
    places: bytes


def checked_prefix(prefix: str) -> str:
    """Refuse what would end the hash tag, or begin another one, with a ConfigurationError."""
    if not prefix or "{" in prefix or "}" in prefix:
        raise ConfigurationError(f"prefix needs a text without braces, not {prefix!r}")
    return prefix


def keys_of(prefix: str, scope: str) -> Keys:
    """Name the keys of a scope; the tag is never empty, for that would be none."""
    return Keys(*(f"{prefix}{{:{scope}}}:{name}".encode() for name in Keys._fields))


def channel_of(prefix: str, scope: str) -> bytes:
    """
    Name the channel on which workers of a scope are woken.

    An ordinary one, not one of a shard: it goes on when slots move, whichever server of a
    cluster listens.
    """
    return f"{prefix}{{:{scope}}}:wake".encode()


def state_prefix(state: str) -> bytes:
    """Give what members of places begin with that stand for events of a state."""
    return state.encode() + b"\0"


def order_prefix(order_key: str) -> bytes:
    """Give what members begin with that stand for parked events of a key; none begins another."""
    return b"order\0" + _quoted(order_key).encode()


def position(first_seen: float, event_id: str) -> bytes:
    """Give what sorts as (first_seen, id) does."""
    return time_bytes(first_seen) + event_id.encode()


def place(record: EventRecord) -> bytes:
    """Give the member of places by which an event is found by its state."""
    return state_prefix(record.state) + position(record.first_seen, record.id)


def members(record: EventRecord) -> set[bytes]:
    """Give all members of places that stand for an event."""
    found = {place(record)}
    if record.state == "parked" and record.order_key is not None:
        since = position(record.first_seen, record.id)
        found.add(order_prefix(record.order_key) + time_bytes(record.created) + since)
    return found


def time_bytes(value: float) -> bytes:
    """Give eight bytes that sort as numbers do."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", value))
    return struct.pack(">Q", bits ^ (_ALL if bits & _SIGN else _SIGN))
