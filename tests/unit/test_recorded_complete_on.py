"""``ctx.complete_on()``: a handler is done by the user's own commit (7)."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events.errors import LostClaim, ProcessingError, UsageError
from stripe_events.observers import Failed, LateError
from tests.unit.recorded import LEASE, Died, Handler
from tests.unit.recorded_sql import CREDIT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stripe_events import Context
    from tests.unit.recorded import Service
    from tests.unit.recorded_sql import SQLService

Complete = "Callable[[], None]"


def error_of(service: Service) -> Exception | None:
    """Give what the only handler of the last failed attempt raised."""
    (run,) = service.told_of(Failed)[-1].runs
    return run.error


def committing(connection: sqlite3.Connection, complete: Callable[[], None]) -> None:
    """Do it as it should be done."""
    complete()
    connection.execute("COMMIT")


def test_the_users_commit_completes_the_handler(bank: SQLService) -> None:
    """Nothing of it is seen before; the next delivery is a duplicate."""

    def body(connection: sqlite3.Connection, complete: Callable[[], None]) -> None:
        complete()
        seen.append((bank.credits(), bank.handler().outcome))
        connection.execute("COMMIT")
        seen.append((bank.credits(), bank.record().state))

    seen: list[Any] = []
    router = bank.code({"a": bank.completing(body)})

    outcomes = [bank.deliver(router).outcome for _ in range(2)]

    assert [Outcome.HANDLED, Outcome.DUPLICATE] == outcomes
    assert [([], "planned"), (["attempt 1"], "done")] == seen


def test_a_rollback_after_it_fails_the_handler(bank: SQLService) -> None:
    """It returned as if all were well, but nothing was committed."""

    def body(connection: sqlite3.Connection, complete: Callable[[], None]) -> None:
        complete()
        connection.execute("ROLLBACK")

    response = bank.deliver(bank.code({"a": bank.completing(body)}))

    assert (Outcome.FAILED, []) == (response.outcome, bank.credits())
    error = error_of(bank)
    assert isinstance(error, ProcessingError)
    assert "ctx.complete_on() was not committed" in str(error)
    assert Outcome.HANDLED == bank.deliver(bank.code({"a": bank.completing(committing)})).outcome
    assert ["attempt 2"] == bank.credits()


def test_a_commit_that_is_forgotten_fails_the_handler(bank: SQLService) -> None:
    """Closing the connection rolls it back."""
    response = bank.deliver(bank.code({"a": bank.completing(lambda _, complete: complete())}))

    assert (Outcome.FAILED, []) == (response.outcome, bank.credits())
    assert "was not committed" in str(error_of(bank))


def test_what_the_handler_raises_says_why_it_was_not_committed(bank: SQLService) -> None:
    """Its own error is the reason, not the missing commit."""

    def body(connection: sqlite3.Connection, complete: Callable[[], None]) -> None:
        complete()
        raise ValueError("no")

    bank.deliver(bank.code({"a": bank.completing(body)}))

    assert "no" == str(error_of(bank))


def test_what_is_raised_after_the_commit_is_a_late_error(bank: SQLService) -> None:
    """The handler is done."""

    def body(connection: sqlite3.Connection, complete: Callable[[], None]) -> None:
        committing(connection, complete)
        raise ValueError("late")

    assert Outcome.HANDLED == bank.deliver(bank.code({"a": bank.completing(body)})).outcome
    assert (["attempt 1"], 1) == (bank.credits(), len(bank.told_of(LateError)))


def test_a_death_after_the_commit_is_a_duplicate_later(bank: SQLService) -> None:
    """The effect is there once."""

    def body(connection: sqlite3.Connection, complete: Callable[[], None]) -> None:
        committing(connection, complete)
        raise Died

    bank.die({"a": bank.completing(body)})

    router = bank.code({"a": bank.completing(committing)})
    assert (Outcome.DUPLICATE, ["attempt 1"]) == (bank.deliver(router).outcome, bank.credits())


def test_a_death_before_the_commit_leaves_nothing(bank: SQLService) -> None:
    """Whoever takes over credits."""

    def body(connection: sqlite3.Connection, complete: Callable[[], None]) -> None:
        complete()
        raise Died

    bank.die({"a": bank.completing(body)})

    router = bank.code({"a": bank.completing(committing)})
    assert (Outcome.HANDLED, ["attempt 2"]) == (bank.deliver(router).outcome, bank.credits())


def test_a_connection_in_autocommit_is_refused(bank: SQLService) -> None:
    """The completion would be committed without what belongs to it."""

    def handler(event: object, ctx: Context) -> None:
        with closing(bank.connect()) as connection:
            bank.complete(ctx, connection)

    bank.deliver(bank.code({"a": handler}))

    assert isinstance(error_of(bank), UsageError)
    assert {"a": "failed"} == bank.outcomes()


def test_another_database_is_refused(bank: SQLService, tmp_path: Path) -> None:
    """It has a ledger of its own, or none."""

    def handler(event: object, ctx: Context) -> None:
        with closing(sqlite3.connect(tmp_path / "other.db", isolation_level=None)) as connection:
            connection.execute("BEGIN")
            bank.complete(ctx, connection)

    bank.deliver(bank.code({"a": handler}))

    assert isinstance(error_of(bank), UsageError)
    assert "takes a connection whose main database is" in str(error_of(bank))


def test_what_is_no_connection_is_refused(bank: SQLService) -> None:
    """A session of an ORM, say."""
    router = bank.code({"a": lambda event, ctx: bank.complete(ctx, object())})

    bank.deliver(router)

    assert isinstance(error_of(bank), UsageError)


def test_a_store_that_cannot_join_says_so(service: Service) -> None:
    """Its ledger is in no database of the user's."""
    router = service.code({"a": lambda event, ctx: ctx.complete_on(object())})

    service.deliver(router)

    assert "WatchedStore cannot join" in str(error_of(service)).replace("AsyncMemory", "Watched")


