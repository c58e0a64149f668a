"""The reading operations, each as one statement on a cursor; none takes a lock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from stripe_events.storage._operations import (
    ReadDue,
    ReadEvent,
    ReadKeys,
    ReadList,
    ReadParked,
    ReadPayloads,
)
from stripe_events.storage._records import KeyRecord
from stripe_events.storage._sqlite._rows import COLUMNS, loaded
from stripe_events.storage._sqlite._schema import READY, RESTING, WAITING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Query

T = TypeVar("T")

_RARE: Final = (
    (frozenset({"pending", "parked", "failed", "dead"}), "stripe_events_resting", RESTING),
    (frozenset({"pending", "failed", "claimed"}), "stripe_events_ready", READY),
)

_FROM: Final = f"SELECT {', '.join(COLUMNS)} FROM stripe_events_events"  # noqa: S608 - names of ours
_SELECT: Final = f"{_FROM} WHERE scope = ?"
_ONE: Final = f"{_SELECT} AND id = ?"
_PARKED: Final = (
    f"{_SELECT} AND order_key = ? AND state = 'parked' ORDER BY created, first_seen, id LIMIT 1"
)
_DUE: Final = f"{_SELECT} AND {READY} AND {WAITING} <= ? ORDER BY {WAITING} LIMIT ?"
_KEY: Final = """
    SELECT holder, newest, revision FROM stripe_events_keys
        WHERE scope = ? AND kind = ? AND key = ?
"""
_PAYLOAD: Final = """
    SELECT payload FROM stripe_events_payloads
        WHERE event = (SELECT row FROM stripe_events_events WHERE scope = ? AND id = ?)
"""
_HAS_HANDLER: Final = (
    "EXISTS (SELECT 1 FROM json_each(handlers) WHERE json_extract(value, '$.name') = ?)"
)


def _first(cursor: sqlite3.Cursor, sql: str, values: tuple[Any, ...]) -> Any:
    # All rows are fetched, for a statement that is not at its end keeps its snapshot.
    rows = cursor.execute(sql, values).fetchall()
    return rows[0] if rows else None


def read_event(
    cursor: sqlite3.Cursor, clock: Callable[[], float], asked: ReadEvent
) -> tuple[float, EventRecord | None]:
    """Perform ``ReadEvent``."""
    row = _first(cursor, _ONE, asked)
    return clock(), row and loaded(row)


def _read_keys(
    cursor: sqlite3.Cursor, _clock: Callable[[], float], asked: ReadKeys
) -> list[KeyRecord | None]:
    rows = ((key, _first(cursor, _KEY, key)) for key in asked.ids)
    return [row and KeyRecord(key, *row) for key, row in rows]


def _read_parked(
    cursor: sqlite3.Cursor, _clock: Callable[[], float], asked: ReadParked
) -> EventRecord | None:
    row = _first(cursor, _PARKED, asked)
    return row and loaded(row)


def _read_due(
    cursor: sqlite3.Cursor, clock: Callable[[], float], asked: ReadDue
) -> tuple[float, list[EventRecord]]:
    now = clock()
    rows = cursor.execute(_DUE, (asked.scope, now, asked.limit)).fetchall()
    return now, [loaded(row) for row in rows]


def _read_payloads(
    cursor: sqlite3.Cursor, _clock: Callable[[], float], asked: ReadPayloads
) -> list[bytes | None]:
    rows = (_first(cursor, _PAYLOAD, (asked.scope, event_id)) for event_id in asked.ids)
    return [row and row[0] for row in rows]


def _read_list(
    cursor: sqlite3.Cursor, clock: Callable[[], float], asked: ReadList
) -> tuple[float, list[EventRecord]]:
    now = clock()
    conditions = [f"{_FROM} INDEXED BY {_index(asked.query)} WHERE scope = ?"]
    values: list[Any] = [asked.scope]
    if asked.after is not None:
        conditions.append("(first_seen, id) > (?, ?)")
        values.extend(asked.after)
    for condition, value in _conditions(asked.query, now):
        conditions.append(condition)
        values.extend(value)
    sql = f"{' AND '.join(conditions)} ORDER BY first_seen, id LIMIT ?"
    rows = cursor.execute(sql, (*values, asked.limit)).fetchall()
    return now, [loaded(row) for row in rows]


def _index(query: Query) -> str:
    """Give the index by which a query is answered soonest, whatever SQLite would guess."""
    if query.ids:
        return "stripe_events_by_id"
    if query.overdue is not None:
        return "stripe_events_ready"
    return next((index for index, _ in _rare(query)), "stripe_events_by_age")


def _rare(query: Query) -> Iterator[tuple[str, str]]:
    """Give the indexes that hold all of these states and few others, and what they are of."""
    if query.states:
        for states, index, condition in _RARE:
            if states.issuperset(query.states):
                yield index, condition


def _conditions(query: Query, now: float) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Give what a query asks for, with the values; ``_queries.matches`` is the same in Python."""
    if query.ids:
        yield "id IN (SELECT value FROM json_each(?))", (json.dumps(query.ids),)
    if query.states:
        yield f"state IN ({', '.join('?' * len(query.states))})", query.states
        for _, condition in _rare(query):
            yield condition, ()
    for condition, value in (
        ("type GLOB ?", query.type and _glob(query.type)),
        ("account = ?", query.account),
        (_HAS_HANDLER, query.handler),
        ("last_seen <= ?", query.seen_before),
        # Nothing is seen last before it is seen first: so the index by age ends the search.
        ("first_seen <= ?", query.seen_before),
        ("last_seen >= ?", query.seen_after),
        (f"{READY} AND {WAITING} <= ?", None if query.overdue is None else now - query.overdue),
        ("erased = ?", query.erased),
    ):
        if value is not None:
            yield condition, (value,)


def _glob(pattern: str) -> str:
    """Give a pattern of ours, in which only ``*`` is special, as SQLite's."""
    return "".join(f"[{one}]" if one in "?[" else one for one in pattern)


READS: Final[dict[type[Any], Callable[[sqlite3.Cursor, Callable[[], float], Any], Any]]] = {
    ReadEvent: read_event,
    ReadKeys: _read_keys,
    ReadParked: _read_parked,
    ReadDue: _read_due,
    ReadList: _read_list,
    ReadPayloads: _read_payloads,
}
