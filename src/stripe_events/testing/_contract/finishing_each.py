"""Cases: the ends of many handlers recorded together, for stores that can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from stripe_events._messages import Answer
from stripe_events.errors import LostClaim, StoreError
from stripe_events.storage._results import NOTHING_NEW, Ending, Finished, Settled
from stripe_events.testing._checks import check, check_that, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.driven import Driven, handler_of
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.inbox import ids
from stripe_events.testing._contract.making import (
    arrival,
    code,
    died,
    failed,
    planned,
    skipped,
    succeeded,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events.storage._results import Claimed, HandlerResult, Plan

MANY = 50


def ending(
    claimed: Claimed, result: HandlerResult | None = None, joined: Plan = NOTHING_NEW
) -> Ending:
    """Give the end of a run; of ``a``, which went well, if nothing else is said."""
    return Ending(claimed.claim, result or succeeded("a"), joined)


def finish_each(store: Driven, endings: Sequence[Ending]) -> list[Any]:
    """Call the verb; skip the case for a store that does not have it."""
    if not hasattr(store.store, "finish_each"):
        raise SkipTest("the store has no finish_each(): its workers write end by end")
    told: list[Any] = store.driver.done(store.store.finish_each(endings))
    return told


def taken(store: Driven, *event_ids: str) -> list[Claimed]:
    """Put events with one handler into the inbox and claim them, as a worker does."""
    for event_id in event_ids:
        store.enqueue(arrival(event_id))
    by_id = {one.claimed.claim.id: one.claimed for one in store.take_due()}
    return [by_id[event_id] for event_id in event_ids]


class FinishEachCases(Contract):
    """What one call records, and what it says of each."""

    @case
    def test_many_ends_are_recorded_at_once(self, store: Driven) -> None:
        """Record all of them, and give what each event has come to."""
        names = [f"evt_{number}" for number in range(MANY)]
        told = finish_each(store, [ending(one) for one in taken(store, *names)])
        check([Finished("done")] * MANY, told, "each had one handler")
        for name in (names[0], names[-1]):
            check(Settled("done"), store.deliver(name), f"{name} is done")
        check([], ids(store.take_due()), "nothing is left")

    @case
    def test_answers_come_in_the_order_of_the_ends(self, store: Driven) -> None:
        """Give, for each in its place, what ``finish`` would give."""
        one = store.claim("evt_1", "a", "b")
        two = store.claim("evt_2", "a")
        three = store.claim("evt_3", "a")
        four = store.claim("evt_4", "a", "b")
        ends = [
            ending(three, died("a")),
            ending(one),
            ending(two, skipped("a")),
            ending(four, failed("b")),
        ]
        expected = [Finished(state) for state in ("dead", "claimed", "done", "claimed")]
        check(expected, finish_each(store, ends), "b is left of evt_1, both of evt_4")

    @case
    def test_a_refused_end_undoes_no_other(self, store: Driven) -> None:
        """Give LostClaim for a stale owner, and record the ends around it."""
        first, lost, last = (store.claim(f"evt_{number}") for number in range(3))
        store.expire(lost)
        owner = store.another().claim("evt_1")
        told = finish_each(store, [ending(first), ending(lost), ending(last)])
        check(3, len(told), "one answer for each")
        check([Finished("done")] * 2, told[::2], "the others are recorded")
        check_type(LostClaim, told[1], "its owner had lost the claim")
        check(Finished("done"), store.another().succeed(owner), "the next owner has it")
        check(Settled("done"), store.deliver("evt_0"), "the first is done")
        check(Settled("done"), store.deliver("evt_2"), "the last is done")

    @case
    def test_a_settled_handler_stays_as_it_is(self, store: Driven) -> None:
        """Say so of an end that comes twice, and record the others."""
        one, two = store.claim("evt_1", "a", "b"), store.claim("evt_2")
        store.succeed(one, "a")
        told = finish_each(store, [ending(one), ending(two)])
        check([Finished("claimed", settled_before=True), Finished("done")], told, "a was settled")

    @case
    def test_what_is_recorded_of_each_end_is_kept(self, store: Driven) -> None:
        """Keep outcome, error and answer, and count the attempt, as ``finish`` does."""
        claims = {name: store.claim(name, "a", "b") for name in ("evt_1", "evt_2", "evt_3")}
        answer = Answer(b"{}", {})
        results = [failed("a", "no luck today"), succeeded("a", answer), skipped("a")]
        finish_each(store, [ending(*of) for of in zip(claims.values(), results, strict=True)])
        finish_each(store, [ending(one, succeeded("b")) for one in claims.values()])
        store.suspend(claims["evt_1"].claim)
        again = store.claim("evt_1", "a", "b")
        check(("a",), again.record.running, "a failed, b succeeded")
        handler = handler_of(again.record, "a")
        check(1, handler.attempts, "it was one attempt")
        message = None if handler.error is None else handler.error.message
        check("no luck today", message, "the error is kept")
        check(Settled("done", answer), store.deliver("evt_2", "a", "b"), "its answer is kept")
        check(Settled("done"), store.deliver("evt_3", "a", "b"), "skipped is settled")

    @case
    def test_handlers_that_join_count(self, store: Driven) -> None:
        """Take handlers into the plan that come along with an end."""
        one, two = store.claim("evt_1"), store.claim("evt_2")
        told = finish_each(store, [ending(one, joined=planned("b")), ending(two)])
        check([Finished("claimed"), Finished("done")], told, "b has joined evt_1")
        told = finish_each(store, [ending(one, succeeded("b"), planned("b"))])
        check([Finished("done")], told, "none is left")

    @case
    def test_each_settled_head_hands_its_order_key_on(self, store: Driven) -> None:
        """Let the successors of all heads that are settled be due, and of no other."""
        heads = [store.claim(f"evt_head_{key}", order_key=key) for key in "klm"]
        for key in "klm":
            store.enqueue(arrival(f"evt_{key}", order_key=key))
        ends = [ending(heads[0]), ending(heads[1], failed("a")), ending(heads[2], died("a"))]
        expected = [Finished("done"), Finished("claimed"), Finished("dead")]
        check(expected, finish_each(store, ends), "each is told what it has come to")
        check({"evt_k", "evt_m"}, set(ids(store.take_due())), "evt_head_l still has its key")

    @case
    def test_ends_of_claims_by_another_handle_are_recorded(self, store: Driven) -> None:
        """Need not have made the claim, nor know what became of the event since."""
        claims = taken(store.another(), "evt_1", "evt_2", "evt_3")
        store.enqueue(arrival("evt_2", "a", "c", code=code("a", "b", "c")))
        store.extend([claims[2].claim], 1000.0)
        told = finish_each(store, [ending(one) for one in claims])
        check("done", told[0].state, "nobody has touched it")
        check_type(Finished, told[1], "a delivery came in between")
        check("done", told[2].state, "its lease was extended in between")

    @case
    def test_what_others_write_in_between_is_not_lost(self, store: Driven) -> None:
        """Record beside what another process has recorded for the same claim."""
        claims = [store.claim(f"evt_{number}", "a", "b") for number in range(2)]
        other = store.another()
        other.succeed(claims[0], "b")
        told = finish_each(store, [ending(one) for one in claims])
        check([Finished("done"), Finished("claimed")], told, "b of evt_0 was settled elsewhere")

    @case
    def test_a_heartbeat_in_between_loses_no_end(self, store: Driven) -> None:
        """Record each end, though its event's lease was extended since it was claimed."""
        claims = [store.claim(f"evt_{number}", "a", "b") for number in range(2)]
        store.another().extend([one.claim for one in claims], 1000.0)
        told = finish_each(store, [ending(one) for one in claims])
        check([Finished("claimed")] * 2, told, "b is left of each")
        for one in claims:
            store.suspend(one.claim)
            again = store.another().claim(one.claim.id, "a", "b")
            check(("b",), again.record.running, "a is settled, as was said")

    @case
    def test_nothing_to_record_is_no_error(self, store: Driven) -> None:
        """Give nothing for nothing."""
        check([], finish_each(store, []), "there were no ends")

    @case
    def test_no_end_is_told_as_recorded_while_the_database_fails(self, store: Driven) -> None:
        """Raise StoreError, or give it for each; when it works again, ends are recorded."""
        claims = taken(store, "evt_1", "evt_2")
        finish_each(store, [])
        store.break_database()
        try:
            told = finish_each(store, [ending(one) for one in claims])
        except StoreError:
            told = []
        finally:
            store.repair_database()
        check_that(all(isinstance(one, StoreError) for one in told), "it has failed", told)
        for one in finish_each(store, [ending(one) for one in claims]):
            check("done", check_type(Finished, one, "it works again").state, "it is recorded")
