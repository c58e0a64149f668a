"""Cases: how handlers end, how attempts end, and what is counted."""

from __future__ import annotations

from stripe_events.errors import LostClaim, StoreError
from stripe_events.storage._results import Finished, Release, Settled
from stripe_events.testing._checks import check, check_raises, check_that, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.driven import Driven, handler_of
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import (
    NOW,
    code,
    died,
    failed,
    planned,
    skipped,
    succeeded,
)


class FinishCases(Contract):
    """Results, and the end of an attempt."""

    @case
    def test_the_last_handler_settles_the_event(self, store: Driven) -> None:
        """Settle an event in the same step as its last handler."""
        claimed = store.claim("evt_1", "a", "b")
        check(Finished("claimed"), store.succeed(claimed, "a"), "b is left")
        check(Finished("done"), store.succeed(claimed, "b"), "none is left")

    @case
    def test_a_dead_handler_makes_the_event_dead(self, store: Driven) -> None:
        """Call an event dead when all is settled and some handler is dead."""
        claimed = store.claim("evt_1", "a", "b")
        check(Finished("claimed"), store.kill(claimed, "a"), "b is left")
        check(Finished("dead"), store.succeed(claimed, "b"), "none is left, and a is dead")

    @case
    def test_a_handler_that_joined_counts(self, store: Driven) -> None:
        """Derive the end from the store's rows, never from what an owner remembers."""
        claimed = store.claim("evt_1", "a")
        joined = store.another().finish(claimed.claim, failed("b"), planned("b"))
        check(Finished("claimed"), joined, "a is left, and b has failed")
        told = store.succeed(claimed, "a")
        check(Finished("claimed"), told, "b has joined and is left, though its owner knew only a")
        check(Finished("done"), store.succeed(claimed, "b"), "then all is settled")

    @case
    def test_a_handler_that_joins_with_the_last_result_counts(self, store: Driven) -> None:
        """Plan handlers that join in the same step as the result."""
        claimed = store.claim("evt_1", "a")
        told = store.finish(claimed.claim, succeeded("a"), planned("b"))
        check(Finished("claimed"), told, "b joined in the same step")
        check(Finished("done"), store.succeed(claimed, "b"), "then all is settled")

    @case
    def test_a_planned_handler_that_the_code_lacks_counts(self, store: Driven) -> None:
        """Never complete an event over a planned handler that the running code does not have."""
        claimed = store.claim(plan=planned("a", "gone"), code=code("a"))
        check(Finished("claimed"), store.succeed(claimed, "a"), "gone is planned and unsettled")
        store.suspend(claimed.claim)
        again = store.claim(plan=planned("a", "gone"), code=code("a", "gone"))
        check(("gone",), again.record.running, "newer code runs it")

    @case
    def test_a_failure_never_overwrites_a_success(self, store: Driven) -> None:
        """Leave a settled handler as it is, whatever is said of it later."""
        claimed = store.claim("evt_1", "a", "b")
        store.succeed(claimed, "a")
        for result in (failed("a"), died("a"), skipped("a")):
            told = store.finish(claimed.claim, result)
            check(Finished("claimed", settled_before=True), told, "a was settled before")
        check(Finished("done"), store.succeed(claimed, "b"), "a counts as what it was: succeeded")

    @case
    def test_a_failure_of_a_settled_event_changes_no_outcome(self, store: Driven) -> None:
        """Keep an event done that this very claim has settled, whatever its handler does next."""
        claimed = store.done()
        told = store.finish(claimed.claim, failed("a"))
        check(Finished("done", settled_before=True), told, "it stays done")
        check(Settled("done"), store.deliver(), "it stays a duplicate")

    @case
    def test_a_late_error_is_kept(self, store: Driven) -> None:
        """Keep what a handler raised after it had been settled, as its late error."""
        claimed = store.claim("evt_1", "a", "b")
        store.succeed(claimed, "a")
        store.finish(claimed.claim, failed("a", "too late"))
        store.suspend(claimed.claim)
        handler = handler_of(store.claim("evt_1", "a", "b").record, "a")
        check_that(handler.late_error is not None, "the late error is kept", handler)
        check("too late", handler.late_error and handler.late_error.message, "as it was raised")
        check(("succeeded", None), (handler.outcome, handler.error), "it is no failure")

    @case
    def test_an_error_is_kept_with_attempt_and_time(self, store: Driven) -> None:
        """Keep type, message and traceback of a failure, and when it was in which attempt."""
        store.failed()
        claimed = store.claim()
        error = handler_of(claimed.record, "a").error
        kept = error and (error.type, error.message, error.traceback, error.attempt)
        check(("ValueError", "no luck", "Traceback ...", 1), kept, "the error is as it was given")
        check_that(
            error is not None and claimed.record.first_seen <= error.at <= claimed.now + 1e-6,
            "its time is the store's",
            (error, claimed.now),
        )

    @case
    def test_each_run_is_an_attempt(self, store: Driven) -> None:
        """Count the runs of each handler for itself."""
        for _ in range(2):
            store.failed("evt_1", "a", "b")
        claimed = store.claim("evt_1", "a", "b")
        store.succeed(claimed, "a")
        store.suspend(claimed.claim)
        record = store.claim("evt_1", "a", "b").record
        counted = [handler_of(record, name).attempts for name in "ab"]
        check([3, 2], counted, "a ran three times, b twice")

    @case
    def test_a_finish_that_is_repeated_changes_nothing_more(self, store: Driven) -> None:
        """Let a finish be repeated whose answer was lost: it counts once and is told the same."""
        claimed = store.claim("evt_1", "a", "b")
        for result in (failed("a"), succeeded("b")):
            first = store.finish(claimed.claim, result)
            again = store.finish(claimed.claim, result)
            check(first.state, again.state, "the repetition is told the same state")
        store.suspend(claimed.claim)
        record = store.claim("evt_1", "a", "b").record
        counted = [handler_of(record, name).attempts for name in "ab"]
        check([1, 1], counted, "each ran once")
        check(None, handler_of(record, "b").late_error, "nothing came late")

    @case
    def test_the_finish_that_settled_may_be_repeated(self, store: Driven) -> None:
        """Tell an owner whose answer was lost that the event is done, and do it once."""
        claimed = store.done()
        check("done", store.succeed(claimed).state, "it is done")

    @case
    def test_a_handler_that_is_not_planned_is_an_error(self, store: Driven) -> None:
        """Refuse results of handlers that the plan does not know."""
        claimed = store.claim()
        unknown = lambda: store.finish(claimed.claim, succeeded("unknown"))  # noqa: E731
        check_raises(StoreError, "unknown is not planned", unknown)
        check("done", store.succeed(claimed).state, "the claim is as valid as before")

    @case
    def test_suspend_is_refused_when_nothing_is_left(self, store: Driven) -> None:
        """Leave a settled event settled."""
        claimed = store.done()
        check_raises(LostClaim, "all is settled", lambda: store.suspend(claimed.claim))
        check_raises(LostClaim, "all is settled", lambda: store.give_back(claimed.claim))
        check(Settled("done"), store.deliver(), "it stays done")

    @case
    def test_suspend_and_give_back_may_be_repeated(self, store: Driven) -> None:
        """Take a repetition whose answer was lost without an error, and change nothing more."""
        for event_id, verb in (("evt_1", store.suspend), ("evt_2", store.give_back)):
            claimed = store.claim(event_id)
            verb(claimed.claim, NOW)
            verb(claimed.claim, NOW)
            check(2, store.claim(event_id).claim.token, "it is one step")

    @case
    def test_give_back_counts_no_attempt(self, store: Driven) -> None:
        """Return a claim as if it had not been made, but for its token."""
        for _ in range(3):
            store.give_back(store.claim("evt_1", "a", "b").claim)
        record = store.claim("evt_1", "a", "b").record
        counted = [(one.attempts, one.abandoned, one.outcome) for one in record.handlers]
        check([(0, 0, "planned")] * 2, counted, "no handler has run")
        check(0, record.abandoned, "no attempt was abandoned")

    @case
    def test_suspend_counts_no_attempt_of_handlers_that_did_not_run(self, store: Driven) -> None:
        """Count only runs, at whatever moment an attempt ends."""
        store.suspend(store.claim("evt_1", "a").claim)
        check(0, handler_of(store.claim().record, "a").attempts, "it never ran")

    @case
    def test_missing_handlers_are_dated_once(self, store: Driven) -> None:
        """Keep since when a planned handler has been missing from the code."""
        lacking = Release(0.0, 0.0, missing=("gone",))
        both = planned("a", "gone")
        store.give_back(store.claim(plan=both).claim, lacking)
        first = store.claim(plan=both)
        since = check_type(
            float, handler_of(first.record, "gone").missing_since, "gone is missing since then"
        )
        check_that(since <= first.now, "since the first meeting", since)
        check(None, handler_of(first.record, "a").missing_since, "a is there")
        store.tick()
        store.suspend(first.claim, lacking)
        again = handler_of(store.claim(plan=both).record, "gone")
        # A store that lets time pass by making records older moves this one too.
        check_that(
            again.missing_since is not None and again.missing_since <= since,
            "it is not dated anew",
            again,
        )
