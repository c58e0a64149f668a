"""The store: which connection performs what, and when."""

from __future__ import annotations

import math
import os
import sqlite3
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from stripe_events.errors import ConfigurationError, UsageError
from stripe_events.storage import _plans, _transitions, _verbs
from stripe_events.storage._bases import SyncVerbs, drive
from stripe_events.storage._fresh import Fresh
from stripe_events.storage._guesses import Guesses
from stripe_events.storage._losses import known
from stripe_events.storage._operations import ExtendLeases, ReadDue, ReadEvent, Write, WriteEach
from stripe_events.storage._results import NOTHING_NEW, Claimed
from stripe_events.storage._sqlite._blocks import savepoint, transaction
from stripe_events.storage._sqlite._connections import Connections
from stripe_events.storage._sqlite._errors import Explaining
from stripe_events.storage._sqlite._guard import GuardedConnection
from stripe_events.storage._sqlite._performing import perform
from stripe_events.storage._sqlite._reads import READS, read_event
from stripe_events.storage._sqlite._schema import identify
from stripe_events.storage._sqlite._waiting import Gate, Locked, patiently
from stripe_events.storage._together import finish_each
from stripe_events.storage._wakes import LocalWakes, noted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Sequence

    from stripe_events.errors import ProcessingError
    from stripe_events.storage._extras import Watch
    from stripe_events.storage._operations import Operation
    from stripe_events.storage._results import (
        Accepted,
        Arrival,
        Claim,
        Ending,
        Finished,
        HandlerResult,
        Plan,
    )
    from stripe_events.storage._verbs import Verb

T = TypeVar("T")

Loss: TypeAlias = Literal["synchronous"]
"""``synchronous``: when the machine loses power, so do the last moments before it."""

_SHORT_WAIT: Final = 1.0
"""Seconds that a heartbeat, and a look at what was committed, wait for a transaction."""


