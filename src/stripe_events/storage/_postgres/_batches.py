"""
Writes of many records by one statement, which leave out what others have locked.

So a transaction that hangs with a record in its hands holds up nobody else's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.storage._postgres._lists import IS_CLAIMED
from stripe_events.storage._postgres._rows import MUTABLE, TYPES, value_of
from stripe_events.storage._postgres._scripts import Script, Statement

if TYPE_CHECKING:
    from stripe_events.storage._operations import ExtendLeases, WriteEach
    from stripe_events.storage._postgres._tables import Tables
    from stripe_events.storage._results import Claim

_ARRAYS = ", ".join(f"%s::{TYPES[name]}[]" for name in ("scope", "id", "revision", *MUTABLE))

# The second half finds claims that were made before, by the same statement, whose answer
# was lost: they are the caller's, who would else leave them to the end of their leases. The
# end of a handler is no such claim if it is not there: a heartbeat has come in between.
_UPDATE_EACH = """
WITH changes AS (
    SELECT * FROM unnest({arrays}) AS c (scope, id, revision, {names})
), unchanged AS (
    SELECT c.* FROM {events} e JOIN changes c USING (scope, id)
    WHERE e.revision = c.revision
    FOR UPDATE OF e SKIP LOCKED
), changed AS (
    UPDATE {events} e SET {assigned}, revision = e.revision + 1,
        payload = CASE WHEN c.erased THEN NULL ELSE e.payload END
    FROM unchanged c WHERE e.scope = c.scope AND e.id = c.id
    RETURNING e.scope, e.id
)
SELECT scope, id FROM changed
UNION ALL
SELECT e.scope, e.id FROM {events} e JOIN changes c USING (scope, id)
WHERE e.{claimed} AND c.{claimed}
    AND e.revision = c.revision + 1 AND e.token = c.token AND e.claim_id = c.claim_id
    AND e.handlers::text = c.handlers::text
"""

# Which claims are lost is told by the snapshot of the statement, which locks do not hide.
_EXTEND = """
WITH claims AS (
    SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[])
        WITH ORDINALITY AS c (scope, id, token, claim_id, number)
), held AS (
    SELECT e.scope, e.id FROM {events} e JOIN claims c USING (scope, id)
    WHERE e.{claimed} AND e.token = c.token AND e.claim_id = c.claim_id
    FOR UPDATE OF e SKIP LOCKED
), extended AS (
    UPDATE {events} e
    SET lease_until = extract(epoch FROM clock_timestamp())::float8 + %s, revision = revision + 1
    FROM held h WHERE e.scope = h.scope AND e.id = h.id
)
SELECT c.number FROM claims c LEFT JOIN {events} e USING (scope, id)
WHERE NOT e.{claimed} OR e.token <> c.token OR e.claim_id <> c.claim_id
ORDER BY c.number
"""


class Batches:
    """The two operations on many records."""

    def __init__(self, tables: Tables) -> None:
        """Write down the statements."""
        self._update_each = _UPDATE_EACH.format(
            events=tables.events,
            arrays=_ARRAYS,
            names=", ".join(MUTABLE),
            assigned=", ".join(f"{name} = c.{name}" for name in MUTABLE),
            claimed=IS_CLAIMED,
        ).encode()
        self._extend = _EXTEND.format(events=tables.events, claimed=IS_CLAIMED).encode()

    def write_each(self, write: WriteEach) -> Script[tuple[bool, ...]]:
        """Update those that still have their revision; verbs neither add nor delete by it."""
        pairs = [(old, new) for old, new in write.changes if old and new]
        columns = [
            [old.scope for old, _ in pairs],
            [old.id for old, _ in pairs],
            [old.revision for old, _ in pairs],
            *([value_of(new, name) for _, new in pairs] for name in MUTABLE),
        ]
        rows = yield Statement(self._update_each, columns)
        made = set(rows)
        return tuple(new is not None and (new.scope, new.id) in made for _, new in write.changes)

    def extend_leases(self, extend: ExtendLeases) -> Script[list[Claim]]:
        """Give the lost ones, in the order in which they were given."""
        if not extend.claims:
            return []
        columns = [list(column) for column in zip(*extend.claims, strict=True)]
        rows = yield Statement(self._extend, (*columns, extend.seconds))
        return [extend.claims[number - 1] for (number,) in rows]
