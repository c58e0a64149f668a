"""Cases: effects and completions that commit together."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from stripe_events.errors import LostClaim, StaleSnapshot, UsageError
from stripe_events.storage._results import (
    NOTHING_NEW,
    Claimed,
    Finished,
    HandlerResult,
    Held,
    Plan,
    Settled,
)
from stripe_events.testing._checks import check, check_raises, check_that, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.driven import Driven, handler_of
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import CREATED, failed, planned, skipped, succeeded
from stripe_events.testing._contract.racing import together

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class TransactionHooks(Contract):
    """The hooks that cases of transactions need besides; each may be ``async def``."""

    def write(self, connection: Any, text: str) -> Any:
        """Let a handler write a text into a table of the user's, by the connection given."""
        raise NotImplementedError

    def written(self, store: Any) -> Any:
        """Give the list of the texts that were committed, as a new connection sees them."""
        raise NotImplementedError

    def connect(self, store: Any) -> Any:  # noqa: ARG002 - for subclasses
        """Give a connection of the user's own to the same database, not in autocommit."""
        raise SkipTest("connect() is not given, and the case needs the user's own connection")

    @contextmanager
    def _block(
        self,
        store: Driven,
        claimed: Claimed,
        *,
        result: Callable[[], HandlerResult] = lambda: succeeded("a"),
        joined: Plan = NOTHING_NEW,
    ) -> Generator[Callable[[str], Any], None, None]:
        """Open a transaction, and give what writes a text in it."""
        manager = store.store.transaction(claimed.claim, result, joined)
        with store.driver.entered(manager) as connection:
            yield lambda text: store.driver.done(self.write(connection, text))

    @contextmanager
    def _own(self, store: Driven) -> Generator[Any, None, None]:
        """Give a connection of the user's own, closed in the end."""
        connection = store.driver.done(self.connect(store.store))
        try:
            yield connection
        finally:
            store.driver.done(connection.close())

    def _complete_on(self, store: Driven, connection: Any, claimed: Claimed) -> Any:
        given = store.store.complete_on(connection, claimed.claim, succeeded("a"))
        return store.driver.done(given)

    def _written(self, store: Driven) -> list[str]:
        return sorted(store.driver.done(self.written(store.store)))

    def _is_settled(self, store: Driven, claimed: Claimed, handler: str = "a") -> bool:
        return bool(store.driver.done(store.store.is_settled(claimed.claim, handler)))