class SQLiteStore(SyncVerbs):
    """
    A ledger in an SQLite file, for one machine: any number of threads and processes.

    The file is made when the store is first used, and so are its tables in a file that
    has others; their names begin with ``stripe_events_``. It is in WAL mode from then on.

    - An acknowledged event survives the crash of a process. It survives a power loss with
      ``synchronous="FULL"``; with ``"NORMAL"`` the last moments before it are lost.
    - At most one claim is valid, and nobody else starts an event while its lease runs.
    - ``ctx.transaction(store)`` is exactly-once for tables **in the same file**: what is
      attached is committed by itself. With ``NORMAL`` a power loss takes effect and
      completion together, so that it never happens twice.
    - ``order_by`` holds.
    - Network filesystems are not supported: SQLite's locks do not hold on them.

    SQLite has one writer at a time. While a ``transaction()`` block is open, whoever reads
    (a second delivery, which is told that the event is busy) goes on, and whoever writes
    waits up to ``busy_timeout``, then fails with a ``StoreError``: keep blocks short, and
    never wait for anything else in one. Heartbeats wait for a second at most and leave the
    leases as they are; no claim can be taken over before the block ends, for that is a write
    too, but those whose leases are over can be taken right after it.

    A child of a fork opens connections of its own. The parent closes its idle ones before,
    and waits a second for those in use; a child that was forked in the middle of a block all
    the same gets a ``StoreError``, because SQLite's locks do not hold in it. That is so for
    your own connections as well: close them before you fork.

    Args:
        path: of the file. Its directory must exist.
        synchronous: whether each commit reaches the disk before it counts.
        busy_timeout: for how many seconds a write waits for others.
        accept_loss: ``("synchronous",)`` lets a router with an inbox have ``NORMAL``, although
            acknowledged events can then be lost.
        clock: gives the time in unix seconds.

    Raises:
        ConfigurationError: for ``":memory:"``, which would be another ledger on each
            connection, and for values that make no sense.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        busy_timeout: float = 5.0,
        accept_loss: Collection[Loss] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open nothing yet."""
        _check_options(synchronous, busy_timeout)
        self._synchronous = synchronous
        self._accepted = known(accept_loss, Loss)
        self._path = _absolute(path)
        self._busy_timeout = busy_timeout
        self._clock = clock
        self._explaining = Explaining(self._path)
        self._fresh = Fresh()
        self._guesses = Guesses()
        self._gate = Gate()
        self._wakes = LocalWakes(is_live=False)
        self._connections = Connections(self._path, synchronous, busy_timeout)

    def __repr__(self) -> str:
        return f"SQLiteStore({self._path!r})"

    def close(self) -> None:
        """Close the connections. A later verb opens new ones."""
        self._connections.close()

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        """See ``EventStore.accept``."""
        accepted = super().accept(arrival, lease)
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

    def watch(self, scope: str, wake: Callable[[], None]) -> Watch:
        """
        See ``WatchableStore.watch``.

        It calls ``wake`` for what this very store has made due, and is never live: SQLite
        tells nobody what other processes write. So workers have to poll.
        """
        return self._wakes.watch(scope, wake)

    def check_inbox(self) -> None:
        """See ``CheckedStore.check_inbox``; it refuses ``synchronous="NORMAL"``."""
        if self._synchronous == "NORMAL" and "synchronous" not in self._accepted:
            raise ConfigurationError(
                'synchronous is "NORMAL": events that were acknowledged are lost when the machine '
                'loses power. Make the store with synchronous="FULL", or accept that by '
                'accept_loss=("synchronous",)'
            )

    def finish_each(self, endings: Sequence[Ending]) -> list[Finished | ProcessingError]:
        """See ``BatchStore.finish_each``."""
        return self._run(finish_each(self._guesses, endings))

    def _run(self, verb: Verb[T], given: Any = None) -> T:
        with self._explaining:
            # Without @contextmanager, which takes as long as a statement.
            connection = self._connections.take()
            try:
                perform_on = partial(self._perform, sqlite3.Cursor(connection))
                result = drive(verb, perform_on, given)
            except BaseException:
                self._connections.discard(connection)
                raise
            self._connections.give_back(connection)
            return result

    def _perform(self, cursor: sqlite3.Cursor, operation: Operation) -> Any:
        if type(operation) in READS:
            action = partial(READS[type(operation)], cursor, self._clock, operation)
            found = patiently(action, time.monotonic() + self._busy_timeout)
            if isinstance(operation, ReadDue):
                self._guesses.note(operation, found)
            return found
        if isinstance(operation, ExtendLeases):
            return self._extend(cursor, operation)
        given = self._write(cursor, operation, self._busy_timeout)
        if isinstance(operation, WriteEach):
            self._guesses.note(operation, given)
        self._wakes.heed(operation, given, self._clock)
        return given

    def _write(self, cursor: sqlite3.Cursor, operation: Operation, seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        lock = self._gate.taken(deadline)
        try:
            action = partial(perform, cursor, self._clock, transaction, operation)
            return patiently(action, deadline)
        finally:
            lock.release()

    def _extend(self, cursor: sqlite3.Cursor, extend: ExtendLeases) -> list[Claim]:
        try:
            lost: list[Claim] = self._write(cursor, extend, min(_SHORT_WAIT, self._busy_timeout))
        except Locked:
            return [claim for claim in extend.claims if not self._is_valid(cursor, claim)]
        return lost

    def _is_valid(self, cursor: sqlite3.Cursor, claim: Claim) -> bool:
        _, record = read_event(cursor, self._clock, ReadEvent(claim.scope, claim.id))
        claimed = record is not None and record.state == "claimed"
        return claimed and _transitions.is_held_by(record, claim)

    @contextmanager
    def transaction(
        self, claim: Claim, result: Callable[[], HandlerResult], joined: Plan = NOTHING_NEW
    ) -> Generator[sqlite3.Connection, None, None]:
        """
        Open a transaction; see ``TransactionalStore.transaction``.

        The block gets a connection on which nothing commits or rolls back; savepoints
        may be used. Whatever the block raises passes unchanged. As SQLite has it, foreign
        keys are not enforced.

        Raises:
            UsageError: from the connection, where it is used otherwise, or afterwards.
        """
        with ExitStack() as stack:
            with self._explaining:
                deadline = time.monotonic() + self._busy_timeout
                stack.callback(self._gate.taken(deadline).release)
                connection = self._connections.open(GuardedConnection)
                stack.callback(connection.retire, self._connections)
                patiently(connection.begin, deadline)
            yield connection
            with self._explaining:
                connection.guard.check(connection)
                steps = self._finish_on(connection, claim, result(), joined)
                connection.conclude()
        for step, given in steps:  # when others may write again
            self._wakes.heed(step, given, self._clock)

    def complete_on(
        self,
        connection: Any,
        claim: Claim,
        result: HandlerResult,
        joined: Plan = NOTHING_NEW,
    ) -> None:
        """
        Write the result on the user's connection; see ``TransactionalStore.complete_on``.

        Raises:
            StoreError: the file is locked, or the transaction has read before and others
                have written since: begin it with ``BEGIN IMMEDIATE``.
        """
        if not isinstance(connection, sqlite3.Connection):
            raise UsageError(f"complete_on() takes a sqlite3.Connection, not {connection!r}")
        with self._explaining:
            if not connection.in_transaction:
                raise UsageError(
                    "complete_on() takes a connection with an open transaction, and this one"
                    " has none: begin it with BEGIN IMMEDIATE"
                )
            self._check_ledger(connection)
            self._finish_on(connection, claim, result, joined)

    def _check_ledger(self, connection: sqlite3.Connection) -> None:
        with _plain_texts(connection):
            found = identify(sqlite3.Cursor(connection))
        if found is None or found.ledger != self._ledger():
            raise UsageError(
                f"complete_on() takes a connection whose main database is {self._path}:"
                " another file is not committed together with the ledger"
            )

    def _ledger(self) -> str:
        with self._connections.one() as connection:
            return connection.ledger

    def _finish_on(
        self, connection: sqlite3.Connection, claim: Claim, result: HandlerResult, joined: Plan
    ) -> list[tuple[Operation, Any]]:
        """Give what was performed, and what that gave; it counts when the user commits."""
        self._fresh.take(claim, result.handler)
        finish = _verbs.finish(claim, result, joined, in_transaction=True)
        steps: list[tuple[Operation, Any]] = []
        with _plain_texts(connection):
            perform_on = partial(perform, sqlite3.Cursor(connection), self._clock, savepoint)
            drive(noted(finish, steps), perform_on)
        return steps

    def is_settled(self, claim: Claim, handler: str) -> bool | None:
        """
        See ``TransactionalStore.is_settled``.

        SQLite does not tell who is writing: None says that somebody is, for a second.
        """
        with self._explaining, self._connections.one() as connection:
            cursor = sqlite3.Cursor(connection)
            if self._is_settled(cursor, claim, handler):
                return True
            try:
                # Whoever is writing now may be about to commit it.
                self._write(cursor, Write(()), min(_SHORT_WAIT, self._busy_timeout))
            except Locked:
                return None
            return self._is_settled(cursor, claim, handler)

    def _is_settled(self, cursor: sqlite3.Cursor, claim: Claim, handler: str) -> bool:
        _, record = read_event(cursor, self._clock, ReadEvent(claim.scope, claim.id))
        found = record and _plans.find(record, handler)
        return bool(found and found.is_settled)


def _check_options(synchronous: str, busy_timeout: float) -> None:
    if synchronous not in ("FULL", "NORMAL"):
        raise ConfigurationError(f'synchronous is "FULL" or "NORMAL", not {synchronous!r}')
    if not (0 <= busy_timeout < math.inf):
        raise ConfigurationError(f"busy_timeout is a number of seconds, not {busy_timeout!r}")


def _absolute(path: str | os.PathLike[str]) -> str:
    """Give the path of a file that all connections share, wherever the process goes."""
    text = os.fspath(path)
    if text in ("", ":memory:"):
        raise ConfigurationError(
            "each connection to an SQLite database in memory has one of its own: use MemoryStore"
        )
    return os.path.abspath(text)  # noqa: PTH100 - resolve() would follow links


@contextmanager
def _plain_texts(connection: sqlite3.Connection) -> Generator[None, None, None]:
    """Read texts as ``str``, whatever the user's connection makes of them."""
    factory, connection.text_factory = connection.text_factory, str
    try:
        yield
    finally:
        connection.text_factory = factory
