"""
The writing operations, on a cursor.

Each statement compares the revision that was read, so that a change holds or does
nothing. The block that makes several of them one is the caller's: a transaction of the
store's own, or a savepoint in the user's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stripe_events.storage._sqlite._rows import COLUMNS, FIXED, dumped

if TYPE_CHECKING:
    import sqlite3

    from stripe_events.storage._operations import Change, KeyChange, Write
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Claim

_CHANGING: Final = COLUMNS[FIXED:]
# The claim id besides, for in a restored copy revisions begin anew.
_HOLDS: Final = "scope = ? AND id = ? AND revision = ? AND claim_id = ?"

# Names of ours are all that is put into these.
_INSERT: Final = f"""
    INSERT INTO stripe_events_events ({", ".join(COLUMNS)})
        VALUES ({", ".join("?" * len(COLUMNS))}) ON CONFLICT (scope, id) DO NOTHING
"""  # noqa: S608
_UPDATE: Final = f"""
    UPDATE stripe_events_events SET {", ".join(f"{name} = ?" for name in _CHANGING)}
        WHERE {_HOLDS}
"""  # noqa: S608
_DELETE: Final = f"DELETE FROM stripe_events_events WHERE {_HOLDS}"  # noqa: S608
_INSERT_PAYLOAD: Final = "INSERT INTO stripe_events_payloads VALUES (?, ?)"
_DELETE_PAYLOAD: Final = f"""
    DELETE FROM stripe_events_payloads
        WHERE event = (SELECT row FROM stripe_events_events WHERE {_HOLDS})
"""  # noqa: S608
_INSERT_KEY: Final = """
    INSERT INTO stripe_events_keys (scope, kind, key, holder, newest, revision)
        VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT (scope, kind, key) DO NOTHING
"""
_UPDATE_KEY: Final = """
    UPDATE stripe_events_keys SET holder = ?, newest = ?, revision = revision + 1
        WHERE scope = ? AND kind = ? AND key = ? AND revision = ?
"""
_EXTEND: Final = """
    UPDATE stripe_events_events SET lease_until = ?, revision = revision + 1
        WHERE scope = ? AND id = ? AND token = ? AND claim_id = ? AND state = 'claimed'
"""


def is_one_statement(write: Write) -> bool:
    """Tell whether a write needs no transaction around it."""
    return (
        len(write.changes) == 1
        and not write.keys
        and write.payload is None
        and not _lets_go(write.changes[0])
    )


class DoesNotHold(Exception):  # noqa: N818 - never leaves the store
    """Say that a change does not hold: what was made with it is to be undone."""


def make_all(cursor: sqlite3.Cursor, write: Write) -> None:
    """
    Make the changes of a write.

    Raises:
        DoesNotHold: one of them; others may have been made.
    """
    for index, change in enumerate(write.changes):
        if not made(cursor, change):
            raise DoesNotHold
        if index == 0 and write.payload is not None:
            cursor.execute(_INSERT_PAYLOAD, (cursor.lastrowid, write.payload))
    if not all(_made_key(cursor, key) for key in write.keys):
        raise DoesNotHold


def made(cursor: sqlite3.Cursor, change: Change) -> bool:
    """Make a change, or nothing if it does not hold."""
    old, new = change
    if old is None:
        return new is not None and _inserted(cursor, new)
    held = (old.scope, old.id, old.revision, old.claim_id)
    if _lets_go(change):
        cursor.execute(_DELETE_PAYLOAD, held)
    if new is None:
        cursor.execute(_DELETE, held)
    else:
        cursor.execute(_UPDATE, (*dumped(new)[FIXED:-1], old.revision + 1, *held))
    return cursor.rowcount == 1


def _inserted(cursor: sqlite3.Cursor, new: EventRecord) -> bool:
    return cursor.execute(_INSERT, dumped(new)).rowcount == 1


def _lets_go(change: Change) -> bool:
    """Tell whether the payload goes."""
    old, new = change
    return old is not None and (new is None or (new.erased and not old.erased))


def _made_key(cursor: sqlite3.Cursor, change: KeyChange) -> bool:
    old, new = change
    if old is None:
        cursor.execute(_INSERT_KEY, (*new.id, new.holder, new.newest))
    else:
        cursor.execute(_UPDATE_KEY, (new.holder, new.newest, *new.id, old.revision))
    return cursor.rowcount == 1


def extended(cursor: sqlite3.Cursor, claim: Claim, until: float) -> bool:
    """Let a lease end at ``until`` (unix seconds); give whether the claim is valid."""
    return cursor.execute(_EXTEND, (until, *claim)).rowcount == 1