class BlockCases(TransactionHooks):
    """``transaction()``."""

    @case
    def test_an_effect_commits_with_its_completion(self, store: Driven) -> None:
        """Commit what the block wrote together with the result."""
        claimed = store.claim()
        with self._block(store, claimed) as write:
            write("effect")
        check(["effect"], self._written(store), "the effect is there")
        check(True, self._is_settled(store, claimed), "and the handler is settled")
        check(Settled("done"), store.another().deliver(), "which settles the event")

    @case
    def test_a_block_that_raises_rolls_back(self, store: Driven) -> None:
        """Commit nothing of a block that raises, and let its error through."""
        claimed = store.claim()
        asked: list[bool] = []

        def result() -> HandlerResult:
            asked.append(True)
            return succeeded("a")

        def raising() -> None:
            with self._block(store, claimed, result=result) as write:
                write("effect")
                raise ZeroDivisionError

        check_raises(ZeroDivisionError, "the block's error comes through", raising)
        check([], self._written(store), "the effect is gone")
        check([], asked, "nobody asked for a result")
        check(False, self._is_settled(store, claimed), "the handler is not settled")
        check("done", store.succeed(claimed).state, "the claim is as valid as before")

    @case
    def test_the_result_is_asked_when_the_block_has_ended(self, store: Driven) -> None:
        """Record what the handler says at the end of the block, with what joined."""
        claimed = store.claim()
        said: list[HandlerResult] = []
        block = self._block(store, claimed, result=lambda: said[0], joined=planned("b"))
        with block as write:
            write("effect")
            said.append(skipped("a"))
        check(["effect"], self._written(store), "the effect is there")
        check("done", store.succeed(claimed, "b").state, "b has joined, and was left")

    @case
    def test_nothing_is_seen_before_the_commit(self, store: Driven) -> None:
        """Show neither the effect nor the completion to others while the block runs."""
        claimed = store.claim()
        other = store.another()
        with self._block(store, claimed) as write:
            write("effect")
            check([], self._written(store), "the effect is not committed")
            check(False, self._is_settled(other, claimed), "the handler is not settled")

    @case
    def test_a_second_delivery_is_answered_while_a_block_runs(self, store: Driven) -> None:
        """Answer at once that an event is held, though a transaction has written."""
        claimed = store.claim()
        other = store.another()
        with self._block(store, claimed) as write:
            write("effect")
            (held,) = together([other.deliver])
            check_type(Held, held, "a second delivery gets no claim")

    @case
    def test_a_heartbeat_is_answered_while_a_block_runs(self, store: Driven) -> None:
        """Tell no claim as lost because its own handler is in a transaction."""
        claimed = store.claim()
        other = store.another()
        with self._block(store, claimed) as write:
            write("effect")
            (lost,) = together([lambda: other.extend([claimed.claim])])
            check([], lost, "no claim is lost")
        check(["effect"], self._written(store), "nor is the transaction disturbed")

    @case
    def test_a_lost_claim_rolls_back(self, store: Driven) -> None:
        """Commit nothing for an owner whose claim was taken over."""
        stale = store.claim()
        store.expire(stale)
        valid = store.another().claim()

        def block() -> None:
            with self._block(store, stale) as write:
                write("effect")

        check_raises(LostClaim, "the next claim exists", block)
        check([], self._written(store), "the effect is gone")
        check("done", store.succeed(valid).state, "the next owner goes on")

    @case
    def test_a_claim_is_known_by_its_random_id(self, store: Driven) -> None:
        """Commit nothing by a token that repeats, under another claim id."""
        claimed = store.claim()
        wrong = claimed._replace(claim=claimed.claim._replace(claim_id="another"))

        def block() -> None:
            with self._block(store, wrong) as write:
                write("effect")

        check_raises(LostClaim, "the claim id is another one's", block)
        check([], self._written(store), "the effect is gone")

    @case
    def test_the_end_of_a_lease_alone_loses_no_effect(self, store: Driven) -> None:
        """Commit what took longer than the lease, if nobody else has claimed since."""
        claimed = store.claim(lease=0.0)
        with self._block(store, claimed) as write:
            write("effect")
        check(["effect"], self._written(store), "nobody had taken it over")

    @case
    def test_an_effect_is_committed_once(self, store: Driven) -> None:
        """Commit no second block of a handler that is settled."""
        claimed = store.claim("evt_1", "a", "b")

        def block() -> None:
            with self._block(store, claimed) as write:
                write("effect")

        block()
        check_raises(LostClaim, "a is settled: what it writes more is rolled back", block)
        check(["effect"], self._written(store), "the effect is there once")
        check("done", store.succeed(claimed, "b").state, "the claim is as valid as before")

    @case
    def test_what_fails_after_the_commit_is_late(self, store: Driven) -> None:
        """Keep a handler settled that raises after its transaction was committed."""
        claimed = store.claim("evt_1", "a", "b")
        with self._block(store, claimed) as write:
            write("effect")
        told = store.finish(claimed.claim, failed("a", "too late"))
        check(Finished("claimed", settled_before=True), told, "it was settled before")
        store.suspend(claimed.claim)
        handler = handler_of(store.claim("evt_1", "a", "b").record, "a")
        late = handler.late_error and handler.late_error.message
        check(("succeeded", "too late"), (handler.outcome, late), "the error is kept as late")

    @case
    def test_a_stale_snapshot_rolls_back(self, store: Driven) -> None:
        """Check once more at the commit that no newer snapshot has succeeded meanwhile."""
        plan = planned("a", stale_key="g")
        older = store.claim("evt_1", plan=plan, created=CREATED + 1)
        newer = store.claim("evt_2", plan=plan, created=CREATED + 2)
        with self._block(store, newer) as write:
            write("newer")

        def block() -> None:
            with self._block(store, older) as write:
                write("older")

        check_raises(StaleSnapshot, "evt_2 is newer, and committed first", block)
        check(["newer"], self._written(store), "the older effect is gone")
        check("done", store.finish(older.claim, skipped("a")).state, "the claim is still valid")

    @case
    def test_a_block_that_settles_hands_its_key_on(self, store: Driven) -> None:
        """Free the order key in the same commit."""
        head = store.claim("evt_1", order_key="k")
        store.deliver("evt_2", order_key="k")
        with self._block(store, head) as write:
            write("effect")
        store.claim("evt_2", order_key="k")

    @case
    def test_times_inside_a_block_are_of_the_moment(self, store: Driven) -> None:
        """Write times by the clock of the moment, not of the transaction's begin."""
        claimed = store.claim("evt_1", "a", "b")
        store.now()
        with self._block(store, claimed) as write:
            write("effect")
            store.tick()
            before_the_end = store.now()
        store.suspend(claimed.claim)
        handler = handler_of(store.claim("evt_1", "a", "b").record, "a")
        check_that(
            handler.at is not None and handler.at >= before_the_end,
            f"the completion is not earlier than {before_the_end!r}, when the block still ran",
            handler,
        )


