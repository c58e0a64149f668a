"""Cases: the plan of an event follows the running code."""

from __future__ import annotations

from stripe_events.storage._results import Held, Plan, PlannedHandler, Settled
from stripe_events.testing._checks import check, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.driven import Driven, handler_of
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import code, failed, planned, succeeded


class PlanCases(Contract):
    """Deploys while an event is unsettled."""

    @case
    def test_a_plan_grows_and_never_shrinks(self, store: Driven) -> None:
        """Let new handlers join an unsettled event, and keep those that the code lacks."""
        store.suspend(store.claim("evt_1", "a", "b").claim)
        claimed = store.claim("evt_1", "b", "c")
        names = [one.name for one in claimed.record.handlers]
        check(["a", "b", "c"], names, "c joins, a stays")
        check(("b", "c"), claimed.record.running, "what the code has is run")
        check("claimed", store.succeed(claimed, "b", "c").state, "a is left")

    @case
    def test_settled_handlers_do_not_join_again(self, store: Driven) -> None:
        """Run no handler a second time because the code still wants it."""
        claimed = store.claim("evt_1", "a", "b")
        store.succeed(claimed, "a")
        store.suspend(claimed.claim)
        claimed = store.claim("evt_1", "a", "b")
        check(2, len(claimed.record.handlers), "each is planned once")
        check(("b",), claimed.record.running, "a has succeeded")

    @case
    def test_refused_handlers_do_not_join(self, store: Driven) -> None:
        """Let the answer of a filter stand for the life of an event."""
        refusing = Plan(planned("a").wanted, refused=("b",))
        store.suspend(store.claim(plan=refusing).claim)
        claimed = store.claim("evt_1", "a", "b")
        check(("a",), claimed.record.running, "b was refused once and for all")

    @case
    def test_a_planned_handler_is_not_refused_later(self, store: Driven) -> None:
        """Keep a handler planned that a later delivery would refuse."""
        store.suspend(store.claim("evt_1", "a", "b").claim)
        later = Plan(planned("a").wanted, refused=("b",))
        claimed = store.claim("evt_1", plan=later, code=code("a", "b"))
        check(("a", "b"), claimed.record.running, "b was planned at the first delivery")

    @case
    def test_a_renamed_handler_is_continued(self, store: Driven) -> None:
        """Carry progress on under the new name; the old one never joins again."""
        claimed = store.claim("evt_1", "old", "b")
        store.succeed(claimed, "old")
        store.suspend(claimed.claim)
        new_code = code("new", "b", formerly=(("old", "new"),))
        claimed = store.claim("evt_1", plan=planned("new", "b"), code=new_code)
        names = [one.name for one in claimed.record.handlers]
        check(["new", "b"], names, "new stands in the place of old")
        check(("b",), claimed.record.running, "it succeeded as old")
        store.suspend(claimed.claim)
        claimed = store.claim("evt_1", "old", "b")
        names = [one.name for one in claimed.record.handlers]
        check(["new", "b"], names, "code of before the rename plans nothing twice")

    @case
    def test_results_may_come_by_a_former_name(self, store: Driven) -> None:
        """Record the result of an owner whose code is older than a rename."""
        claimed = store.claim("evt_1", "a", "old")
        store.expire(claimed)
        renaming = code("a", "new", formerly=(("old", "new"),))
        claimed = store.claim("evt_1", plan=planned("a", "new"), code=renaming)
        store.finish(claimed.claim, succeeded("old"))
        check("done", store.succeed(claimed, "a").state, "old is new")

    @case
    def test_a_retired_handler_is_dropped(self, store: Driven) -> None:
        """Settle removed handlers at the next claim, and the event if nothing else is left."""
        store.suspend(store.claim("evt_1", "a", "b").claim)
        claimed = store.claim(code=code("a", retired=frozenset({"b"})))
        check("dropped", handler_of(claimed.record, "b").outcome, "b was retired")
        check("done", store.succeed(claimed, "a").state, "nothing else was left")
        store.suspend(store.claim("evt_2", "b").claim)
        told = store.deliver("evt_2", plan=Plan(), code=code("a", retired=frozenset({"b"})))
        check(Settled("done"), told, "the claim itself settles it")

    @case
    def test_retiring_drops_nothing_that_was_settled(self, store: Driven) -> None:
        """Keep what a retired handler has done."""
        claimed = store.claim("evt_1", "a", "b")
        store.kill(claimed, "b")
        store.suspend(claimed.claim)
        claimed = store.claim(code=code("a", retired=frozenset({"b"})))
        check("dead", store.succeed(claimed, "a").state, "b has died before it was retired")

    @case
    def test_a_filter_that_could_not_decide_is_remembered(self, store: Driven) -> None:
        """Keep that the filter of a planned handler has raised, until its handler has run."""
        plan = Plan((PlannedHandler("a", undecided=True), PlannedHandler("b")))
        store.suspend(store.claim(plan=plan, code=code("a", "b")).claim)
        record = store.claim("evt_1", "a", "b").record
        kept = [handler_of(record, name).undecided for name in "ab"]
        check([True, False], kept, "a is to be asked before it runs")

    @case
    def test_a_large_plan_is_kept(self, store: Driven) -> None:
        """Keep as many handlers as an application has."""
        names = [f"app.handlers:handler_{number:03}" for number in range(120)]
        claimed = store.claim("evt_1", *names)
        store.finish(claimed.claim, failed(names[0], "x" * 10_000))
        for name in names[1:11]:
            store.succeed(claimed, name)
        store.suspend(claimed.claim)
        claimed = store.claim("evt_1", *names)
        check((names[0], *names[11:]), claimed.record.running, "ten have succeeded")
        check("done", store.succeed(claimed, names[0], *names[11:]).state, "then all have")

    @case
    def test_an_event_that_is_held_does_not_grow(self, store: Driven) -> None:
        """Write nothing into an event that somebody else works on."""
        store.claim("evt_1", "a")
        held = check_type(Held, store.deliver("evt_1", "a", "b"), "it is held")
        check(None, held.answer, "nobody has answered yet")
