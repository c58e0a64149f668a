"""Cases: an ``accept`` that leaves to the inbox what its claim does not settle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stripe_events._messages import Answer
from stripe_events.storage._results import Claimed, Enqueued, Held, Release, Settled
from stripe_events.testing._checks import check, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.inbox import check_not_due, ids
from stripe_events.testing._contract.making import LATER, arrival, code, succeeded

if TYPE_CHECKING:
    from stripe_events.testing._contract.driven import Driven

INBOX_FIRST: Final = Release(inline=1_000_000.0, inbox=0.0)
INLINE_FIRST: Final = Release(inline=0.0, inbox=1_000_000.0)


class MixedCases(Contract):
    """What a claim leaves over that was made for the inbox."""

    @case
    def test_a_claim_may_leave_the_rest_to_the_inbox(self, store: Driven) -> None:
        """Make an event the inbox's by the write that records and claims it."""
        claimed = store.claim("evt_1", "a", "b", lane="inbox")
        told = (claimed.record.lane, claimed.record.due, claimed.record.running)
        check(("inbox", None, ("a", "b")), told, "it is the inbox's, and claimed")
        check_not_due(store, "its owner has it")
        store.succeed(claimed, "a")
        store.give_back(claimed.claim, INBOX_FIRST)
        taken = store.another().take_one()
        check(("b",), taken.claimed.record.running, "b was left")

    @case
    def test_the_end_of_a_lease_leaves_the_rest_to_the_inbox(self, store: Driven) -> None:
        """Keep what is left due for workers, though the owner died after its answer."""
        claimed = store.claim("evt_1", "a", "b", lane="inbox")
        store.succeed(claimed, "a")
        store.expire(claimed)
        taken = store.take_one()
        told = (taken.claimed.record.lane, taken.claimed.record.running)
        check(("inbox", ("b",)), told, "a worker has it")
        store.suspend(taken.claimed.claim, INLINE_FIRST)
        check_not_due(store, "it waits as long as the inbox says")

    @case
    def test_an_inline_event_may_become_the_inboxs_by_a_claim(self, store: Driven) -> None:
        """Make an event the inbox's by any claim that says so, whatever came before."""
        store.failed("evt_failed", release=LATER)
        store.give_back(store.claim("evt_pending").claim, LATER)
        store.expire(store.claim("evt_claimed"))
        known = {"evt_failed", "evt_pending", "evt_claimed"}
        for event_id in known:
            claimed = store.claim(event_id, lane="inbox")
            check("inbox", claimed.record.lane, f"{event_id} is the inbox's")
            store.suspend(claimed.claim, INBOX_FIRST)
        check(known, set(ids(store.take_due())), "they are due when the inbox says")

    @case
    def test_a_backoff_goes_on_after_a_mixed_delivery(self, store: Driven) -> None:
        """Leave the due time of an event alone that waits in the inbox already."""
        store.enqueue(arrival("evt_1", "a", "b"))
        store.suspend(store.take_one().claimed.claim, INLINE_FIRST)
        claimed = store.claim("evt_1", "a", "b", lane="inbox")
        store.succeed(claimed, "a")
        store.give_back(claimed.claim, INBOX_FIRST)
        check_not_due(store, "b waits as long as the inbox said")
        store.suspend(store.claim("evt_1", "a", "b", lane="inbox").claim, INBOX_FIRST)
        check(["evt_1"], ids(store.take_due()), "what fails is due when that attempt says")

    @case
    def test_no_delivery_takes_an_event_from_the_inbox(self, store: Driven) -> None:
        """Leave an event to the inbox, though an inline delivery claims it."""
        store.suspend(store.claim("evt_claimed", lane="inbox").claim, LATER)
        store.enqueue(arrival("evt_enqueued"))
        for event_id in ("evt_claimed", "evt_enqueued"):
            claimed = store.claim(event_id)
            check("inbox", claimed.record.lane, f"{event_id} stays the inbox's")
            store.suspend(claimed.claim, INLINE_FIRST)
        check_not_due(store, "they wait as long as the inbox says")

    @case
    def test_a_repeated_claim_for_the_inbox_is_the_same(self, store: Driven) -> None:
        """Give an accept that is repeated, for its answer was lost, the same claim again."""
        first = store.claim(claim_id="mine", lane="inbox")
        again = store.another().claim(claim_id="mine", lane="inbox")
        check(first.record, again.record, "nothing was written")

    @case
    def test_a_held_event_is_not_made_the_inboxs(self, store: Driven) -> None:
        """Write nothing of an event that somebody else has claimed: nothing was promised."""
        claimed = store.claim()
        check_type(Held, store.deliver(lane="inbox"), "it is held")
        store.suspend(claimed.claim, INBOX_FIRST)
        check_not_due(store, "it is inline")

    @case
    def test_what_is_left_to_the_inbox_is_not_claimed(self, store: Driven) -> None:
        """Leave an event unclaimed of which nothing is left for the delivery to run."""
        for event_id, end in (("evt_failed", store.suspend), ("evt_pending", store.give_back)):
            claimed = store.claim(event_id, "a", "b")
            store.finish(claimed.claim, succeeded("a", Answer(b"{}", {})))
            end(claimed.claim, LATER)
            told = store.deliver(event_id, "a", "b", lane="inbox", code=code("a"))
            check(Enqueued(Answer(b"{}", {})), told, "it is the inbox's, and a has answered")
        taken = store.another().take_due()
        tokens = {one.claimed.claim.id: one.claimed.claim.token for one in taken}
        why = "they are due by that write, and were not claimed before"
        check({"evt_failed": 2, "evt_pending": 2}, tokens, why)

    @case
    def test_what_is_left_is_accepted_while_a_worker_has_it(self, store: Driven) -> None:
        """Tell that an event is the inbox's, though its claim runs, if only the rest is left."""
        store.suspend(store.claim("evt_1", "a", "b", lane="inbox").claim, INBOX_FIRST)
        taken = store.take_one().claimed
        rest: dict[str, Any] = {"lane": "inbox", "code": code("a")}
        check_type(Held, store.deliver("evt_1", "a", "b", **rest), "a is left")
        store.succeed(taken, "a")
        for _ in range(2):
            check(Enqueued(), store.deliver("evt_1", "a", "b", **rest), "only b is left")
        check_not_due(store, "its owner has it")
        joins = arrival("evt_1", "a", "b", "c", **rest)
        check(Enqueued(), store.accept(joins), "c joins, and is not for the delivery either")
        check("claimed", store.succeed(taken, "b").state, "c has joined")
        check("done", store.succeed(taken, "c").state, "its claim was left alone")

    @case
    def test_what_is_left_is_accepted_when_a_worker_has_died(self, store: Driven) -> None:
        """Leave it to workers to find what a worker has died of."""
        claimed = store.claim("evt_1", "a", "b", lane="inbox")
        store.succeed(claimed, "a")
        store.expire(claimed)
        told = store.deliver("evt_1", "a", "b", lane="inbox", code=code("a"))
        check(Enqueued(), told, "only b is left")
        taken = store.take_one().claimed.record
        deaths = (taken.running, taken.token, taken.abandoned)
        check((("b",), 2, 1), deaths, "a worker takes it over, and counts the death once")

    @case
    def test_a_repeated_claim_with_nothing_to_run_is_the_same(self, store: Driven) -> None:
        """Give a repeated accept its claim again, though nothing is left that it may run."""
        mine = arrival("evt_1", "a", "b", lane="inbox", code=code("a"))
        claimed = check_type(Claimed, store.accept(mine), "it is claimed")
        store.succeed(claimed, "a")
        again = check_type(Claimed, store.accept(mine), "it is claimed already")
        check(claimed.claim, again.claim, "by the same claim")
        store.give_back(again.claim, INBOX_FIRST)

    @case
    def test_a_parked_event_may_be_left_to_the_inbox(self, store: Driven) -> None:
        """Tell that a parked event is the inbox's, if nothing is left for the delivery to run."""
        head = store.claim("evt_1", order_key="k")
        store.deliver("evt_2", order_key="k")
        told = store.deliver("evt_2", order_key="k", lane="inbox", code=code("b"))
        check(Enqueued(), told, "a is the inbox's")
        check_not_due(store, "it is parked")
        store.succeed(head)
        check(["evt_2"], ids(store.take_due()), "it has the key, and was due")

    @case
    def test_what_is_retired_is_not_left_to_the_inbox(self, store: Driven) -> None:
        """Settle an event of which a mixed delivery finds nothing left at all."""
        store.failed("evt_1", "a")
        without_a = code("b", retired=frozenset({"a"}))
        told = store.deliver("evt_1", "a", lane="inbox", code=without_a)
        check(Settled("done"), told, "a was dropped")

    @case
    def test_a_parked_event_may_be_recorded_for_the_inbox(self, store: Driven) -> None:
        """Let an event that is parked at once be due when its turn comes."""
        head = store.claim("evt_1", order_key="k")
        told = store.deliver("evt_2", order_key="k", lane="inbox")
        check_type(Held, told, "another event of its key goes first")
        check_not_due(store, "it is parked")
        store.succeed(head)
        check(["evt_2"], ids(store.take_due()), "it has the key, and was due")

    @case
    def test_a_parked_event_may_become_the_inboxs(self, store: Driven) -> None:
        """Let an event that was parked inline be due when its turn comes."""
        head = store.claim("evt_1", order_key="k")
        store.deliver("evt_2", order_key="k")
        for lane in ("inbox", "inline"):
            told = store.deliver("evt_2", order_key="k", lane=lane)
            check_type(Held, told, "another event of its key goes first")
        check_not_due(store, "it is parked")
        store.succeed(head)
        taken = store.take_one()
        check("inbox", taken.claimed.record.lane, "it is due, and the inbox's")

    @case
    def test_a_parked_event_may_be_due_in_the_inbox_later(self, store: Driven) -> None:
        """Let a parked event be due as many seconds later as the delivery says."""
        heads = [store.claim(f"evt_head_{key}", order_key=key) for key in ("k", "l")]
        store.deliver("evt_k", order_key="k")
        for key in ("k", "l"):
            store.deliver(f"evt_{key}", order_key=key, lane="inbox", inbox_after=100.0)
        for head in heads:
            store.succeed(head)
        check_not_due(store, "another queue may run them until then")
        store.advance(105.0)
        check({"evt_k", "evt_l"}, set(ids(store.take_due())), "105 of 100 seconds have passed")

    @case
    def test_settled_events_are_told_to_mixed_deliveries(self, store: Driven) -> None:
        """Put nothing into the inbox that is settled."""
        store.done("evt_done")
        store.dead("evt_dead")
        check(Settled("done"), store.deliver("evt_done", lane="inbox"), "it is done")
        check(Settled("dead"), store.deliver("evt_dead", lane="inbox"), "it is dead")
        check_not_due(store, "nothing is left to do")
