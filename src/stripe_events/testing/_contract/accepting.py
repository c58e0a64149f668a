"""Cases: what ``accept`` does with an event in each state."""

from __future__ import annotations

from stripe_events._messages import Answer
from stripe_events.storage._results import Held, Plan, Settled, Undecided, Unwanted
from stripe_events.testing._checks import check, check_that, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.driven import Driven, handler_of
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import (
    CREATED,
    LATER,
    arrival,
    code,
    planned,
    skipped,
    succeeded,
)

ANSWER = Answer(
    b'{"approved":  true, "note": "\xc3\xa9\xf0\x9f\x92\xb6 \\u0000"}',
    {"Stripe-Version": "2025-01-01", "x-note": 'quoted "text"; \\ and more'},
)


class AcceptCases(Contract):
    """What becomes of deliveries."""

    @case
    def test_an_absent_event_is_recorded_and_claimed(self, store: Driven) -> None:
        """Record an event with its plan in the same write as its first claim."""
        came = arrival(
            "evt_1", "b", "a", account="acct_1", livemode=True, order_key="ch_1", claim_id="mine"
        )
        came = came._replace(plan=came.plan._replace(refused=("c",)), type="charge.failed")
        claimed = check_type(type(store.claim("evt_2")), store.accept(came, 60.0), "it is claimed")
        record, now = claimed.record, claimed.now
        check(("default", "evt_1", 1, "mine"), tuple(claimed.claim), "the claim names event and us")
        check(
            ("charge.failed", "acct_1", True, CREATED, "ch_1"),
            (record.type, record.account, record.livemode, record.created, record.order_key),
            "what the delivery said is recorded",
        )
        check(("claimed", "inline"), (record.state, record.lane), "it is ours, and inline")
        check((now, now), (record.first_seen, record.last_seen), "it was seen now")
        check(now + 60.0, record.lease_until, "its lease ends as many seconds from now as asked")
        check(("b", "a"), record.running, "its handlers run in the order of the plan")
        check(("c",), record.refused, "handlers whose filter said no are remembered")
        check(
            [("b", "planned", 0), ("a", "planned", 0)],
            [(one.name, one.outcome, one.attempts) for one in record.handlers],
            "its handlers are planned, and none has run",
        )

    @case
    def test_nobody_else_gets_an_event_while_its_lease_runs(self, store: Driven) -> None:
        """Say for how long an event is held, and give it to nobody else."""
        store.claim(lease=60.0)
        for handle in (store, store.another()):
            held = check_type(Held, handle.deliver(), "a second delivery gets no claim")
            check_that(0 < held.seconds <= 60.0, "it is told the rest of the lease", held.seconds)

    @case
    def test_the_same_claim_id_gives_the_same_claim(self, store: Driven) -> None:
        """Give an accept that is repeated, for its answer was lost, the same claim again."""
        first = store.claim(claim_id="mine")
        again = store.another().claim(claim_id="mine")
        check(first.claim, again.claim, "the claim is the same")
        check(first.record, again.record, "nothing was written")

    @case
    def test_what_is_recorded_is_no_duplicate_until_it_is_settled(self, store: Driven) -> None:
        """Run what is left at every delivery: receipt alone settles nothing."""
        store.expire(store.claim("evt_crashed"))
        store.claim("evt_crashed")
        store.failed("evt_failed")
        store.claim("evt_failed")
        claimed = store.claim("evt_given_back")
        store.give_back(claimed.claim)
        store.claim("evt_given_back")

    @case
    def test_a_delivery_claims_before_an_event_is_due(self, store: Driven) -> None:
        """Claim pending and failed events at any delivery, whatever their due time."""
        store.failed("evt_failed", release=LATER)
        store.claim("evt_failed")
        store.give_back(store.claim("evt_pending").claim, LATER)
        store.claim("evt_pending")

    @case
    def test_a_settled_event_is_told_as_such(self, store: Driven) -> None:
        """Tell later deliveries that an event is done or dead, on every handle."""
        store.done("evt_done")
        store.dead("evt_dead")
        for handle in (store, store.another()):
            check(Settled("done"), handle.deliver("evt_done"), "what is done is a duplicate")
            check(Settled("dead"), handle.deliver("evt_dead"), "what is dead is told as dead")

    @case
    def test_an_answer_is_given_again_byte_for_byte(self, store: Driven) -> None:
        """Keep what Stripe was answered, and give it to twins and later deliveries."""
        claimed = store.claim("evt_1", "a", "b")
        store.finish(claimed.claim, succeeded("a", ANSWER))
        held = check_type(Held, store.another().deliver(), "the event is held, for b is left")
        check(ANSWER, held.answer, "a twin gets the answer while the event is still held")
        store.kill(claimed, "b")
        for handle in (store, store.another()):
            settled = check_type(Settled, handle.deliver(), "the event is settled")
            check(ANSWER, settled.answer, "the failure of another handler changes no answer")

    @case
    def test_the_first_answer_stays(self, store: Driven) -> None:
        """Answer Stripe with one voice: a second handler's answer is not taken."""
        claimed = store.claim("evt_1", "a", "b")
        store.finish(claimed.claim, succeeded("a", ANSWER))
        store.finish(claimed.claim, succeeded("b", Answer(b"{}", {})))
        check(Settled("done", ANSWER), store.deliver(), "the first answer is given")

    @case
    def test_what_nobody_wants_is_not_recorded(self, store: Driven) -> None:
        """Record no event that is absent and has no handler, nor one whose filters said no."""
        for plan in (Plan(), Plan(refused=("a",))):
            check(Unwanted(), store.deliver(plan=plan), "no handler is for it")
        check(1, store.claim().claim.token, "it was not recorded")

    @case
    def test_what_was_wanted_is_told_to_code_that_does_not_want_it(self, store: Driven) -> None:
        """Tell what became of a recorded event, also to code that has no handler for it."""
        store.done("evt_done")
        check(Settled("done"), store.deliver("evt_done", plan=Plan()), "it is done")
        store.failed("evt_failed")
        claimed = store.claim("evt_failed", plan=Plan(), code=code())
        check((), claimed.record.running, "this code can run nothing of it")

    @case
    def test_undecided_handlers_are_asked_about_first(self, store: Driven) -> None:
        """Write nothing while a handler's filter has not been asked."""
        came = arrival("evt_1", "a", "b")._replace(
            plan=Plan(planned("a").wanted, undecided=("b",)), code=code("a", "b")
        )
        check(Undecided(("b",)), store.accept(came), "the undecided are named")
        claimed = store.claim("evt_1", "a", "b")
        check(1, claimed.claim.token, "nothing had been recorded")

    @case
    def test_what_was_decided_is_not_asked_again(self, store: Driven) -> None:
        """Ask the filter of a handler once for each event, be its answer yes or no."""
        plan = Plan(planned("a").wanted, refused=("b",))
        store.suspend(store.claim(plan=plan, code=code("a", "b")).claim)
        asking = Plan(undecided=("a", "b", "c"))
        check(Undecided(("c",)), store.deliver(plan=asking), "only c was never asked")
        store.claim(plan=Plan(undecided=("a", "b")))
        check_type(Held, store.deliver(plan=Plan(undecided=("b",))), "it is held")

    @case
    def test_settled_events_ask_nothing(self, store: Driven) -> None:
        """Tell that an event is done, also to code with handlers that never met it."""
        store.done()
        told = store.deliver(plan=Plan(planned("b").wanted, undecided=("c",)))
        check(Settled("done"), told, "what is done stays so")

    @case
    def test_skipped_handlers_are_settled(self, store: Driven) -> None:
        """Count a handler that had nothing to do as settled."""
        claimed = store.claim()
        check("done", store.finish(claimed.claim, skipped("a")).state, "nothing is left")
        check(Settled("done"), store.deliver(), "it is a duplicate")

    @case
    def test_progress_is_seen_by_the_next_claim(self, store: Driven) -> None:
        """Give the next claim what the last one has recorded, and run only what is left."""
        claimed = store.claim("evt_1", "a", "b", "c")
        store.succeed(claimed, "a")
        store.fail(claimed, "b")
        store.suspend(claimed.claim)
        record = store.another().claim("evt_1", "a", "b", "c").record
        check(("b", "c"), record.running, "what is unsettled runs, in the order of the plan")
        check(
            ["succeeded", "failed", "planned"],
            [handler_of(record, name).outcome for name in "abc"],
            "the outcomes are those that were recorded",
        )