class CompleteOnCases(TransactionHooks):
    """``complete_on()``, and ``is_settled()`` which looks at it afterwards."""

    @case
    def test_a_completion_commits_with_the_users_transaction(self, store: Driven) -> None:
        """Let the user's commit be that of the completion too."""
        claimed = store.claim()
        with self._own(store) as connection:
            store.driver.done(self.write(connection, "effect"))
            self._complete_on(store, connection, claimed)
            store.driver.done(connection.commit())
        check(["effect"], self._written(store), "the effect is there")
        check(True, self._is_settled(store, claimed), "and the handler is settled")
        check(Settled("done"), store.deliver(), "which settles the event")

    @case
    def test_a_completion_is_undone_by_the_users_rollback(self, store: Driven) -> None:
        """Settle nothing whose transaction was rolled back."""
        claimed = store.claim()
        with self._own(store) as connection:
            store.driver.done(self.write(connection, "effect"))
            self._complete_on(store, connection, claimed)
            store.driver.done(connection.rollback())
        check([], self._written(store), "the effect is gone")
        check(False, self._is_settled(store, claimed), "the handler is not settled")
        check("done", store.succeed(claimed).state, "the claim is as valid as before")

    @case
    def test_a_completion_needs_the_claim(self, store: Driven) -> None:
        """Write nothing for an owner whose claim was taken over."""
        stale = store.claim()
        store.expire(stale)
        valid = store.another().claim()
        with self._own(store) as connection:
            store.driver.done(self.write(connection, "effect"))
            complete = lambda: self._complete_on(store, connection, stale)  # noqa: E731
            check_raises(LostClaim, "the next claim exists", complete)
            store.driver.done(connection.rollback())
        check(False, self._is_settled(store, valid), "nothing was settled")

    @case
    def test_a_completion_is_made_once(self, store: Driven) -> None:
        """Refuse a handler's completion that was committed before."""
        claimed = store.claim("evt_1", "a", "b")
        store.succeed(claimed, "a")
        with self._own(store) as connection:
            store.driver.done(self.write(connection, "effect"))
            complete = lambda: self._complete_on(store, connection, claimed)  # noqa: E731
            check_raises(LostClaim, "a is settled: this effect is one too many", complete)
            store.driver.done(connection.rollback())

    @case
    def test_an_unknown_connection_is_refused(self, store: Driven) -> None:
        """Refuse what is no connection of this database."""
        claimed = store.claim()
        complete = lambda: self._complete_on(store, object(), claimed)  # noqa: E731
        check_raises(UsageError, "an object is no connection", complete)

    @case
    def test_only_what_is_committed_is_settled(self, store: Driven) -> None:
        """Tell of each handler whether its completion was committed."""
        claimed = store.claim("evt_1", "a", "b")
        store.succeed(claimed, "a")
        store.fail(claimed, "b")
        other = store.another()
        check(True, self._is_settled(other, claimed, "a"), "a has succeeded")
        check(False, self._is_settled(other, claimed, "b"), "b has failed")
