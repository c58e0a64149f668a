"""
The operations of the verbs as SQL, once for sync and async connections.

Reads take no lock. A write of one change is one statement; more of them are a
transaction, which whoever executes them has to open. What a write compares is in its
WHERE: a statement that meets no row has found another revision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.storage import _operations as op
from stripe_events.storage._admission import Admit
from stripe_events.storage._guesses import Settle
from stripe_events.storage._json import dump_handlers
from stripe_events.storage._postgres._batches import Batches
from stripe_events.storage._postgres._lists import IS_CLAIMED, Lists
from stripe_events.storage._postgres._rows import (
    COLUMNS,
    changed,
    event_of,
    key_of,
    row_of,
    selected,
    value_of,
)
from stripe_events.storage._postgres._scripts import Script, Statement
from stripe_events.storage._records import OVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage._postgres._tables import Tables
    from stripe_events.storage._records import EventRecord, KeyId, KeyRecord
    from stripe_events.storage._steps import Step

# What an admission writes as seconds from the store's time; a lease of nobody is none.
_TIMES: tuple[str, ...] = ("first_seen", "last_seen", "due")

NOW = "extract(epoch FROM clock_timestamp())::float8"

_ADMITTED: dict[str, str] = dict.fromkeys(_TIMES, "clock.now + %s::float8")
_CLAIMED: dict[str, str] = {**_ADMITTED, "lease_until": _ADMITTED["due"]}

_SAME = "scope = %s AND id = %s AND revision = %s"
_GUESSED = (
    "scope = %s AND id = %s AND token = %s AND claim_id = %s "
    f"AND {IS_CLAIMED} AND handlers::text = %s"
)


class Statements:
    """
    What each operation executes.

    Args:
        tables: their names.
        lock_timeout: for how many seconds a write waits for a record that another
            transaction has locked. None leaves that to the session: on the connection of
            a user's transaction the limit would go on to hold.
    """

    def __init__(self, tables: Tables, lock_timeout: float | None) -> None:
        """Write down what does not depend on values."""
        self._tables = tables
        self._patience = "" if lock_timeout is None else f" AND {limited(lock_timeout)}"
        self._updates: dict[tuple[tuple[str, ...], str, str], bytes] = {}
        lists, batches = Lists(tables), Batches(tables)
        self._scripts: dict[type[Any], Callable[[Any], Script[Any]]] = {
            op.ReadEvent: self._read_event,
            op.ReadKeys: self._read_keys,
            op.ReadParked: lists.read_parked,
            op.ReadDue: lists.read_due,
            op.ReadList: lists.read_list,
            op.ReadPayloads: self._read_payloads,
            op.Write: self._write,
            op.WriteEach: batches.write_each,
            op.ExtendLeases: batches.extend_leases,
            Admit: self._admit,
            Settle: self._settle,
        }
        self._write_down_events(tables.events)
        self._write_down_keys(tables.keys)

    def _write_down_events(self, events: str) -> None:
        self._event = (
            f"SELECT {NOW}, {selected()} FROM {events} WHERE scope = %s AND id = %s".encode()  # noqa: S608 - names are quoted
        )
        self._insert = (
            f"INSERT INTO {events} ({', '.join(COLUMNS)}, payload) "  # noqa: S608
            f"VALUES ({', '.join(['%s'] * len(COLUMNS))}, %b) ON CONFLICT (scope, id) DO NOTHING"
        ).encode()
        self._admission, self._claim = (
            f"INSERT INTO {events} ({', '.join(COLUMNS)}, payload) "  # noqa: S608
            f"SELECT {', '.join(times.get(column, '%s') for column in COLUMNS)}, %b "
            f"FROM (SELECT {NOW} AS now) AS clock "
            f"WHERE NOT EXISTS (SELECT FROM {events} WHERE scope = %s AND id = %s) "
            "ON CONFLICT (scope, id) DO NOTHING RETURNING first_seen".encode()
            for times in (_ADMITTED, _CLAIMED)
        )
        self._delete = f"DELETE FROM {events} WHERE {_SAME}{self._patience}".encode()  # noqa: S608
        self._payloads = (
            f"SELECT id, payload FROM {events} WHERE scope = %s AND id = ANY(%s)".encode()  # noqa: S608
        )

    def _write_down_keys(self, keys: str) -> None:
        self._keys = (
            f"SELECT scope, kind, key, holder, newest, revision FROM {keys} "  # noqa: S608
            "WHERE (scope, kind, key) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))"
        ).encode()
        self._insert_key = (
            f"INSERT INTO {keys} (scope, kind, key, holder, newest, revision) "  # noqa: S608
            "VALUES (%s, %s, %s, %s, %s, 1) ON CONFLICT (scope, kind, key) DO NOTHING"
        ).encode()
        self._update_key = (
            f"UPDATE {keys} SET holder = %s, newest = %s, revision = revision + 1 "  # noqa: S608
            f"WHERE scope = %s AND kind = %s AND key = %s AND revision = %s{self._patience}"
        ).encode()

    def script(self, operation: Step) -> Script[Any]:
        """Give what to execute for an operation; it returns what the operation gives."""
        return self._scripts[type(operation)](operation)

    def _read_event(self, asked: op.ReadEvent) -> Script[tuple[float, EventRecord | None]]:
        rows = yield Statement(self._event, asked)
        if rows:
            return rows[0][0], event_of(rows[0][1:])
        rows = yield Statement(f"SELECT {NOW}".encode())
        return rows[0][0], None

    def _admit(self, step: Admit) -> Script[float | None]:
        record = step.record
        parameters = (*row_of(record), step.payload, record.scope, record.id)
        query = self._claim if record.state == "claimed" else self._admission
        rows = yield Statement(query, parameters)
        return rows[0][0] if rows else None

    def _settle(self, step: Settle) -> Script[bool]:
        columns = changed(step.old, step.new)
        if step.new.state in OVER and "due" not in columns:
            columns = (*columns, "due")  # an inbox may have set it since
        values = [value_of(step.new, column) for column in columns]
        guessed = dump_handlers(step.old.handlers)
        count = yield Statement(self._update(columns, _GUESSED), (*values, *step.claim, guessed))
        return bool(count)

    def _read_keys(self, asked: op.ReadKeys) -> Script[list[KeyRecord | None]]:
        columns = [list(column) for column in zip(*asked.ids, strict=True)]
        rows = yield Statement(self._keys, columns)
        found: dict[KeyId, KeyRecord] = {key.id: key for key in map(key_of, rows)}
        return [found.get(key) for key in asked.ids]

    def _read_payloads(self, asked: op.ReadPayloads) -> Script[list[bytes | None]]:
        rows = yield Statement(self._payloads, (asked.scope, list(asked.ids)), binary=True)
        found: dict[str, bytes | None] = dict(rows)
        return [found.get(event_id) for event_id in asked.ids]

    def _write(self, write: op.Write) -> Script[bool]:
        """Events before keys, and each in order, so that two writers never wait for each other."""
        statements = {
            (one.scope, one.id): self._change(change, None if at else write.payload)
            for at, change in enumerate(write.changes)
            if (one := change.old or change.new)
        }
        for identity in sorted(statements):
            if not (yield statements[identity]):
                return False
        for key in sorted(write.keys, key=_key_id):
            if not (yield self._key_change(key)):
                return False
        return True

    def _change(self, change: op.Change, payload: bytes | None) -> Statement:
        old, new = change
        if old is None:
            return Statement(self._insert, [*row_of(new), payload] if new else ())
        same = (old.scope, old.id, old.revision)
        if new is None:
            return Statement(self._delete, same)
        columns = changed(old, new)
        also = ", payload = NULL" if new.erased and not old.erased else ""
        values = [value_of(new, column) for column in columns]
        return Statement(self._update(columns, _SAME, also), (*values, *same))

    def _update(self, columns: tuple[str, ...], where: str, also: str = "") -> bytes:
        query = self._updates.get((columns, where, also))
        if query is None:
            assigned = "".join(f"{column} = %s, " for column in columns)
            query = self._updates[columns, where, also] = (
                f"UPDATE {self._tables.events} SET {assigned}revision = revision + 1{also} "  # noqa: S608
                f"WHERE {where}{self._patience}"
            ).encode()
        return query

    def _key_change(self, change: op.KeyChange) -> Statement:
        old, new = change
        if old is None:
            return Statement(self._insert_key, (*new.id, new.holder, new.newest))
        return Statement(self._update_key, (new.holder, new.newest, *new.id, old.revision))


def limited(seconds: float) -> str:
    """
    Give a condition that always holds, and limits how long its statement waits for a lock.

    Only that statement, where it is a transaction of its own: no state of the session is
    touched, so that it holds behind PgBouncer too.
    """
    return f"set_config('lock_timeout', '{max(1, round(seconds * 1000))}ms', true) IS NOT NULL"


def is_atomic(operation: Step) -> bool:
    """Tell whether it is several statements, which need a transaction around them."""
    return isinstance(operation, op.Write) and len(operation.changes) + len(operation.keys) > 1


def unmade(operation: Step, error: Exception) -> Any:
    """Give what says that nothing was written; raise the error of what is no write."""
    match operation:
        case op.Write():
            return False
        case op.WriteEach():
            return (False,) * len(operation.changes)
        case Settle():
            return False
        case Admit():
            return None
        case _:
            raise error


def _key_id(change: op.KeyChange) -> KeyId:
    return change.new.id
