"""A ledger in this process's memory."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from stripe_events._fork import start_anew_in_children
from stripe_events.storage._bases import SyncVerbs, drive
from stripe_events.storage._operations import (
    ExtendLeases,
    Operation,
    ReadDue,
    ReadEvent,
    ReadKeys,
    ReadList,
    ReadParked,
    ReadPayloads,
    Write,
    WriteEach,
)
from stripe_events.storage._queries import is_due, matches, waiting_since
from stripe_events.storage._records import EventRecord
from stripe_events.storage._wakes import LocalWakes

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage._extras import Watch
    from stripe_events.storage._operations import Change, KeyChange
    from stripe_events.storage._records import KeyId, KeyRecord
    from stripe_events.storage._results import Claim
    from stripe_events.storage._verbs import Verb

T = TypeVar("T")


class MemoryStore(SyncVerbs):
    """
    A ledger for tests and for trying things out: it is gone with the process.

    Threads of one process share it; a child of a fork goes on with a copy of its own.
    One valid claim, per-handler progress and order hold within the process. Nothing
    survives its end, and ``ctx.transaction()`` is not offered. The inbox takes it all the
    same: what a test acknowledges may be lost with the test.

    Args:
        clock: gives the time in unix seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        """Start empty."""
        self._clock = clock
        self._wakes = LocalWakes(is_live=True)
        self.start_anew()
        start_anew_in_children(self)
        self._events: dict[tuple[str, str], EventRecord] = {}
        self._payloads: dict[tuple[str, str], bytes] = {}
        self._keys: dict[KeyId, KeyRecord] = {}
        self._performers: dict[type[Any], Callable[[Any], Any]] = {
            ReadEvent: self._read_event,
            ReadKeys: self._read_keys,
            ReadParked: self._read_parked,
            ReadDue: self._read_due,
            ReadList: self._read_list,
            ReadPayloads: self._read_payloads,
            Write: self._write,
            WriteEach: self._write_each,
            ExtendLeases: self._extend_leases,
        }

    def start_anew(self) -> None:
        """Be open to verbs, in the child of a fork as well."""
        self._lock = threading.Lock()

    def _run(self, verb: Verb[T]) -> T:
        return drive(verb, self._perform)

    def watch(self, scope: str, wake: Callable[[], None]) -> Watch:
        """See ``WatchableStore.watch``; it is live until it is closed."""
        return self._wakes.watch(scope, wake)

    def _perform(self, operation: Operation) -> Any:
        with self._lock:
            given = self._performers[type(operation)](operation)
        self._wakes.heed(operation, given, self._clock)
        return given

    def _read_event(self, asked: ReadEvent) -> tuple[float, EventRecord | None]:
        return self._clock(), self._events.get(asked)

    def _read_keys(self, asked: ReadKeys) -> list[KeyRecord | None]:
        return [self._keys.get(key) for key in asked.ids]

    def _read_parked(self, asked: ReadParked) -> EventRecord | None:
        parked = [
            record
            for (scope, _), record in self._events.items()
            if scope == asked.scope
            and record.order_key == asked.order_key
            and record.state == "parked"
        ]
        return min(parked, key=_position, default=None)

    def _read_due(self, asked: ReadDue) -> tuple[float, list[EventRecord]]:
        now = self._clock()
        due = [
            record
            for (scope, _), record in self._events.items()
            if scope == asked.scope and is_due(record, now)
        ]
        return now, sorted(due, key=waiting_since)[: asked.limit]

    def _read_list(self, asked: ReadList) -> tuple[float, list[EventRecord]]:
        now = self._clock()
        meant = [
            record
            for (scope, _), record in self._events.items()
            if scope == asked.scope
            and (asked.after is None or (record.first_seen, record.id) > asked.after)
            and matches(asked.query, record, now)
        ]
        return now, sorted(meant, key=_age)[: asked.limit]

    def _read_payloads(self, asked: ReadPayloads) -> list[bytes | None]:
        return [self._payloads.get((asked.scope, event_id)) for event_id in asked.ids]

    def _write(self, write: Write) -> bool:
        changes, keys, payload = write
        if not all(map(self._holds, changes)) or (keys and not all(map(self._key_holds, keys))):
            return False
        for change in changes:
            self._make(change)
        for key in keys:
            revision = 1 if key.old is None else key.old.revision + 1
            self._keys[key.new.id] = key.new._replace(revision=revision)
        if payload is not None and changes[0].new is not None:
            new = changes[0].new
            self._payloads[new.scope, new.id] = payload
        return True

    def _write_each(self, write: WriteEach) -> tuple[bool, ...]:
        return tuple(self._write(Write((change,))) for change in write.changes)

    def _extend_leases(self, extend: ExtendLeases) -> list[Claim]:
        until = self._clock() + extend.seconds
        lost: list[Claim] = []
        for claim in extend.claims:
            record = self._events.get((claim.scope, claim.id))
            if (
                record is None
                or record.state != "claimed"
                or (record.token, record.claim_id) != (claim.token, claim.claim_id)
            ):
                lost.append(claim)
                continue
            self._events[claim.scope, claim.id] = record._replace(
                lease_until=until, revision=record.revision + 1
            )
        return lost

    def _holds(self, change: Change) -> bool:
        old, new = change
        one = old or new
        stored = one and self._events.get((one.scope, one.id))
        if old is None or stored is None:
            return old is None and stored is None
        return stored.revision == old.revision

    def _key_holds(self, change: KeyChange) -> bool:
        stored = self._keys.get(change.new.id)
        if change.old is None or stored is None:
            return change.old is None and stored is None
        return stored.revision == change.old.revision

    def _make(self, change: Change) -> None:
        old, new = change
        if new is None:
            if old is not None:
                del self._events[old.scope, old.id]
                self._payloads.pop((old.scope, old.id), None)
            return
        identity = (new.scope, new.id)
        self._events[identity] = new if old is None else _risen(new, old.revision)
        if new.erased:
            self._payloads.pop(identity, None)


def _risen(record: EventRecord, revision: int) -> EventRecord:
    # The revision is the last field; `_replace` would look at each of them.
    return EventRecord._make((*record[:-1], revision + 1))


def _position(record: EventRecord) -> tuple[float, float, str]:
    return record.created, record.first_seen, record.id


def _age(record: EventRecord) -> tuple[float, str]:
    return record.first_seen, record.id
