"""Operations as commands, and what their replies mean; without a server, for sync and async."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar

from stripe_events.storage import _operations as op
from stripe_events.storage._admission import Admit
from stripe_events.storage._guesses import Settle
from stripe_events.storage._queries import matches, waiting_since
from stripe_events.storage._redis import _scripts
from stripe_events.storage._redis._layout import (
    TIME_SIZE,
    channel_of,
    keys_of,
    members,
    order_prefix,
    place,
    position,
    state_prefix,
)
from stripe_events.storage._redis._values import (
    event_of,
    fence_of,
    field_of,
    key_of,
    key_value_of,
    parts_of,
    rest_of,
    revision_line,
    value_of,
)
from stripe_events.storage._wakes import made_due
from stripe_events.storage._watching import Spacing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stripe_events.storage._records import EventRecord, KeyRecord
    from stripe_events.storage._redis._layout import Keys
    from stripe_events.storage._redis._scripts import Script
    from stripe_events.storage._results import Claim
    from stripe_events.storage._steps import Step

ResultT = TypeVar("ResultT")
Word: TypeAlias = "bytes | str | int | float"

STATES: Final = ("pending", "parked", "claimed", "failed", "done", "dead")
AT_ONCE: Final = 1000
"""How many events a script reads at most, so that others do not wait for it."""

AT_LEAST: Final = 100
"""How many events are read at least where most of them may not be meant."""

SET_ASIDE: Final = 1.0
"""Seconds for which workers do not see what another one is about to claim."""

_END: Final = b"\xff"
"""Comes after all that a member can go on with."""


class Command(NamedTuple):
    """
    A command with its words; its reply comes as bytes, whatever the client decodes.

    ``text``: of the script that it runs by digest, for a server that does not know it.
    """

    words: tuple[Word, ...]
    text: bytes | None = None


Commands: TypeAlias = Generator[Command, Any, ResultT]
"""Commands one after another, each given its reply; to be driven like a verb."""


def run(script: Script, keys: Sequence[bytes], words: Iterable[Word]) -> Command:
    """Give the command that runs a script."""
    return Command(("EVALSHA", script.digest, len(keys), *keys, *words), script.text)


def in_full(command: Command) -> tuple[Word, ...]:
    """Give the words by which a server learns a script that it does not know."""
    return ("EVAL", command.text or b"", *command.words[2:])


def packed(words: tuple[Word, ...]) -> bytes:
    """
    Give what is sent for a command, as the protocol wants it.

    redis-py does the same in several times the time, which is more than the server needs.
    """
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        text = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(text), text))
    return b"".join(parts)


class Performers:
    """
    What each operation does.

    Args:
        prefix: what keys begin with, without braces.
        clock: guesses the store's time (unix seconds), to tell what is due.
    """

    def __init__(self, prefix: str, clock: Callable[[], float]) -> None:
        """Send no hint yet."""
        self._prefix = prefix
        self._clock = clock
        self._spacing = Spacing()
        self._known: dict[str, Keys] = {}
        self._performers: dict[type[Any], Callable[[Any], Commands[Any]]] = {
            op.ReadEvent: self._read_event,
            op.ReadKeys: self._read_keys,
            op.ReadParked: self._read_parked,
            op.ReadDue: self._read_due,
            op.ReadList: self._read_list,
            op.ReadPayloads: self._read_payloads,
            op.Write: self._write,
            op.WriteEach: self._write_each,
            op.ExtendLeases: self._extend_leases,
            Admit: self._admit,
            Settle: self._settle,
        }

    def commands(self, operation: Step) -> Commands[Any]:
        """Give the commands of an operation, which return what it gives."""
        return self._performers[type(operation)](operation)

    def _keys(self, scope: str) -> Keys:
        keys = self._known.get(scope)
        if keys is None:
            keys = self._known[scope] = keys_of(self._prefix, scope)
        return keys

    def _read_event(self, asked: op.ReadEvent) -> Commands[tuple[float, EventRecord | None]]:
        now, (record,) = yield from self._look(asked.scope, (asked.id,))
        return now, record

    def _look(
        self, scope: str, ids: Iterable[str]
    ) -> Commands[tuple[float, list[EventRecord | None]]]:
        reply = yield run(_scripts.LOOK, (self._keys(scope).events,), ids)
        return float(reply[0]), [row and event_of(scope, row) for row in reply[1]]

    def _read_keys(self, asked: op.ReadKeys) -> Commands[list[KeyRecord | None]]:
        # Whatever a verb is about lies in one scope.
        hash_ = self._keys(asked.ids[0].scope).keys
        rows = yield Command(("HMGET", hash_, *map(field_of, asked.ids)))
        return [row and key_of(key, row) for key, row in zip(asked.ids, rows, strict=True)]

    def _read_parked(self, asked: op.ReadParked) -> Commands[EventRecord | None]:
        prefix = order_prefix(asked.order_key)
        range_ = (b"[" + prefix, b"[" + prefix + _END, len(prefix) + 2 * TIME_SIZE)
        _, records = yield from self._walk(asked.scope, 1, range_)
        return records[0] if records else None

    def _walk(
        self, scope: str, limit: int, ranges: Iterable[Word]
    ) -> Commands[tuple[float, list[EventRecord]]]:
        keys = self._keys(scope)
        reply = yield run(_scripts.WALK, (keys.events, keys.places), (limit, *ranges))
        return float(reply[0]), _events(scope, reply[1])

    def _read_due(self, asked: op.ReadDue) -> Commands[tuple[float, list[EventRecord]]]:
        keys = self._keys(asked.scope)
        limit = min(asked.limit, AT_ONCE)
        reply = yield run(_scripts.DUE, (keys.events, keys.due), (limit, SET_ASIDE))
        return float(reply[0]), _events(asked.scope, reply[1])

    def _read_list(self, asked: op.ReadList) -> Commands[tuple[float, list[EventRecord]]]:
        if asked.query.ids:
            return (yield from self._read_named(asked))
        if asked.query.overdue is not None:
            now, few = yield from self._overdue(asked.scope, asked.query.overdue)
            if few is not None:
                return now, _meant(asked, few, now)
        found: list[EventRecord] = []
        after, first = asked.after, None
        size = min(max(asked.limit, AT_LEAST), AT_ONCE)
        while True:
            now, page = yield from self._page(asked, after, size)
            first = now if first is None else first
            found += _meant(asked, page, first)
            if len(page) < size or len(found) >= asked.limit:
                return first, found[: asked.limit]
            after = _age(page[-1])

    def _overdue(
        self, scope: str, seconds: float
    ) -> Commands[tuple[float, list[EventRecord] | None]]:
        """Give what is overdue, unless it is much: whoever walks then finds some soon."""
        keys = self._keys(scope)
        reply = yield run(_scripts.OVERDUE, (keys.events, keys.due), (seconds, AT_ONCE))
        return float(reply[0]), None if reply[1] is None else _events(scope, reply[1])

    def _page(
        self, asked: op.ReadList, after: tuple[float, str] | None, size: int
    ) -> Commands[tuple[float, list[EventRecord]]]:
        """Give the first events in the right states; of each, as many as there may be in all."""
        ranges: list[Word] = []
        for state in asked.query.states or STATES:
            prefix = state_prefix(state)
            start = b"[" + prefix if after is None else b"(" + prefix + position(*after)
            ranges += (start, b"[" + prefix + _END, len(prefix) + TIME_SIZE)
        now, records = yield from self._walk(asked.scope, size, ranges)
        return now, sorted(records, key=_age)[:size]

    def _read_named(self, asked: op.ReadList) -> Commands[tuple[float, list[EventRecord]]]:
        ids = tuple(dict.fromkeys(asked.query.ids))
        now = 0.0
        found: list[EventRecord] = []
        for start in range(0, len(ids), AT_ONCE):
            now, records = yield from self._look(asked.scope, ids[start : start + AT_ONCE])
            found += filter(None, records)
        return now, _meant(asked, found, now)

    def _read_payloads(self, asked: op.ReadPayloads) -> Commands[list[bytes | None]]:
        rows: list[bytes | None] = yield Command(
            ("HMGET", self._keys(asked.scope).payloads, *asked.ids)
        )
        return rows

    def _write(self, write: op.Write) -> Commands[bool]:
        words: list[Word] = ["all", self._hint(write)]
        for i, change in enumerate(write.changes):
            words += _change_words(change, None if i else write.payload)
        for key in write.keys:
            words += _key_words(key)
        one = write.changes[0].old or write.changes[0].new
        assert one is not None  # noqa: S101 - a change is of something
        made = yield run(_scripts.WRITE, self._keys(one.scope), words)
        return bool(made[0])

    def _write_each(self, write: op.WriteEach) -> Commands[tuple[bool, ...]]:
        words: list[Word] = ["each", ""]  # claims, and what is over, wake nobody
        for change in write.changes:
            words += _change_words(change, None)
        one = write.changes[0].old or write.changes[0].new
        assert one is not None  # noqa: S101 - a change is of something
        made = yield run(_scripts.WRITE, self._keys(one.scope), words)
        return tuple(map(bool, made))

    def _extend_leases(self, extend: op.ExtendLeases) -> Commands[list[Claim]]:
        scopes: defaultdict[str, list[Claim]] = defaultdict(list)
        for claim in extend.claims:
            scopes[claim.scope].append(claim)
        lost: set[Claim] = set()
        for scope, claims in scopes.items():
            keys = self._keys(scope)
            words = (word for claim in claims for word in (claim.id, fence_of(claim)))
            places: list[int] = yield run(
                _scripts.EXTEND, (keys.events, keys.due), (extend.seconds, *words)
            )
            lost.update(claims[place] for place in places)
        return [claim for claim in extend.claims if claim in lost]

    def _admit(self, step: Admit) -> Commands[float | None]:
        record = step.record
        keys = self._keys(record.scope)
        words: tuple[Word, ...] = (
            record.id,
            step.payload,
            *parts_of(record),
            repr(record.lease_until) if record.state == "claimed" else "",
            "" if record.due is None else repr(record.due),
            state_prefix(record.state),
            self._hint(step),
        )
        now = yield run(_scripts.ADMIT, (keys.events, keys.payloads, keys.due, keys.places), words)
        return None if now is None else float(now)

    def channel(self, scope: str) -> bytes:
        """Give the channel on which workers of a scope are woken."""
        return channel_of(self._prefix, scope)

    def _hint(self, step: Step) -> bytes:
        """Give the channel to publish on with a step; nothing where nothing becomes due."""
        scope = made_due(step, given=True, now=self._clock())
        if scope is None or not self._spacing.lets(scope):
            return b""
        return self.channel(scope)

    def _settle(self, step: Settle) -> Commands[bool]:
        old, new = step.old, step.new
        keys = self._keys(old.scope)
        words: list[Word] = [old.id, rest_of(old), rest_of(new)]
        words += ("", "") if new.state == "claimed" else (place(old), place(new))
        made = yield run(_scripts.SETTLE, (keys.events, keys.due, keys.places), words)
        return bool(made)


def _events(scope: str, rows: Iterable[bytes | None]) -> list[EventRecord]:
    return [event_of(scope, row) for row in rows if row]


def _meant(asked: op.ReadList, records: Iterable[EventRecord], now: float) -> list[EventRecord]:
    """Give those that a query means, in its order."""
    after = asked.after
    meant = (
        record
        for record in records
        if (after is None or _age(record) > after) and matches(asked.query, record, now)
    )
    return sorted(meant, key=_age)[: asked.limit]


def _age(record: EventRecord) -> tuple[float, str]:
    return record.first_seen, record.id


def _change_words(change: op.Change, payload: bytes | None) -> list[Word]:
    old, new = change
    before = set[bytes]() if old is None else members(old)
    after = set[bytes]() if new is None else members(new)
    gone, come = before - after, after - before
    one = new or old
    assert one is not None  # noqa: S101 - a change is of something
    words: list[Word] = ["event", one.id, b"" if old is None else revision_line(old.revision)]
    words.append(b"" if new is None else value_of(new, old.revision + 1 if old else new.revision))
    words.append(b"" if new is None else _due(new))
    words += (len(gone), *gone, len(come), *come)
    if new is None or new.erased:
        words.append("drop")
    elif payload is None:
        words.append("keep")
    else:
        words += ("put", payload)
    return words


def _due(record: EventRecord) -> bytes:
    since = waiting_since(record)
    return b"" if since == float("inf") else repr(since).encode()


def _key_words(change: op.KeyChange) -> list[Word]:
    old, new = change
    if old is None:
        return ["key", field_of(new.id), b"", key_value_of(new, 1)]
    value = key_value_of(new, old.revision + 1)
    return ["key", field_of(new.id), revision_line(old.revision), value]
