"""
The ledger as one hashable value, changed by the operations of the real ``MemoryStore``.

What only tells of the past (times of writes, texts of errors) is left out, so that
worlds that will go the same way are the same world. Revisions count from what is
stored, which has 1: a copy that somebody has read falls when the original changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from stripe_events.storage._memory import MemoryStore
from stripe_events.storage._operations import ExtendLeases, Write, WriteEach
from stripe_events.storage._records import (
    ErrorRecord,
    EventRecord,
    HandlerRecord,
    KeyId,
    KeyRecord,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

    from stripe_events.storage._operations import Operation

SCOPE: Final = "s"

_PAST: Final = {"first_seen": 0, "last_seen": -1_000}
"""When is left out; so long ago that it is written each time that an event is seen again."""


class Ledger(NamedTuple):
    """All that is stored, and the store's time in units of a lease."""

    now: int = 0
    events: tuple[EventRecord, ...] = ()
    keys: tuple[KeyRecord, ...] = ()

    def event(self, event_id: str) -> EventRecord | None:
        """Give an event, None if it is absent."""
        return next((one for one in self.events if one.id == event_id), None)

    def key(self, key_id: KeyId) -> KeyRecord | None:
        """Give a key row, None if there is none."""
        return next((one for one in self.keys if one.id == key_id), None)


class Performed(NamedTuple):
    """What an operation gave and left, and the ids of what it has changed."""

    ledger: Ledger
    answer: Hashable
    changed: frozenset[Hashable] = frozenset()


class Database:
    """
    A real store that is put into any state, and asked for one operation.

    Args:
        keeps: fields of an event's record that matter to what is searched, though they
            only tell of the past.
        renumbers: take revisions for what they are for; a restored copy repeats them.
    """

    def __init__(self, *, keeps: tuple[str, ...] = (), renumbers: bool = True) -> None:
        """Start without anything stored."""
        self._now = 0
        self._store = MemoryStore(clock=lambda: self._now)
        self._blank: dict[str, Any] = {
            name: value for name, value in _PAST.items() if name not in keeps
        }
        self._renumbers = renumbers

    def perform(self, ledger: Ledger, operation: Operation) -> Performed:
        """Do what a verb asks for."""
        store = self._store
        self._now = ledger.now
        store._events = {(one.scope, one.id): one for one in ledger.events}
        store._keys = {one.id: one for one in ledger.keys}
        answer = _hashable(store._perform(operation))
        if not isinstance(operation, Write | WriteEach | ExtendLeases):
            return Performed(ledger, answer)
        changed: set[Hashable] = {one.id for one in ledger.events if one not in _stored(store)}
        events = tuple(
            self._plain(one, changed) if one is not ledger.event(one.id) else one
            for one in sorted(_stored(store), key=_id)
        )
        keys = tuple(
            self._plain_key(one, changed) if one is not ledger.key(one.id) else one
            for one in sorted(store._keys.values(), key=_id)
        )
        return Performed(Ledger(ledger.now, events, keys), answer, frozenset(changed))

    def _plain(self, record: EventRecord, changed: set[Hashable]) -> EventRecord:
        changed.add(record.id)
        handlers = tuple(_plain_handler(one) for one in record.handlers)
        revision = 1 if self._renumbers else record.revision
        return record._replace(handlers=handlers, revision=revision, **self._blank)

    def _plain_key(self, key: KeyRecord, changed: set[Hashable]) -> KeyRecord:
        changed.add(key.id)
        return key._replace(revision=1) if self._renumbers else key

    def staled(
        self, answers: tuple[Hashable, ...], changed: frozenset[Hashable]
    ) -> tuple[Hashable, ...]:
        """
        Give what somebody has read of a ledger in which this has changed since.

        A copy that is the newest of its reader falls once: older than stored is all it is.
        """
        if not self._renumbers or not any(_is_fresh(one, changed) for one in answers):
            return answers
        return tuple(_staled(answer, changed) for answer in answers)


def _stored(store: MemoryStore) -> Collection[EventRecord]:
    return store._events.values()


def _id(one: EventRecord | KeyRecord) -> Any:
    return one.id


def _plain_handler(handler: HandlerRecord) -> HandlerRecord:
    return handler._replace(
        at=None,
        error=_plain_error(handler.error),
        late_error=_plain_error(handler.late_error),
    )


def _plain_error(error: ErrorRecord | None) -> ErrorRecord | None:
    return error and ErrorRecord("Error", error.message and "why")


class Listed(tuple[Any, ...]):
    """A list in an answer, kept as what can be hashed."""

    __slots__ = ()


def _hashable(answer: Any) -> Hashable:
    if type(answer) is list:
        return Listed(map(_hashable, answer))
    return tuple(map(_hashable, answer)) if type(answer) is tuple else answer


def thawed(answer: Any) -> Any:
    """Give an answer as the store gave it."""
    if type(answer) is Listed:
        return list(map(thawed, answer))
    return tuple(map(thawed, answer)) if type(answer) is tuple else answer


def _is_fresh(answer: Any, changed: frozenset[Hashable]) -> bool:
    if isinstance(answer, EventRecord | KeyRecord):
        return answer.revision == 1 and answer.id in changed
    listed = type(answer) is tuple or type(answer) is Listed
    return listed and any(_is_fresh(one, changed) for one in answer)


def _staled(answer: Any, changed: frozenset[Hashable]) -> Any:
    if isinstance(answer, EventRecord | KeyRecord):
        return answer._replace(revision=answer.revision - 1) if answer.id in changed else answer
    if type(answer) is tuple or type(answer) is Listed:
        return type(answer)(_staled(one, changed) for one in answer)
    return answer
