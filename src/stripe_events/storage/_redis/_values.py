"""
Records as text, so that a script can compare what it must without reading the rest.

An event is four lines: its revision; the end of its lease; a JSON array that begins with
state, token and claim id; its handlers. What a later version adds to the array is put at
its end, and left out by this one. All that follows the second line stays as it is while
a claim is only extended.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from stripe_events.storage._json import (
    dump_answer,
    dump_handlers,
    load_answer,
    load_handlers,
)
from stripe_events.storage._records import EventRecord, KeyRecord

if TYPE_CHECKING:
    from stripe_events.storage._records import KeyId
    from stripe_events.storage._results import Claim

_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_decode = json.JSONDecoder().raw_decode
_FACTS: Final = (
    "state",
    "token",
    "claim_id",
    "id",
    "type",
    "account",
    "livemode",
    "created",
    "order_key",
    "first_seen",
    "last_seen",
    "due",
    "lane",
    "abandoned",
    "generation",
    "refused",
    "running",
    "answer",
    "out_of_order",
    "erased",
)
"""What the facts of an event are, in their order."""


def revision_line(revision: int) -> bytes:
    """Give what an event or key row of this revision begins with."""
    return b"%d\n" % revision


def value_of(record: EventRecord, revision: int) -> bytes:
    """Give the text of an event, with the revision that it is to have."""
    return f"{revision}\n{record.lease_until!r}\n{rest_of(record)}".encode()


def rest_of(record: EventRecord) -> str:
    """Give all of an event's text that a heartbeat leaves as it is."""
    times = (record.first_seen, record.last_seen, record.due)
    facts = _dumps((*_before_times(record), *times, *_after_times(record)))
    return f"{facts}\n{dump_handlers(record.handlers)}"


def parts_of(record: EventRecord) -> tuple[str, str]:
    """Give that in two parts, without what stands between: seen first, seen last, and due."""
    head, tail = _dumps(_before_times(record)), _dumps(_after_times(record))
    return f"{head[:-1]},", f",{tail[1:]}\n{dump_handlers(record.handlers)}"


def _before_times(record: EventRecord) -> tuple[Any, ...]:
    return (
        record.state,
        record.token,
        record.claim_id,
        record.id,
        record.type,
        record.account,
        record.livemode,
        record.created,
        record.order_key,
    )


def _after_times(record: EventRecord) -> tuple[Any, ...]:
    return (
        record.lane,
        record.abandoned,
        record.generation,
        record.refused,
        record.running,
        None if record.answer is None else dump_answer(record.answer),
        record.out_of_order,
        record.erased,
    )


def fence_of(claim: Claim) -> str:
    """Give what the third line of an event begins with while the claim is valid."""
    return _dumps(("claimed", claim.token, claim.claim_id))[:-1] + ","


def event_of(scope: str, value: bytes) -> EventRecord:
    """Read an event."""
    revision, lease_until, facts, handlers = value.decode().split("\n", 3)
    known = dict(zip(_FACTS, _decode(facts)[0], strict=False))  # a newer version has more
    known["refused"], known["running"] = tuple(known["refused"]), tuple(known["running"])
    known["answer"] = load_answer(known["answer"])
    return EventRecord(
        scope=scope,
        lease_until=float(lease_until),
        handlers=load_handlers(handlers),
        revision=int(revision),
        **known,
    )


def field_of(key: KeyId) -> bytes:
    """Give the field of a key row in its hash."""
    return f"{key.kind}:{key.key}".encode()


def key_value_of(record: KeyRecord, revision: int) -> bytes:
    """Give the text of a key row, with the revision that it is to have."""
    return f"{revision}\n{_dumps((record.holder, record.newest))}".encode()


def key_of(key: KeyId, value: bytes) -> KeyRecord:
    """Read a key row."""
    revision, rest = value.decode().split("\n", 1)
    facts: list[Any] = _decode(rest)[0]
    return KeyRecord(key, facts[0], facts[1], int(revision))