def test_a_run_is_completed_once(bank: SQLService) -> None:
    """A second time would be for another commit."""

    def body(connection: sqlite3.Connection, complete: Callable[[], None]) -> None:
        complete()
        with pytest.raises(UsageError, match="completed once"):
            complete()
        connection.execute("COMMIT")

    assert Outcome.HANDLED == bank.deliver(bank.code({"a": bank.completing(body)})).outcome
    assert ["attempt 1"] == bank.credits()


def test_a_stale_owner_cannot_complete(bank: SQLService) -> None:
    """``LostClaim``; its transaction is rolled back by whoever lets it pass."""

    def handler(event: object, ctx: Context) -> None:
        bank.clock.now += LEASE
        other = bank.code({"a": bank.completing(committing)})
        bank.threads.submit(bank.deliver, other).result()
        with closing(bank.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(CREDIT, ("stale",))
            bank.complete(ctx, connection)
            connection.execute("COMMIT")

    response = bank.deliver(bank.code({"a": handler}))

    assert (500, True) == (response.status, isinstance(response.error, LostClaim))
    assert ["attempt 2"] == bank.credits()


def test_a_transaction_that_is_still_open_is_told(bank: SQLService) -> None:
    """It was begun around the router: of its end nothing can be said, so nothing is written."""
    bank.sql._busy_timeout = 0.02
    with closing(bank.connect()) as around:

        def handler(event: object, ctx: Context) -> None:
            around.execute("BEGIN IMMEDIATE")
            bank.complete(ctx, around)

        later = Handler()
        response = bank.deliver(bank.code({"a": handler, "b": later}))

        assert (500, Outcome.FAILED, 0) == (response.status, response.outcome, later.runs)
        assert isinstance(response.error, UsageError)
        assert "is still open after it returned" in str(response.error)
        around.execute("ROLLBACK")

    assert ("claimed", {"a": "planned", "b": "planned"}) == (bank.record().state, bank.outcomes())


def test_what_a_handler_raises_with_its_transaction_open_is_told_too(bank: SQLService) -> None:
    """Its error keeps the connection alive, and nothing is recorded; the log has both."""
    bank.sql._busy_timeout = 0.02
    kept: list[sqlite3.Connection] = []

    def handler(event: object, ctx: Context) -> None:
        connection = bank.connect()
        kept.append(connection)
        connection.execute("BEGIN IMMEDIATE")
        bank.complete(ctx, connection)
        raise ValueError("the handler's own")

    response = bank.deliver(bank.code({"a": handler}))

    assert isinstance(response.error, UsageError)
    assert "the handler's own" == str(response.error.__cause__)
    for connection in kept:
        connection.close()


def test_errors_of_complete_on_that_are_swallowed_fail_the_handler(bank: SQLService) -> None:
    """What was not completed is not done, whatever the handler says."""

    def handler(event: object, ctx: Context) -> None:
        with closing(bank.connect()) as connection, suppress(UsageError):
            bank.complete(ctx, connection)

    response = bank.deliver(bank.code({"a": handler}))

    assert (Outcome.FAILED, {"a": "failed"}) == (response.outcome, bank.outcomes())


def test_an_answer_belongs_before_it(bank: SQLService) -> None:
    """It is stored with the completion."""

    def handler(event: object, ctx: Context) -> None:
        with closing(bank.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            ctx.respond({"approved": True})
            bank.complete(ctx, connection)
            connection.execute("COMMIT")

    def too_late(event: object, ctx: Context) -> None:
        with closing(bank.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            bank.complete(ctx, connection)
            with pytest.raises(UsageError, match="too late"):
                ctx.respond({"approved": False})
            connection.execute("COMMIT")

    router = bank.code({"a": too_late, "b": handler})

    bodies = [bank.deliver(router).body for _ in range(2)]

    assert [b'{"approved": true}'] * 2 == bodies
