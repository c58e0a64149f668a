"""What becomes of a handler whose commit failed, was overtaken, cut off or never answered (7)."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events.errors import StoreError, UsageError
from stripe_events.events import ChargeSucceeded
from stripe_events.observers import Failed
from tests.unit.deliveries import NOW, snapshot
from tests.unit.recorded import LEASE
from tests.unit.recorded_sql import CREDIT
from tests.unit.waiting import LIMIT, reached

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from stripe_events import Context
    from tests.unit.recorded_sql import SQLService

LOST = StoreError("the connection broke, and with it the answer to the commit")


class Unanswered:
    """A transactional store that says nothing of its commits, or makes none; or cannot be asked."""

    def __init__(self, store: Any, *, opens: bool = True, commits: bool = True) -> None:
        """Take what does the work."""
        self._store = store
        self._opens = opens
        self._commits = commits
        self.unsure: BaseException | None = None

    def __getattr__(self, name: str) -> Any:
        """Be that store in all else."""
        return getattr(self._store, name)

    def transaction(self, *arguments: Any) -> Any:
        """Open one whose end raises."""
        opened = self._store.transaction(*arguments)
        return self._async(opened) if hasattr(opened, "__aenter__") else self._sync(opened)

    @contextmanager
    def _sync(self, opened: Any) -> Generator[Any]:
        self._open()
        with suppress(StoreError), opened as connection:
            yield connection
            self._commit()
        raise LOST

    @asynccontextmanager
    async def _async(self, opened: Any) -> AsyncGenerator[Any]:
        self._open()
        with suppress(StoreError):
            async with opened as connection:
                yield connection
                self._commit()
        raise LOST

    def _open(self) -> None:
        if not self._opens:
            raise LOST

    def _commit(self) -> None:
        if not self._commits:
            raise StoreError("rolled back")

    def is_settled(self, *arguments: Any) -> Any:
        """Answer, or fail."""
        if self.unsure is not None:
            raise self.unsure
        return self._store.is_settled(*arguments)


def swallowing(bank: SQLService, *errors: type[Exception]) -> Callable[..., Any]:
    """Give a handler that credits in a block and lets nothing of these out of it."""
    crediting = bank.crediting()

    async def asynchronously(event: object, ctx: Context) -> None:
        with suppress(*errors):
            await crediting(event, ctx)

    def handler(event: object, ctx: Context) -> None:
        with suppress(*errors):
            crediting(event, ctx)

    return asynchronously if bank.way.awaits_store else handler


@pytest.mark.parametrize("swallows", [False, True])
def test_a_commit_whose_answer_was_lost_counts(bank: SQLService, *, swallows: bool) -> None:
    """The library asks what became of it; the handler is not run again."""
    bank.store = Unanswered(bank.store)
    handler = swallowing(bank, StoreError) if swallows else bank.crediting()
    router = bank.code({"a": handler})

    outcomes = [bank.deliver(router).outcome for _ in range(2)]

    assert [Outcome.HANDLED, Outcome.DUPLICATE] == outcomes
    assert ["attempt 1"] == bank.credits()


@pytest.mark.parametrize("swallows", [False, True])
def test_a_commit_that_was_refused_fails_the_handler(bank: SQLService, *, swallows: bool) -> None:
    """Also if it thinks that all went well."""
    real, bank.store = bank.store, Unanswered(bank.store, commits=False)
    handler = swallowing(bank, StoreError) if swallows else bank.crediting()

    response = bank.deliver(bank.code({"a": handler}))

    assert (Outcome.FAILED, []) == (response.outcome, bank.credits())
    assert LOST is bank.told_of(Failed)[0].runs[0].error
    bank.store = real
    assert Outcome.HANDLED == bank.deliver(bank.code({"a": bank.crediting()})).outcome
    assert ["attempt 2"] == bank.credits()


def test_a_transaction_that_cannot_be_opened_fails_the_handler(bank: SQLService) -> None:
    """Nothing of it has run."""
    bank.store = Unanswered(bank.store, opens=False)

    assert Outcome.FAILED == bank.deliver(bank.code({"a": bank.crediting()})).outcome
    assert LOST is bank.told_of(Failed)[0].runs[0].error


@pytest.mark.parametrize("error", [StoreError("refused"), OSError("reset")])
def test_a_commit_of_which_nothing_can_be_learnt_is_settled_by_the_next_delivery(
    bank: SQLService, error: Exception
) -> None:
    """500 now; what was committed is found then."""
    bank.store = store = Unanswered(bank.store)
    store.unsure = error
    router = bank.code({"a": bank.crediting()})

    first = bank.deliver(router)
    store.unsure = None
    bank.clock.now += LEASE
    second = bank.deliver(router)

    assert (Outcome.STORE_FAILED, Outcome.DUPLICATE) == (first.outcome, second.outcome)
    assert ["attempt 1"] == bank.credits()


def test_a_commit_of_its_own_in_the_block_is_refused(bank: SQLService) -> None:
    """It would commit the effect without the completion; the handler fails by it."""

    def write(connection: Any) -> None:
        connection.execute(CREDIT, ("x",))
        connection.commit()

    def sync(event: object, ctx: Context) -> None:
        with ctx.transaction(bank.store) as connection:
            write(connection)

    async def asynchronously(event: object, ctx: Context) -> None:
        async with ctx.transaction(bank.store) as connection:
            write(connection)

    handler = asynchronously if bank.way.awaits_store else sync
    response = bank.deliver(bank.code({"a": handler}))

    assert (Outcome.FAILED, []) == (response.outcome, bank.credits())
    assert isinstance(bank.told_of(Failed)[0].runs[0].error, UsageError)


def test_an_error_at_the_end_of_the_block_that_is_swallowed_fails_the_handler(
    bank: SQLService,
) -> None:
    """The block was well until then, but nothing of it was committed."""

    class Refusing(Unanswered):
        def _commit(self) -> None:
            raise UsageError("this connection was used otherwise")

    bank.store = Refusing(bank.store)

    response = bank.deliver(bank.code({"a": swallowing(bank, UsageError)}))

    assert (Outcome.FAILED, []) == (response.outcome, bank.credits())
    assert isinstance(bank.told_of(Failed)[0].runs[0].error, UsageError)


def test_a_handler_may_swallow_what_its_own_block_raises(bank: SQLService) -> None:
    """It has decided to do without its writes: a row that is there already, say."""

    def twice(ctx: Context) -> None:
        raise sqlite3.IntegrityError("it is there already")

    crediting = bank.crediting(within=twice)

    async def asynchronously(event: object, ctx: Context) -> None:
        with suppress(sqlite3.IntegrityError):
            await crediting(event, ctx)

    def sync(event: object, ctx: Context) -> None:
        with suppress(sqlite3.IntegrityError):
            crediting(event, ctx)

    handler = asynchronously if bank.way.awaits_store else sync

    assert Outcome.HANDLED == bank.deliver(bank.code({"a": handler})).outcome
    assert ([], {"a": "succeeded"}) == (bank.credits(), bank.outcomes())


def stale(bank: SQLService, handler: Callable[..., Any]) -> Any:
    """Deliver an older snapshot to this handler, in the midst of which a newer one is handled."""
    router = bank.code({})
    router.on(ChargeSucceeded, name="a", stale="skip")(handler)
    return bank.deliver(router, snapshot(created=NOW - 1))


def newer(bank: SQLService) -> None:
    """Handle a newer snapshot of the same object, in another thread."""
    router = bank.code({})
    router.on(ChargeSucceeded, name="a", stale="skip")(lambda event: None)
    payload = snapshot(id="evt_2", created=NOW)
    assert Outcome.HANDLED == bank.threads.submit(bank.deliver, router, payload).result().outcome


@pytest.mark.parametrize("swallows", [False, True])
def test_a_block_that_a_newer_snapshot_overtook_is_rolled_back_and_skipped(
    bank: SQLService, *, swallows: bool
) -> None:
    """Its writes would put an old state over a new one."""
    crediting = bank.crediting(lambda: newer(bank))
    if swallows:
        real = crediting

        async def asynchronously(event: object, ctx: Context) -> None:
            with suppress(Exception):
                await real(event, ctx)

        def sync(event: object, ctx: Context) -> None:
            with suppress(Exception):
                real(event, ctx)

        crediting = asynchronously if bank.way.awaits_store else sync

    response = stale(bank, crediting)

    assert (Outcome.HANDLED, []) == (response.outcome, bank.credits())
    assert {"a": "skipped"} == bank.outcomes()


def test_a_completion_that_a_newer_snapshot_overtook_is_skipped(bank: SQLService) -> None:
    """``complete_on`` raises, and the user's transaction is rolled back by it."""

    def handler(event: object, ctx: Context) -> None:
        newer(bank)
        with closing(bank.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(CREDIT, ("old",))
            bank.complete(ctx, connection)
            connection.execute("COMMIT")

    response = stale(bank, handler)

    assert (Outcome.HANDLED, []) == (response.outcome, bank.credits())
    assert {"a": "skipped"} == bank.outcomes()


def hanging(bank: SQLService, started: threading.Event, *, in_block: bool) -> Callable[..., Any]:
    """Give an async handler that credits, and hangs within its block or after it."""

    async def hang() -> None:
        started.set()
        await asyncio.Event().wait()

    async def handler(event: object, ctx: Context) -> None:
        if bank.way.awaits_store:
            async with ctx.transaction(bank.store) as connection:
                connection.execute(CREDIT, (f"attempt {ctx.attempt}",))
                if in_block:
                    await hang()
        else:
            with ctx.transaction(bank.store) as connection:
                connection.execute(CREDIT, (f"attempt {ctx.attempt}",))
                if in_block:
                    await hang()
        await hang()

    return handler


def test_a_time_limit_within_the_block_rolls_back(bank: SQLService) -> None:
    """The handler has failed, and its retry credits."""
    router = bank.code({})
    handler = hanging(bank, threading.Event(), in_block=True)
    router.on(ChargeSucceeded, name="a", timeout=0.05)(handler)

    assert (Outcome.FAILED, []) == (bank.deliver(router).outcome, bank.credits())
    assert isinstance(bank.told_of(Failed)[0].runs[0].error, TimeoutError)
    assert Outcome.HANDLED == bank.deliver(bank.code({"a": bank.crediting()})).outcome
    assert ["attempt 2"] == bank.credits()


def test_a_time_limit_after_the_block_changes_nothing(bank: SQLService) -> None:
    """The handler is done; that it took too long is a late error."""
    router = bank.code({})
    handler = hanging(bank, threading.Event(), in_block=False)
    router.on(ChargeSucceeded, name="a", timeout=0.05)(handler)

    assert (Outcome.HANDLED, ["attempt 1"]) == (bank.deliver(router).outcome, bank.credits())
    late = bank.handler().late_error
    assert late is not None
    assert "TimeoutError" == late.type


@pytest.mark.parametrize("in_block", [True, False])
def test_a_shutdown_takes_back_what_was_not_committed_and_nothing_else(
    bank: SQLService, *, in_block: bool
) -> None:
    """Stripe comes again, and the credit is there once."""
    started = threading.Event()
    router = bank.code({"a": hanging(bank, started, in_block=in_block)})
    answer = bank.threads.submit(bank.deliver, router)
    reached(started)

    router.close(wait=0)

    assert Outcome.DRAINING == answer.result(LIMIT).outcome
    assert ("pending" if in_block else "done") == bank.record().state
    again = bank.deliver(bank.code({"a": bank.crediting()})).outcome
    assert (Outcome.HANDLED if in_block else Outcome.DUPLICATE) == again
    assert ["attempt 1"] == bank.credits()


def test_the_only_connection_of_the_user_is_free_while_the_library_writes(
    bank: SQLService,
) -> None:
    """Neither a lock nor a transaction is held around code that did not ask for it."""

    def handler(event: object) -> None:
        with closing(bank.connect()) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute(CREDIT, ("alone",))
            connection.execute("COMMIT")

    assert Outcome.HANDLED == bank.deliver(bank.code({"a": handler})).outcome
    assert ["alone"] == bank.credits()
