"""``PostgresStore``: the verbs over sync connections."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import errors

from stripe_events.storage import _verbs
from stripe_events.storage._bases import SyncVerbs, drive
from stripe_events.storage._guesses import Guesses
from stripe_events.storage._operations import ExtendLeases
from stripe_events.storage._postgres._claiming import Claiming
from stripe_events.storage._postgres._completion import complete_on
from stripe_events.storage._postgres._errors import (
    CONFLICT,
    ERRORS,
    IN_THE_WAY,
    BrokenError,
    is_lost,
    told,
    uncommitted,
)
from stripe_events.storage._postgres._executing import execute, perform, run
from stripe_events.storage._postgres._ledger import Ledger
from stripe_events.storage._postgres._limits import patient
from stripe_events.storage._postgres._listening import (
    PostgresLine,
    channel_of,
    connecting,
    notify,
)
from stripe_events.storage._postgres._pools import pools, taken
from stripe_events.storage._postgres._statements import unmade
from stripe_events.storage._results import NOTHING_NEW
from stripe_events.storage._steps import accept, enqueue, finish
from stripe_events.storage._together import finish_each
from stripe_events.storage._wakes import made_due, noted
from stripe_events.storage._watching import Spacing, ThreadedWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Sequence

    from stripe_events.errors import ProcessingError
    from stripe_events.storage._extras import Watch
    from stripe_events.storage._postgres._checks import Loss
    from stripe_events.storage._postgres._pools import Connection, Pool, Source
    from stripe_events.storage._results import (
        Accepted,
        Arrival,
        Claim,
        Code,
        Ending,
        Finished,
        HandlerResult,
        Plan,
        Recorded,
        Taken,
    )
    from stripe_events.storage._steps import Step, Steps

T = TypeVar("T")


class PostgresStore(SyncVerbs):
    """
    A ledger in PostgreSQL, for sync code, by psycopg 3.

    Call ``create_schema()`` once per deployment; without it, the first use is a
    ConfigurationError.

    What holds on one primary, or with a synchronous standby: an acknowledged event
    survives the crash of a process, of the server and of its machine; at most one claim is
    valid, and nobody else starts while its lease runs; ``ctx.transaction()`` and
    ``ctx.complete_on()`` make effects in this database happen exactly once; ``order_by``
    holds. When an asynchronous standby is promoted, what it had not yet received is lost:
    effects and completions together, and a lease may be forgotten across that moment.
    At first use the store looks at the server, and refuses a standby, and settings by
    which acknowledged events can be lost.

    Works behind PgBouncer, also in transaction mode, and with a pool of one connection:
    nothing holds a connection while it waits for another one. ``extend`` has one of its
    own besides, and so has each watch. A connection that breaks is replaced, and what it was
    doing is done again. With a DSN, so is one whose server does not answer in 30 seconds.

    After a fork the child opens connections of its own, from a DSN or by the function; a
    pool must be opened in the process that uses it.

    Args:
        source: a DSN, from which the store makes connections of its own; a
            ``psycopg_pool.ConnectionPool``, which it neither opens nor closes; or a
            function that gives a new connection each time, which the store then keeps.
        schema: where the tables are; None leaves that to the search path.
        prefix: what the names of tables begin with: by default nothing in a schema of
            their own, else ``stripe_events_``.
        max_connections: how many the store opens, where it is not given a pool.
        timeout: for how many seconds a verb waits for one of them to become free.
        lock_timeout: for how many seconds a write waits for a record that another
            transaction has locked, and ``is_settled`` for that transaction's end.
        accept_loss: settings that may be off although acknowledged events can then be
            lost: ``"synchronous_commit"``, ``"fsync"``.

    Raises:
        ConfigurationError: from here if ``source`` is none of these; from the first use
            if the server or the tables do not do.
    """

    def __init__(
        self,
        source: Source,
        *,
        schema: str | None = "stripe_events",
        prefix: str | None = None,
        max_connections: int = 4,
        timeout: float = 10.0,
        lock_timeout: float = 2.0,
        accept_loss: Collection[Loss] = (),
    ) -> None:
        """Connect to nothing yet."""
        self._ledger = Ledger(schema, prefix, accept_loss, lock_timeout)
        self._guesses = Guesses()
        self._pool, self._extending = pools(source, max_connections, timeout)
        self._connect_line = connecting(source)
        self._spacing = Spacing()

    def create_schema(self) -> None:
        """
        Create the tables, or bring them up to date; call it once per deployment.

        May be repeated, and run by many at once. Code of the version before goes on
        working with the new tables, so it belongs before the new code in a rolling deploy.
        """

        def created(connection: Connection) -> None:
            with patient(connection), connection.transaction():
                run(connection, self._ledger.created())

        self._attempt(self._pool, created)

    def close(self) -> None:
        """Close the connections that the store has opened; those of a pool are its owner's."""
        self._pool.close()
        self._extending.close()

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        """See ``EventStore.accept``."""
        return self._run(accept(self._guesses, arrival, lease))

    def enqueue(self, arrival: Arrival) -> Recorded:
        """See ``InboxStore.enqueue``."""
        return self._run(enqueue(arrival))

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW) -> Finished:
        """See ``EventStore.finish``."""
        return self._run(finish(self._guesses, claim, result, joined))

    def finish_each(self, endings: Sequence[Ending]) -> list[Finished | ProcessingError]:
        """See ``BatchStore.finish_each``."""
        return self._run(finish_each(self._guesses, endings))

    def take_due(
        self, scope: str, code: Code, claim_id: str, lease: float, limit: int
    ) -> list[Taken]:
        """See ``InboxStore.take_due``; what it has read, others skip until it is claimed."""
        begin = partial(_verbs.take_due, scope, code, claim_id, lease, limit)
        claiming = Claiming(scope, begin)
        taken = self._attempt(self._pool, partial(self._taken, claiming))
        if taken is None:
            return self._run(begin())
        for step, given in claiming.steps:
            self._guesses.note(step, given)
        return taken

    @contextmanager
    def transaction(
        self, claim: Claim, result: Callable[[], HandlerResult], joined: Plan = NOTHING_NEW
    ) -> Generator[Connection, None, None]:
        """
        See ``TransactionalStore.transaction``; the transaction is READ COMMITTED.

        ``commit()`` and ``rollback()`` of the connection are refused in the block, and so
        is a block that has ended its transaction in SQL. ``connection.transaction()``
        makes savepoints.
        """
        connection, block = self._started(self._pool, partial(self._begun, claim))
        try:
            try:
                with patient(connection):
                    yield connection
                steps = self._finish(connection, claim, result(), joined)
            except BaseException as error:
                _roll_back(block, error)
                raise
            _commit(block, connection)
            for step, given in steps:
                self._hint(connection, step, given)
        finally:
            self._pool.give(connection)

    def complete_on(
        self, connection: Any, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW
    ) -> Any:
        """
        See ``TransactionalStore.complete_on``; it takes sync and async connections.

        It runs in a savepoint, so that its failure leaves the transaction usable. Above
        READ COMMITTED a heartbeat that comes between makes it fail, with a StoreError.
        """
        return complete_on(self._ledger, connection, claim, result, joined)

    def is_settled(self, claim: Claim, handler: str) -> bool | None:
        """See ``TransactionalStore.is_settled``; it waits for ``lock_timeout`` seconds."""

        def settled(connection: Connection) -> bool | None:
            try:
                return run(connection, self._ledger.settled(claim, handler))
            except errors.LockNotAvailable:
                return None

        return self._attempt(self._pool, settled)

    def watch(self, scope: str, wake: Callable[[], None]) -> Watch:
        """
        See ``WatchableStore.watch``; it has a connection of its own, as the source gives them.

        It is live soon after, by LISTEN. Behind PgBouncer in transaction mode it never is.
        """
        channel = channel_of(self._ledger.tables, scope)
        return ThreadedWatch(partial(PostgresLine, self._connect_line, channel), wake)

    def _run(self, verb: Steps[T]) -> T:
        return drive(verb, self._perform)

    def _perform(self, step: Step) -> Any:
        pool = self._extending if isinstance(step, ExtendLeases) else self._pool
        given = self._attempt(pool, partial(self._performed, step))
        self._guesses.note(step, given)
        return given

    def _performed(self, step: Step, connection: Connection) -> Any:
        self._check(connection)
        try:
            given = perform(connection, self._ledger.statements, step)
        except CONFLICT as error:
            return unmade(step, error)
        self._hint(connection, step, given)
        return given

    def _check(self, connection: Connection) -> None:
        if self._ledger.id is None:
            run(connection, self._ledger.checked())

    def _taken(self, claiming: Claiming, connection: Connection) -> list[Taken] | None:
        """Give what was claimed and committed; None if somebody is in the way."""

        def performed(step: Step) -> Any:
            return claiming.known(step) or perform(connection, self._ledger.statements, step)

        self._check(connection)
        try:
            if not run(connection, claiming.looked(self._ledger)):
                return []
            with connection.transaction():
                taken = drive(claiming.tried(), performed)
        except IN_THE_WAY:
            return None
        for step, given in claiming.steps:
            self._hint(connection, step, given)
        return taken

    def _hint(self, connection: Connection, step: Step, given: Any) -> None:
        """Wake workers if there is reason to; what was made due is committed, whatever happens."""
        scope = made_due(step, given, self._guesses.now())
        if scope is not None and self._spacing.lets(scope):
            with suppress(*ERRORS):
                execute(connection, notify(channel_of(self._ledger.tables, scope)))

    def _attempt(self, pool: Pool, work: Callable[[Connection], T]) -> T:
        connection, given = self._started(pool, work)
        pool.give(connection)
        return given

    def _started(self, pool: Pool, work: Callable[[Connection], T]) -> tuple[Connection, T]:
        """Work on a connection, which stays taken; once more on a new one if the first breaks."""
        try:
            return self._tried(pool, work, fresh=False)
        except BrokenError:
            return self._tried(pool, work, fresh=True)

    def _tried(
        self, pool: Pool, work: Callable[[Connection], T], *, fresh: bool
    ) -> tuple[Connection, T]:
        connection = taken(pool, fresh=fresh)
        try:
            return connection, work(connection)
        except ERRORS as error:
            lost = is_lost(connection, error)
            if lost:
                connection.close()
            pool.give(connection)
            if lost and not fresh:
                raise BrokenError from error
            raise told(error) from error
        except BaseException:
            pool.give(connection)
            raise

    def _begun(self, claim: Claim, connection: Connection) -> psycopg.Transaction:
        block = psycopg.Transaction(connection)
        block.__enter__()
        try:
            run(connection, self._ledger.marked(claim))
        except BaseException as error:
            _roll_back(block, error)
            raise
        return block

    def _finish(
        self, connection: Connection, claim: Claim, result: HandlerResult, joined: Plan
    ) -> list[tuple[Step, Any]]:
        """Give what was performed, and what that gave; it counts when it is committed."""
        steps: list[tuple[Step, Any]] = []
        verb = _verbs.finish(claim, result, joined, in_transaction=True)
        try:
            run(connection, self._ledger.still_marked(claim))
            drive(noted(verb, steps), partial(perform, connection, self._ledger.in_transaction))
        except ERRORS as error:
            raise told(error) from error
        return steps


def _roll_back(block: psycopg.Transaction, error: BaseException) -> None:
    """Undo a block; whatever hinders that, the connection is then not used any more."""
    with suppress(psycopg.Error):
        block.__exit__(type(error), error, error.__traceback__)


def _commit(block: psycopg.Transaction, connection: Connection) -> None:
    if connection.closed:  # psycopg would say nothing
        raise uncommitted(connection, "")
    try:
        block.__exit__(None, None, None)
    except psycopg.Error as error:
        raise uncommitted(connection, error) from error
