"""The verbs of ``LedgerStore``, written once for every database; see ``_verbs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.storage import _keys, _transitions
from stripe_events.storage._operations import (
    Change,
    ReadEvent,
    ReadKeys,
    ReadList,
    ReadPayloads,
    Write,
    WriteEach,
)
from stripe_events.storage._results import Changed, Refused, StoredEvent
from stripe_events.storage._verbs import Verb, write

if TYPE_CHECKING:
    from stripe_events.storage._operations import KeyChange
    from stripe_events.storage._records import EventRecord, State
    from stripe_events.storage._results import Acted, Query
    from stripe_events.storage._table import Verb as VerbName

_ABSENT = Refused("it is not in the ledger")


def get(scope: str, event_id: str) -> Verb[StoredEvent | None]:
    """Give an event with its payload; see ``LedgerStore.get``."""
    _, record = yield ReadEvent(scope, event_id)
    if record is None:
        return None
    (payload,) = yield ReadPayloads(scope, (event_id,))
    return StoredEvent(record, payload)


def list_(
    scope: str, query: Query, limit: int, after: tuple[float, str] | None
) -> Verb[list[EventRecord]]:
    """Give a page of events; see ``LedgerStore.list``."""
    _, records = yield ReadList(scope, query, limit, after)
    page: list[EventRecord] = records
    return page


def retry(scope: str, event_id: str, handlers: tuple[str, ...]) -> Verb[Acted]:
    """Plan dead handlers anew; see ``LedgerStore.retry``."""
    return (yield from _restart("retry", scope, event_id, handlers))


def replay(scope: str, event_id: str, handlers: tuple[str, ...]) -> Verb[Acted]:
    """Plan handlers anew that were done; see ``LedgerStore.replay``."""
    return (yield from _restart("replay", scope, event_id, handlers))


def _restart(verb: VerbName, scope: str, event_id: str, handlers: tuple[str, ...]) -> Verb[Acted]:
    while True:
        now, record = yield ReadEvent(scope, event_id)
        if record is None:
            return _ABSENT
        if record.erased:
            return Refused("its payload was erased")
        keys: tuple[KeyChange, ...] = ()
        held = False
        if record.order_key is not None:
            order = _keys.order_id(scope, record.order_key)
            (key,) = yield ReadKeys((order,))
            held = _keys.is_held(key, event_id)
            keys = (_keys.entered(key, order, event_id),)
        new = _transitions.restarted(verb, record, now, handlers, held=held)
        if new is None:
            return _refused(verb, record, handlers)
        if keys and _keys.is_older(record.created, keys[0].old):
            new = new._replace(out_of_order=True)
        if (yield Write((Change(record, new),), keys)):
            return Changed(new)


def _refused(verb: VerbName, record: EventRecord, handlers: tuple[str, ...]) -> Refused:
    states = "failed or dead" if verb == "retry" else "done or dead"
    if record.state not in states:
        return Refused(f"it is {record.state}: {verb} takes events that are {states}")
    which = f" of {', '.join(handlers)}" if handlers else ""
    return Refused(f"there is nothing to {verb}{which} in its plan")


def drop(scope: str, event_id: str, handler: str) -> Verb[Acted]:
    """Settle a handler without running it; see ``LedgerStore.drop``."""
    while True:
        now, record = yield ReadEvent(scope, event_id)
        if record is None:
            return _ABSENT
        new = _transitions.dropped(record, now, handler)
        if new is None:
            return _not_dropped(record, handler)
        if (yield from write(record, new)):
            return Changed(new)


def _not_dropped(record: EventRecord, name: str) -> Refused:
    if record.state == "claimed":
        return Refused("it is being worked on: try again when its claim is over")
    handler = record.handler(name)
    if handler is None:
        return Refused(f"handler {name} is not in its plan")
    return Refused(f"handler {name} is settled: it {handler.outcome}")


def erase(scope: str, query: Query, limit: int) -> Verb[int]:
    """Let go of payloads; see ``LedgerStore.erase``."""
    states = _among(query.states, ("done", "dead"))
    if not states:
        return 0
    query = query._replace(states=states, erased=False)
    tried: list[EventRecord] = []
    _, records = yield ReadList(scope, query, limit, None)
    while records != tried:  # else none is left, or only what others have locked
        changes = tuple(Change(record, _transitions.erased(record)) for record in records)
        made: int = sum((yield WriteEach(changes)))
        if made:
            return made
        tried = records
        _, records = yield ReadList(scope, query, limit, None)
    return 0


def forget(scope: str, query: Query, limit: int, *, dead: bool) -> Verb[int]:
    """Let go of events; see ``LedgerStore.forget``."""
    states = _among(query.states, ("done", "dead") if dead else ("done",))
    if not states:
        return 0
    mark = _keys.watermark_id(scope)
    while True:
        now, _ = yield ReadEvent(scope, "")
        seen_before = now - _transitions.FORGET_FLOOR
        if query.seen_before is not None:
            seen_before = min(seen_before, query.seen_before)
        old = query._replace(states=states, seen_before=seen_before)
        _, records = yield ReadList(scope, old, limit, None)
        if not records:
            return 0
        (key,) = yield ReadKeys((mark,))
        raised = _keys.raised(key, mark, max(record.created for record in records))
        if (yield Write(tuple(Change(record, None) for record in records), (raised,))):
            return len(records)


def _among(asked: tuple[State, ...], allowed: tuple[State, ...]) -> tuple[State, ...]:
    return tuple(state for state in allowed if not asked or state in asked)
