"""A service whose ledger is an SQLite file, with a table of its own beside it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any, TypeVar

from stripe_events.storage import SQLiteStore
from stripe_events.storage._bases import AsyncVerbs
from stripe_events.storage._results import NOTHING_NEW
from tests.unit.recorded import Service

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from stripe_events import Context
    from stripe_events.storage import Claim, HandlerResult, Plan
    from stripe_events.storage._verbs import Verb
    from tests.unit.recorded import Way

T = TypeVar("T")

CREDIT = "INSERT INTO credits VALUES (?)"


class AsyncSQLiteStore(AsyncVerbs):
    """What an ``SQLiteStore`` does, awaited, as other databases are."""

    def __init__(self, store: SQLiteStore) -> None:
        """Take what is to be awaited."""
        self._store = store

    async def _run(self, verb: Verb[T]) -> T:
        await asyncio.sleep(0)
        return self._store._run(verb)

    @asynccontextmanager
    async def transaction(
        self, claim: Claim, result: Callable[[], HandlerResult], joined: Plan = NOTHING_NEW
    ) -> AsyncGenerator[sqlite3.Connection]:
        """Open a transaction."""
        with self._store.transaction(claim, result, joined) as connection:
            await asyncio.sleep(0)
            yield connection

    async def complete_on(
        self, connection: Any, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW
    ) -> None:
        """Write the result on the user's connection."""
        await asyncio.sleep(0)
        self._store.complete_on(connection, claim, result, joined)

    async def is_settled(self, claim: Claim, handler: str) -> bool | None:
        """Tell whether a completion was committed."""
        await asyncio.sleep(0)
        return self._store.is_settled(claim, handler)


class SQLService(Service):
    """A service that credits accounts in the database that holds its ledger."""

    def __init__(self, way: Way, directory: Path) -> None:
        """Start with an empty ledger and no credits."""
        super().__init__(way)
        self.path = directory / "app.db"
        self.sql = SQLiteStore(
            self.path, synchronous="NORMAL", accept_loss=("synchronous",), clock=self.clock
        )
        self.ledger: Any = self.sql
        self.store = AsyncSQLiteStore(self.sql) if way.awaits_store else self.sql
        with closing(self.connect()) as connection:
            connection.execute("CREATE TABLE credits (note TEXT)")

    def connect(self) -> sqlite3.Connection:
        """Open a connection of the application's own, on which it begins and commits itself."""
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)

    def credits(self) -> list[str]:
        """Give what was credited, in order."""
        with closing(self.connect()) as connection:
            return [note for (note,) in connection.execute("SELECT note FROM credits")]

    def crediting(
        self,
        before: Callable[[], object] = lambda: None,
        *,
        within: Callable[[Context], object] = lambda _: None,
        after: Callable[[Context], object] = lambda _: None,
    ) -> Callable[..., Any]:
        """Give a handler that credits in a block, and does these things besides."""
        if self.way.awaits_store:
            return self._crediting_async(before, within, after)

        def handler(event: object, ctx: Context) -> None:
            before()
            with ctx.transaction(self.store) as connection:
                connection.execute(CREDIT, (f"attempt {ctx.attempt}",))
                within(ctx)
            after(ctx)

        return handler

    def _crediting_async(
        self,
        before: Callable[[], object],
        within: Callable[[Context], object],
        after: Callable[[Context], object],
    ) -> Callable[..., Any]:
        async def handler(event: object, ctx: Context) -> None:
            before()
            async with ctx.transaction(self.store) as connection:
                connection.execute(CREDIT, (f"attempt {ctx.attempt}",))
                result = within(ctx)
                if asyncio.iscoroutine(result):
                    await result
            result = after(ctx)
            if asyncio.iscoroutine(result):
                await result

        return handler

    def completing(
        self, body: Callable[[sqlite3.Connection, Callable[[], None]], None]
    ) -> Callable[..., Any]:
        """
        Give a handler with a transaction of its own, in which it credits.

        ``body`` gets the connection, and what calls ``ctx.complete_on`` on it.
        """

        def handler(event: object, ctx: Context) -> Any:
            with closing(self.connect()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(CREDIT, (f"attempt {ctx.attempt}",))
                body(connection, lambda: self.complete(ctx, connection))

        return handler

    def complete(self, ctx: Context, connection: Any) -> None:
        """Call ``ctx.complete_on``, and perform what it gives to be awaited."""
        given: Any = ctx.complete_on(connection)
        if self.way.awaits_store:
            asyncio.run(given)

    def close(self) -> None:
        """Close the routers, and the connections to the file."""
        super().close()
        self.sql.close()
