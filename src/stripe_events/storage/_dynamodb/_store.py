"""``DynamoDBStore``: the verbs over a table."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage import _verbs
from stripe_events.storage._bases import SyncVerbs, drive
from stripe_events.storage._dynamodb._calling import Table
from stripe_events.storage._dynamodb._names import Names
from stripe_events.storage._dynamodb._payloads import Payloads, fits
from stripe_events.storage._dynamodb._reads import Reads
from stripe_events.storage._dynamodb._schema import check, create
from stripe_events.storage._dynamodb._writes import TooManyError, Writes
from stripe_events.storage._fresh import Fresh
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
from stripe_events.storage._results import EVERYTHING, NOTHING_NEW, Claimed
from stripe_events.storage._transitions import FORGET_FLOOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage._results import (
        Accepted,
        Arrival,
        Claim,
        Finished,
        HandlerResult,
        Plan,
        Query,
        Recorded,
    )
    from stripe_events.storage._verbs import Verb

T = TypeVar("T")

_FORGOTTEN_AT_ONCE = 40
"""A transaction has 100 items: these, the watermark, and pieces of large payloads."""


class DynamoDBStore(SyncVerbs):
    """
    A ledger in a DynamoDB table, for sync code, by boto3.

    Call ``create_table()`` once per deployment; without a table the first use is a
    ConfigurationError.

    What holds: an acknowledged event survives the crash of a process, power loss and
    failover within the region. At most one claim is valid: every write names the revision
    that it replaces, whatever an index says. Nobody else starts an event while its lease
    runs, within the clock skew of callers, for the time is theirs: DynamoDB tells none.
    ``order_by`` holds one at a time, oldest first. What is due is found by an index that
    may be moments behind, so that other events run oldest first as well as it knows.
    ``ctx.transaction()`` is not offered.

    A global table keeps this only if one region writes. A client of DAX does not do: it
    answers from a cache.

    The role needs DescribeTable, GetItem, BatchGetItem, Query, PutItem, UpdateItem and
    DeleteItem on the table and its indexes; ``create_table()`` besides CreateTable,
    DescribeTimeToLive and UpdateTimeToLive. Without DescribeTable the look at the table's
    keys is skipped.

    Calls that are throttled, conflict or get no answer are repeated, with pauses that grow,
    and a write whose answer was lost is known again by a stamp on the item. Threads share a
    client; a child of a fork makes its own, or new connections for one that was given.

    Payloads are kept compressed, at most 3.8 MB of that. What exceeds an item's 400 kB, as a
    plan of thousands of handlers, is a StoreError.

    ``list`` with a filter, and ``erase``, read events one after another until enough are
    found; ids, ``seen_before`` and ``overdue`` are looked up.

    Args:
        table_name: of the table.
        client: a boto3 client for DynamoDB; by default one from the environment, which
            gives up on an answer after 5 seconds.
        prefix: what all partition keys begin with, so that ledgers can share a table.
        timeout: for how many seconds a request is repeated before it is a StoreError.
        forget_after: seconds after which DynamoDB deletes done events by itself, by TTL
            on the attribute ``expires``: 31 days at least since one was last seen. Trusted
            events that are absent and older than 31 days are then ``Expired``, as after
            ``forget``. Dead events stay. Every store on the ledger must be given it. None
            leaves all to ``forget``.
        clock: gives the time in unix seconds.

    Raises:
        ConfigurationError: from here for values that make no sense; from the first use if
            the table is missing or has other keys.
    """

    poll: ClassVar[float] = 2.0
    """How often an idle worker looks, in seconds: each look takes four requests."""

    def __init__(
        self,
        table_name: str,
        *,
        client: Any = None,
        prefix: str = "stripe_events",
        timeout: float = 10.0,
        forget_after: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Connect to nothing yet."""
        _check_options(timeout, forget_after)
        names = Names(prefix)
        self._table = Table(table_name, client, timeout)
        self._expiring = forget_after is not None
        self._is_checked = False
        self._fresh = Fresh()
        self._clock = clock
        payloads = Payloads(self._table, names)
        reads = Reads(self._table, names, clock, expiring=self._expiring)
        writes = Writes(self._table, names, payloads, clock, forget_after)
        self._performers: dict[type[Any], Callable[[Any], Any]] = {
            ReadEvent: reads.event,
            ReadKeys: reads.keys,
            ReadParked: reads.parked,
            ReadDue: reads.due,
            ReadList: reads.list,
            ReadPayloads: lambda asked: list(payloads.get(*asked)),
            Write: writes.write,
            WriteEach: writes.write_each,
            ExtendLeases: writes.extend,
        }

    def __repr__(self) -> str:
        return f"DynamoDBStore({self._table.name!r})"

    def create_table(self) -> None:
        """
        Create the table, paid by request, and wait until it can be used.

        May be repeated, and run by many at once. With ``forget_after`` it turns TTL on.
        """
        create(self._table, expiring=self._expiring)

    def close(self) -> None:
        """Close the connections of the store's own client. A later verb opens new ones."""
        self._table.close()

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        """See ``EventStore.accept``."""
        accepted = self._run_new(arrival, _verbs.accept(arrival, lease))
        if type(accepted) is Claimed:
            self._fresh.keep(accepted)
        return accepted

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW) -> Finished:
        """See ``EventStore.finish``."""
        record = self._fresh.take(claim, result.handler)
        verb = _verbs.finish(claim, result, joined)
        if record is None:
            return self._run(verb)
        next(verb)  # it asks for the record
        return self._run(verb, (self._clock(), record))

    def enqueue(self, arrival: Arrival) -> Recorded:
        """See ``InboxStore.enqueue``."""
        return self._run_new(arrival, _verbs.enqueue(arrival))

    def _run_new(self, arrival: Arrival, verb: Verb[T]) -> T:
        """Write what is new without looking first: if it was not, that write tells."""
        plan, looks = arrival.plan, arrival.order_key or arrival.trusted
        if looks or plan.undecided or not plan.wanted or not fits(arrival.payload):
            return self._run(verb)
        next(verb)  # it asks for the record
        return self._run(verb, (self._clock(), None))

    def forget(
        self, scope: str, query: Query = EVERYTHING, *, dead: bool = False, limit: int = 1000
    ) -> int:
        """See ``LedgerStore.forget``; here in several steps, each of which is one."""
        step, forgotten = _FORGOTTEN_AT_ONCE, 0
        while forgotten < limit:
            try:
                at_most = min(step, limit - forgotten)
                now = super().forget(scope, query, dead=dead, limit=at_most)
            except TooManyError:
                if step == 1:
                    raise
                step //= 2
                continue
            forgotten += now
            if not now:
                break
        return forgotten

    def _run(self, verb: Verb[T], given: Any = None) -> T:
        try:
            if not self._is_checked:
                check(self._table)
                self._is_checked = True
            return drive(verb, self._perform, given)
        except UnicodeError as error:
            raise StoreError(f"DynamoDB: a text has no UTF-8 form ({error})") from error

    def _perform(self, operation: Operation) -> Any:
        return self._performers[type(operation)](operation)


def _check_options(timeout: float, forget_after: float | None) -> None:
    if not 0 <= timeout < math.inf:
        raise ConfigurationError(f"timeout is a number of seconds, not {timeout!r}")
    if forget_after is not None and not FORGET_FLOOR <= forget_after < math.inf:
        raise ConfigurationError(
            f"forget_after is at least {FORGET_FLOOR:g} seconds (31 days), not {forget_after!r}:"
            " Stripe may deliver an event again until then"
        )
