"""``AsyncPostgresStore``: the verbs over async connections; see ``_sync``."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import errors

from stripe_events.storage import _verbs
from stripe_events.storage._bases import AsyncVerbs, adrive
from stripe_events.storage._guesses import Guesses
from stripe_events.storage._operations import ExtendLeases
from stripe_events.storage._postgres._async_pools import async_pools, ataken
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
from stripe_events.storage._postgres._executing import aexecute, aperform, arun
from stripe_events.storage._postgres._ledger import Ledger
from stripe_events.storage._postgres._limits import patient
from stripe_events.storage._postgres._listening import (
    PostgresLine,
    async_connecting,
    channel_of,
    notify,
)
from stripe_events.storage._postgres._statements import unmade
from stripe_events.storage._results import NOTHING_NEW
from stripe_events.storage._steps import accept, enqueue, finish
from stripe_events.storage._together import finish_each
from stripe_events.storage._wakes import made_due, noted
from stripe_events.storage._watching import Spacing, ThreadedWatch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence

    from stripe_events.errors import ProcessingError
    from stripe_events.storage._extras import Watch
    from stripe_events.storage._postgres._async_pools import AsyncConnection, AsyncPool, AsyncSource
    from stripe_events.storage._postgres._checks import Loss
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


class AsyncPostgresStore(AsyncVerbs):
    """
    A ledger in PostgreSQL, for async code, by psycopg 3 on asyncio.

    What holds, and the arguments, are those of ``PostgresStore``; ``create_schema`` and
    ``close`` are awaited, and the pool is a ``psycopg_pool.AsyncConnectionPool``. What the
    store opens belongs to the event loop in which it is used: each has its own
    ``max_connections``, and ``extend`` may be called in another one than the verbs.
    """

    def __init__(
        self,
        source: AsyncSource,
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
        self._pool, self._extending = async_pools(source, max_connections, timeout)
        self._connect_line = async_connecting(source)
        self._spacing = Spacing()

    async def create_schema(self) -> None:
        """
        Create the tables, or bring them up to date; call it once per deployment.

        May be repeated, and run by many at once. Code of the version before goes on
        working with the new tables, so it belongs before the new code in a rolling deploy.
        """

        async def created(connection: AsyncConnection) -> None:
            with patient(connection):
                async with connection.transaction():
                    await arun(connection, self._ledger.created())

        await self._attempt(self._pool, created)

    async def close(self) -> None:
        """Close the connections that the store has opened; those of a pool are its owner's."""
        await self._pool.close()
        await self._extending.close()

    async def accept(self, arrival: Arrival, lease: float) -> Accepted:
        """See ``AsyncEventStore.accept``."""
        return await self._run(accept(self._guesses, arrival, lease))

    async def enqueue(self, arrival: Arrival) -> Recorded:
        """See ``AsyncInboxStore.enqueue``."""
        return await self._run(enqueue(arrival))

    async def finish(
        self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW
    ) -> Finished:
        """See ``AsyncEventStore.finish``."""
        return await self._run(finish(self._guesses, claim, result, joined))

    async def finish_each(self, endings: Sequence[Ending]) -> list[Finished | ProcessingError]:
        """See ``BatchStore.finish_each``."""
        return await self._run(finish_each(self._guesses, endings))

    async def take_due(
        self, scope: str, code: Code, claim_id: str, lease: float, limit: int
    ) -> list[Taken]:
        """See ``AsyncInboxStore.take_due``; what it has read, others skip until it is claimed."""
        begin = partial(_verbs.take_due, scope, code, claim_id, lease, limit)
        claiming = Claiming(scope, begin)
        taken = await self._attempt(self._pool, partial(self._taken, claiming))
        if taken is None:
            return await self._run(begin())
        for step, given in claiming.steps:
            self._guesses.note(step, given)
        return taken

    @asynccontextmanager
    async def transaction(
        self, claim: Claim, result: Callable[[], HandlerResult], joined: Plan = NOTHING_NEW
    ) -> AsyncGenerator[AsyncConnection, None]:
        """
        See ``AsyncTransactionalStore.transaction``; the transaction is READ COMMITTED.

        ``commit()`` and ``rollback()`` of the connection are refused in the block, and so
        is a block that has ended its transaction in SQL. ``connection.transaction()``
        makes savepoints.
        """
        connection, block = await self._started(self._pool, partial(self._begun, claim))
        try:
            try:
                with patient(connection):
                    yield connection
                steps = await self._finish(connection, claim, result(), joined)
            except BaseException as error:
                await _roll_back(block, error)
                raise
            await _commit(block, connection)
            for step, given in steps:
                await self._hint(connection, step, given)
        finally:
            await self._pool.give(connection)

    def complete_on(
        self, connection: Any, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW
    ) -> Any:
        """
        See ``AsyncTransactionalStore.complete_on``; it takes sync and async connections.

        It runs in a savepoint, so that its failure leaves the transaction usable. Above
        READ COMMITTED a heartbeat that comes between makes it fail, with a StoreError.
        """
        return complete_on(self._ledger, connection, claim, result, joined)

    async def is_settled(self, claim: Claim, handler: str) -> bool | None:
        """See ``AsyncTransactionalStore.is_settled``; it waits for ``lock_timeout`` seconds."""

        async def settled(connection: AsyncConnection) -> bool | None:
            try:
                return await arun(connection, self._ledger.settled(claim, handler))
            except errors.LockNotAvailable:
                return None

        return await self._attempt(self._pool, settled)

    def watch(self, scope: str, wake: Callable[[], None]) -> Watch:
        """See ``PostgresStore.watch``; it is not awaited, and calls from a thread of its own."""
        channel = channel_of(self._ledger.tables, scope)
        return ThreadedWatch(partial(PostgresLine, self._connect_line, channel), wake)

    async def _run(self, verb: Steps[T]) -> T:
        return await adrive(verb, self._perform)

    async def _perform(self, step: Step) -> Any:
        pool = self._extending if isinstance(step, ExtendLeases) else self._pool
        given = await self._attempt(pool, partial(self._performed, step))
        self._guesses.note(step, given)
        return given

    async def _performed(self, step: Step, connection: AsyncConnection) -> Any:
        await self._check(connection)
        try:
            given = await aperform(connection, self._ledger.statements, step)
        except CONFLICT as error:
            return unmade(step, error)
        await self._hint(connection, step, given)
        return given

    async def _check(self, connection: AsyncConnection) -> None:
        if self._ledger.id is None:
            await arun(connection, self._ledger.checked())

    async def _taken(self, claiming: Claiming, connection: AsyncConnection) -> list[Taken] | None:
        """Give what was claimed and committed; None if somebody is in the way."""

        async def performed(step: Step) -> Any:
            return claiming.known(step) or await aperform(connection, self._ledger.statements, step)

        await self._check(connection)
        try:
            if not (await arun(connection, claiming.looked(self._ledger))):
                return []
            async with connection.transaction():
                taken = await adrive(claiming.tried(), performed)
        except IN_THE_WAY:
            return None
        for step, given in claiming.steps:
            await self._hint(connection, step, given)
        return taken

    async def _hint(self, connection: AsyncConnection, step: Step, given: Any) -> None:
        """Wake workers if there is reason to; what was made due is committed, whatever happens."""
        scope = made_due(step, given, self._guesses.now())
        if scope is not None and self._spacing.lets(scope):
            with suppress(*ERRORS):
                await aexecute(connection, notify(channel_of(self._ledger.tables, scope)))

    async def _attempt(self, pool: AsyncPool, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        connection, given = await self._started(pool, work)
        await pool.give(connection)
        return given

    async def _started(
        self, pool: AsyncPool, work: Callable[[AsyncConnection], Awaitable[T]]
    ) -> tuple[AsyncConnection, T]:
        """Work on a connection, which stays taken; once more on a new one if the first breaks."""
        try:
            return await self._tried(pool, work, fresh=False)
        except BrokenError:
            return await self._tried(pool, work, fresh=True)

    async def _tried(
        self, pool: AsyncPool, work: Callable[[AsyncConnection], Awaitable[T]], *, fresh: bool
    ) -> tuple[AsyncConnection, T]:
        connection = await ataken(pool, fresh=fresh)
        try:
            return connection, await work(connection)
        except ERRORS as error:
            lost = is_lost(connection, error)
            if lost:
                await connection.close()
            await pool.give(connection)
            if lost and not fresh:
                raise BrokenError from error
            raise told(error) from error
        except BaseException:
            await pool.give(connection)
            raise

    async def _begun(self, claim: Claim, connection: AsyncConnection) -> psycopg.AsyncTransaction:
        block = psycopg.AsyncTransaction(connection)
        await block.__aenter__()
        try:
            await arun(connection, self._ledger.marked(claim))
        except BaseException as error:
            await _roll_back(block, error)
            raise
        return block

    async def _finish(
        self, connection: AsyncConnection, claim: Claim, result: HandlerResult, joined: Plan
    ) -> list[tuple[Step, Any]]:
        """Give what was performed, and what that gave; it counts when it is committed."""
        steps: list[tuple[Step, Any]] = []
        verb = _verbs.finish(claim, result, joined, in_transaction=True)
        try:
            await arun(connection, self._ledger.still_marked(claim))
            await adrive(
                noted(verb, steps), partial(aperform, connection, self._ledger.in_transaction)
            )
        except ERRORS as error:
            raise told(error) from error
        return steps


async def _roll_back(block: psycopg.AsyncTransaction, error: BaseException) -> None:
    """Undo a block; whatever hinders that, the connection is then not used any more."""
    with suppress(psycopg.Error):
        await block.__aexit__(type(error), error, error.__traceback__)


async def _commit(block: psycopg.AsyncTransaction, connection: AsyncConnection) -> None:
    if connection.closed:  # psycopg would say nothing
        raise uncommitted(connection, "")
    try:
        await block.__aexit__(None, None, None)
    except psycopg.Error as error:
        raise uncommitted(connection, error) from error
