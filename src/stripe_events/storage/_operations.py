"""
What the verbs ask of a database, as values: a few reads, and writes that compare first.

Verbs are generators of these. Everything that a verb decides rests on records that it
has read, and a write holds only if none of them has changed since: each record carries
a revision. So a verb needs no lock between reading and writing, and is written once for
every database, sync or async.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from stripe_events.storage._records import EventRecord, KeyId, KeyRecord
    from stripe_events.storage._results import Claim, Query


class ReadEvent(NamedTuple):
    """Give ``(now, record)``: the store's time, and the event or None. Takes no lock."""

    scope: str
    id: str


class ReadKeys(NamedTuple):
    """Give a ``KeyRecord`` or None for each id, in the same order."""

    ids: tuple[KeyId, ...]


class ReadParked(NamedTuple):
    """Give the parked event of an order key that is first by (created, first_seen, id)."""

    scope: str
    order_key: str


class ReadDue(NamedTuple):
    """
    Give ``(now, records)`` of what anybody may claim, longest due first, at most ``limit``.

    That is: pending or failed with ``due`` not after now, or claimed with ``lease_until``
    not after now. What another transaction is about to claim may be left out.
    """

    scope: str
    limit: int


class ReadList(NamedTuple):
    """
    Give ``(now, records)`` that a query means, oldest first by (first_seen, id).

    At most ``limit``, after the record whose (first_seen, id) is ``after``.
    """

    scope: str
    query: Query
    limit: int
    after: tuple[float, str] | None


class ReadPayloads(NamedTuple):
    """Give the payload of each event, in the same order; None where it is erased or absent."""

    scope: str
    ids: tuple[str, ...]


class Change(NamedTuple):
    """
    Put ``new`` in the place of ``old``; None is absence.

    It holds if the stored revision is still ``old``'s, or if there still is none. The
    store writes ``old.revision + 1``. Where ``new`` is None or erased, the payload goes too.
    """

    old: EventRecord | None
    new: EventRecord | None


class KeyChange(NamedTuple):
    """The same for a key row; it is never deleted."""

    old: KeyRecord | None
    new: KeyRecord


class Write(NamedTuple):
    """
    Make all changes, or none if one of them does not hold; give whether they were made.

    ``payload`` belongs to the first change, which is then a new event. By the time this
    gives True, all is committed.
    """

    changes: tuple[Change, ...]
    keys: tuple[KeyChange, ...] = ()
    payload: bytes | None = None


class WriteEach(NamedTuple):
    """Make those changes that hold, in one commit; give for each whether it was made."""

    changes: tuple[Change, ...]


class ExtendLeases(NamedTuple):
    """
    Let leases end ``seconds`` from the store's time at this moment; give the lost claims.

    A claim is lost if the event is not claimed, or by another token or claim id. A record
    that a transaction has locked is left as it is, and is not lost.
    """

    claims: tuple[Claim, ...]
    seconds: float


Operation: TypeAlias = (
    ReadEvent
    | ReadKeys
    | ReadParked
    | ReadDue
    | ReadList
    | ReadPayloads
    | Write
    | WriteEach
    | ExtendLeases
)
