"""Reads of many events, each by the index that was made for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from stripe_events.storage._json import dump_names
from stripe_events.storage._postgres._rows import event_of, selected
from stripe_events.storage._postgres._scripts import Script, Statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stripe_events.storage._operations import ReadDue, ReadList, ReadParked
    from stripe_events.storage._postgres._tables import Tables
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Query

# Indexes are found by these expressions: they stand the same in `_migrations`.
WAITING_SINCE: Final = "(CASE state WHEN 'claimed' THEN lease_until ELSE due END)"
IS_WAITING: Final = "state IN ('pending', 'failed', 'claimed')"
IS_DEAD: Final = "state = 'dead'"
IS_LISTED: Final = "first_seen > 0"
"""
Always so. It is only said in lists: before a table has statistics, PostgreSQL would else
look an event up by its scope in the index of lists, and read all of it each time.
"""
IS_CLAIMED: Final = "state IS NOT DISTINCT FROM 'claimed'"
"""
For statements that have the key of an event. A plain comparison would offer them the
indexes of lists, in the same way.
"""
IS_PARKED: Final = "state = 'parked'"

# Which states an index is about: lists of nothing else are read from it, for they are
# few among many that are done.
_RARE: Final = (
    (frozenset({"pending", "failed", "claimed"}), IS_WAITING),
    (frozenset({"parked"}), IS_PARKED),
    (frozenset({"dead"}), IS_DEAD),
)

# In a subquery: an index is not searched by what may change from row to row.
_NOW: Final = "(SELECT extract(epoch FROM clock_timestamp())::float8 AS now)"

_LOCKED_FOR: Final = "10s"
# Only within its transaction, so that no state of the session is touched.
_NOW_BOUNDED: Final = (
    f"{_NOW[:-1]} WHERE "
    f"set_config('idle_in_transaction_session_timeout', '{_LOCKED_FOR}', true) IS NOT NULL)"
)

_DUE: Final = f"scope = %s AND {IS_WAITING} AND {WAITING_SINCE} <= clock.now"


class Lists:
    """The three operations that search, and a look whether one of them would find anything."""

    def __init__(self, tables: Tables) -> None:
        """Write down the statements."""
        self._parked = (
            f"SELECT {selected()} FROM {tables.events} "  # noqa: S608 - names are quoted
            f"WHERE scope = %s AND order_key = %s AND {IS_PARKED} "
            "ORDER BY created, first_seen, id LIMIT 1"
        ).encode()
        self._look = (
            f"SELECT e.id FROM {_NOW} AS clock, LATERAL ("  # noqa: S608
            f"SELECT id FROM {tables.events} WHERE {_DUE} ORDER BY {WAITING_SINCE} LIMIT 1) AS e"
        ).encode()
        self._events = tables.events

    def is_due(self, scope: str) -> Script[bool]:
        """Look whether anything is due, be it locked or not; take no lock."""
        return bool((yield Statement(self._look, (scope,))))

    def read_parked(self, asked: ReadParked) -> Script[EventRecord | None]:
        """Read the first in line for an order key."""
        rows = yield Statement(self._parked, asked)
        return event_of(rows[0]) if rows else None

    def read_due(self, asked: ReadDue) -> Script[tuple[float, list[EventRecord]]]:
        """
        Read what has been waiting longest.

        What others have locked is left out: it cannot be claimed, and must not stand
        before what can be. Within a transaction the locks last until its end, and the
        server ends it if nothing comes for ten seconds: a process that is frozen or cut
        off then would else keep its events from all others for longer than a lease.
        """
        page = self._page(
            _DUE,
            WAITING_SINCE,
            [asked.scope],
            asked.limit,
            clock=_NOW_BOUNDED,
            locking="FOR UPDATE SKIP LOCKED",
        )
        return (yield from page)

    def read_list(self, asked: ReadList) -> Script[tuple[float, list[EventRecord]]]:
        """Read what a query means."""
        conditions = [(f"scope = %s AND {IS_LISTED}", [asked.scope]), *_conditions(asked.query)]
        if asked.after is not None:
            conditions.append(("(first_seen, id) > (%s, %s)", list(asked.after)))
        where = " AND ".join(text for text, _ in conditions)
        values = [value for _, some in conditions for value in some]
        return (yield from self._page(where, "first_seen, id", values, asked.limit))

    def _page(
        self,
        where: str,
        order: str,
        parameters: Sequence[Any],
        limit: int,
        *,
        clock: str = _NOW,
        locking: str = "",
    ) -> Script[tuple[float, list[EventRecord]]]:
        """
        Read with the time, which is there even if no event is.

        The limit stands in the text: PostgreSQL would plan anew each time if it did not
        know how few rows are asked for, which takes longer than to read them.
        """
        query = (
            f"SELECT clock.now, {selected('e')} FROM {clock} AS clock LEFT JOIN LATERAL ("  # noqa: S608
            f"SELECT * FROM {self._events} WHERE {where} ORDER BY {order} LIMIT {limit:d} {locking}"
            f") AS e ON true ORDER BY {order}"
        )
        rows = yield Statement(query.encode(), parameters)
        return rows[0][0], [event_of(row[1:]) for row in rows if row[1] is not None]


def _conditions(query: Query) -> Iterator[tuple[str, list[Any]]]:
    """Give what a query asks for as SQL, with the values of its placeholders."""
    for condition, value in (
        ("id = ANY(%s)", list(query.ids) or None),
        ("state = ANY(%s)", list(query.states) or None),
        ("type LIKE %s", query.type and _pattern(query.type)),
        ("account = %s", query.account),
        ("strpos(handlers::text, %s) > 0", query.handler and _within_json(query.handler)),
        ("last_seen <= %s", query.seen_before),
        ("last_seen >= %s", query.seen_after),
        (f"{IS_WAITING} AND {WAITING_SINCE} <= clock.now - %s", query.overdue),
        ("erased = %s", query.erased),
    ):
        if value is not None:
            yield condition, [value]
    for states, condition in _RARE:
        if query.states and states.issuperset(query.states):
            yield condition, []


def _within_json(name: str) -> str:
    """Give how a handler of this name begins; no text in JSON does, for its quotes are escaped."""
    return f'{{"name":{dump_names([name])[1:-1]}'


def _pattern(pattern: str) -> str:
    """Give ``*`` in LIKE's words, everything else as it stands."""
    return re.sub(r"\*+", "%", re.sub(r"([\\%_])", r"\\\1", pattern))
