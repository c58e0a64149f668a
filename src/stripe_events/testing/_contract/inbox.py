"""Cases: ``enqueue`` and ``take_due``."""

from __future__ import annotations

from stripe_events._messages import Answer
from stripe_events.storage._results import (
    Enqueued,
    Plan,
    Release,
    Settled,
    Taken,
    Undecided,
    Unwanted,
)
from stripe_events.testing._checks import check, check_that
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.driven import Driven, handler_of
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import (
    CREATED,
    LATER,
    NOW,
    arrival,
    code,
    payload_of,
    planned,
    succeeded,
)
from stripe_events.testing._contract.racing import together


def ids(taken: list[Taken]) -> list[str]:
    """Give the ids of what was taken, in order."""
    return [one.claimed.claim.id for one in taken]


def check_not_due(store: Driven, why: str) -> None:
    """Insist that nothing is due."""
    check([], ids(store.take_due()), why)


class EnqueueCases(Contract):
    """What becomes due in the inbox."""

    @case
    def test_an_absent_event_is_recorded_and_due(self, store: Driven) -> None:
        """Record an event with plan and payload, claimed by nobody and due now."""
        came = arrival("evt_1", "a", "b", account="acct_1", livemode=True)
        check(Enqueued(), store.enqueue(came), "it is in the inbox")
        taken = store.another().take_one()
        record = taken.claimed.record
        check(payload_of("evt_1"), taken.payload, "its payload is as it came")
        check(("inbox", "claimed", 1), (record.lane, record.state, record.token), "it is claimed")
        check(("a", "b"), record.running, "its handlers are planned")
        check(("acct_1", True), (record.account, record.livemode), "what came is recorded")

    @case
    def test_an_event_is_enqueued_once(self, store: Driven) -> None:
        """Take deliveries of the same event, or a repetition, as one event."""
        for _ in range(3):
            store.enqueue(arrival())
        check(["evt_1"], ids(store.take_due()), "it is there once")
        check_not_due(store, "and was given")

    @case
    def test_an_unsettled_inline_event_becomes_due(self, store: Driven) -> None:
        """Make any delivery of an unsettled event the inbox's, due now, in the same write."""
        store.failed("evt_failed", release=LATER)
        store.give_back(store.claim("evt_pending").claim, LATER)
        check_not_due(store, "inline events wait for their next delivery")
        for event_id in ("evt_failed", "evt_pending"):
            check(Enqueued(), store.enqueue(arrival(event_id)), "it is in the inbox")
        check(
            {"evt_failed", "evt_pending"}, set(ids(store.take_due())), "both are due by that write"
        )

    @case
    def test_a_claimed_event_becomes_the_inboxs(self, store: Driven) -> None:
        """Let the inbox make the next attempt of an event that is being handled inline."""
        claimed = store.claim()
        store.enqueue(arrival())
        check_not_due(store, "its owner has it")
        store.suspend(claimed.claim, Release(inline=1_000_000.0, inbox=0.0))
        taken = store.take_one()
        check("inbox", taken.claimed.record.lane, "the attempt after is the inbox's")

    @case
    def test_an_attempt_may_end_in_the_inbox(self, store: Driven) -> None:
        """Make an event the inbox's at the end of an inline attempt, when that is asked for."""
        to_inbox = Release(inline=1_000_000.0, inbox=0.0, to_inbox=True)
        for event_id, end in (("evt_1", store.suspend), ("evt_2", store.give_back)):
            end(store.claim(event_id).claim, to_inbox)
            taken = store.take_one()
            check("inbox", taken.claimed.record.lane, "the next attempt is the inbox's")

    @case
    def test_what_nobody_wants_is_not_enqueued(self, store: Driven) -> None:
        """Record no event that is absent and has no handler."""
        check(Unwanted(), store.enqueue(arrival(plan=Plan())), "no handler is for it")
        check_not_due(store, "nothing was recorded")

    @case
    def test_an_event_may_be_due_later(self, store: Driven) -> None:
        """Let an event be due as many seconds later as the delivery says that enqueues it."""
        head = store.claim("evt_head", order_key="k")
        store.failed("evt_failed", release=LATER)
        for event_id, key in (("evt_failed", None), ("evt_absent", None), ("evt_parked", "k")):
            store.enqueue(arrival(event_id, order_key=key, inbox_after=100.0))
        store.succeed(head)
        check_not_due(store, "another queue may run them until then")
        store.advance(105.0)
        due = {"evt_failed", "evt_absent", "evt_parked"}
        check(due, set(ids(store.take_due())), "105 of 100 seconds have passed")

    @case
    def test_a_backoff_is_kept(self, store: Driven) -> None:
        """Leave the due time of an event alone that waits in the inbox already."""
        store.enqueue(arrival())
        taken = store.take_one()
        store.suspend(taken.claimed.claim, Release(inline=0.0, inbox=1_000_000.0))
        check(Enqueued(), store.enqueue(arrival()), "it is in the inbox")
        check_not_due(store, "its backoff goes on")

    @case
    def test_an_enqueued_plan_grows(self, store: Driven) -> None:
        """Let new handlers join by an enqueue as by a claim, also while it is claimed."""
        claimed = store.claim("evt_1", "a")
        store.enqueue(arrival("evt_1", "a", "b"))
        check("claimed", store.succeed(claimed, "a").state, "b has joined meanwhile")
        store.suspend(claimed.claim)
        store.enqueue(arrival("evt_1", "b", "c"))
        taken = store.take_one()
        check(("b", "c"), taken.claimed.record.running, "what is left runs")

    @case
    def test_settled_events_are_told(self, store: Driven) -> None:
        """Put nothing into the inbox that is settled."""
        claimed = store.claim("evt_done")
        store.finish(claimed.claim, succeeded("a", Answer(b"{}", {})))
        store.dead("evt_dead")
        done = store.enqueue(arrival("evt_done"))
        check(Settled("done", Answer(b"{}", {})), done, "it is done, with its answer")
        check(Settled("dead"), store.enqueue(arrival("evt_dead")), "it is dead")
        check_not_due(store, "nothing is left to do")

    @case
    def test_undecided_handlers_are_asked_about_before_an_enqueue(self, store: Driven) -> None:
        """Write nothing while a handler's filter has not been asked."""
        asking = arrival(plan=Plan(undecided=("a",)))
        check(Undecided(("a",)), store.enqueue(asking), "a is named")
        check_not_due(store, "nothing was recorded")

    @case
    def test_at_the_same_moment_one_is_recorded(self, store: Driven) -> None:
        """Take many deliveries of one event at the same moment as one, without an error."""
        other = store.another()
        told = together([lambda: store.enqueue(arrival()), lambda: other.enqueue(arrival())] * 3)
        check([Enqueued()] * 6, told, "each is told that it is in the inbox")
        check(["evt_1"], ids(store.take_due()), "it is there once")


class TakeCases(Contract):
    """What is due, and who gets it."""

    @case
    def test_nothing_is_due_before_its_time(self, store: Driven) -> None:
        """Give failed and given back events at their due time, by their lane."""
        soon = Release(inline=0.0, inbox=1_000_000.0)
        store.failed("evt_inline", release=soon)
        store.enqueue(arrival("evt_inbox"))
        check({"evt_inline", "evt_inbox"}, set(ids(store.take_due())), "both are due")
        store.enqueue(arrival("evt_2"))
        taken = store.take_one()
        store.give_back(taken.claimed.claim, soon)
        check_not_due(store, "the inbox's is due much later")

    @case
    def test_a_due_time_comes(self, store: Driven) -> None:
        """Judge due times by the store's clock, at the moment of asking."""
        store.enqueue(arrival())
        taken = store.take_one()
        store.suspend(taken.claimed.claim, Release(inline=0.0, inbox=100.0))
        store.advance(95.0)
        check_not_due(store, "95 of 100 seconds have passed")
        store.advance(10.0)
        check(["evt_1"], ids(store.take_due()), "105 of 100 seconds have passed")

    @case
    def test_what_waited_longest_is_given_first(self, store: Driven) -> None:
        """Give at most as many as asked, longest due first."""
        for number in (2, 0, 1):
            store.enqueue(arrival(f"evt_{number}"))
            store.tick()
        check(["evt_2", "evt_0"], ids(store.take_due(limit=2)), "the two that waited longest")
        check(["evt_1"], ids(store.take_due(limit=2)), "then the other")

    @case
    def test_what_is_claimed_is_not_given(self, store: Driven) -> None:
        """Leave an event alone while its lease runs, and when it is settled."""
        store.claim("evt_claimed")
        store.done("evt_done")
        store.dead("evt_dead")
        check_not_due(store, "one is held, the others are settled")

    @case
    def test_abandoned_events_of_both_lanes_are_taken_over(self, store: Driven) -> None:
        """Take over whatever lease is over, and suspect as a delivery would."""
        store.claim("evt_1", "a", "b", lease=0.0)
        store.enqueue(arrival("evt_2", "a", "b"))
        taken = {one.claimed.claim.id: one.claimed for one in store.take_due()}
        store.expire(taken["evt_2"])
        again = store.take_one()
        for claimed, lane in ((taken["evt_1"], "inline"), (again.claimed, "inbox")):
            record = claimed.record
            check(lane, record.lane, "the lane stays")
            check((2, 1), (record.token, record.abandoned), "the next claim, after one abandoned")
            check(("b", "a"), record.running, "the suspect a runs last")

    @case
    def test_what_a_takeover_settles_is_not_given(self, store: Driven) -> None:
        """Settle what is left to nobody, and give it to nobody."""
        store.expire(store.claim("evt_1", "a"))
        store.failed("evt_2", "gone")
        once = code("a", max_abandoned=1, retired=frozenset({"gone"}))
        check([], ids(store.take_due(once)), "the last suspect died, the other was retired")
        check(Settled("dead"), store.deliver("evt_1"), "a was the suspect")
        check(Settled("done"), store.deliver("evt_2", "gone"), "gone was dropped")

    @case
    def test_what_is_behind_settled_events_is_given(self, store: Driven) -> None:
        """Give nothing only if nothing is due: what was settled on the way does not count."""
        for number in range(3):
            store.failed(f"evt_{number}", "gone")
            store.tick()
        store.enqueue(arrival("evt_3"))
        taken = store.take_due(code("a", retired=frozenset({"gone"})), limit=1)
        check(["evt_3"], ids(taken), "three retired ones were due before it")

    @case
    def test_renamed_handlers_are_continued_by_workers(self, store: Driven) -> None:
        """Run a handler by its new name, with the progress of the old one."""
        store.failed("evt_1", "old")
        taken = store.take_one(code("new", formerly=(("old", "new"),)))
        check(("new",), taken.claimed.record.running, "old is new")
        check(1, handler_of(taken.claimed.record, "new").attempts, "it has run once")

    @case
    def test_parked_events_are_never_given(self, store: Driven) -> None:
        """Give one event of an order key at a time, oldest first."""
        for event_id, created in (("evt_1", 1), ("evt_3", 3), ("evt_2", 2)):
            came = arrival(event_id, order_key="k", created=CREATED + created)
            check(Enqueued(), store.enqueue(came), "it is in the inbox")
        for expected in ("evt_1", "evt_2", "evt_3"):
            taken = store.take_due()
            check([expected], ids(taken), "one of the key is due")
            check_not_due(store, "its successors are parked")
            store.suspend(taken[0].claimed.claim, NOW)
            taken = store.take_due()
            check([expected], ids(taken), "a failed one holds its successors back")
            store.succeed(taken[0].claimed)

    @case
    def test_a_parked_inline_event_has_its_turn_by_enqueue(self, store: Driven) -> None:
        """Make a parked event the inbox's, so that it is due when its turn comes."""
        head = store.claim("evt_1", order_key="k")
        store.deliver("evt_2", order_key="k")
        store.enqueue(arrival("evt_2", order_key="k"))
        check_not_due(store, "it is parked")
        store.succeed(head)
        check(["evt_2"], ids(store.take_due()), "it has the key, and was due")

    @case
    def test_scopes_have_inboxes_of_their_own(self, store: Driven) -> None:
        """Give a worker the events of its scope."""
        store.enqueue(arrival(scope="another"))
        check_not_due(store, "it is another scope's")
        check(["evt_1"], ids(store.take_due(scope="another")), "which gets it")

    @case
    def test_workers_at_the_same_moment_share_the_work(self, store: Driven) -> None:
        """Give each due event to one of many workers."""
        expected = sorted(f"evt_{number}" for number in range(20))
        for event_id in expected:
            store.enqueue(arrival(event_id))
        handles = [store, store.another()]
        calls = [lambda handle=handle: ids(handle.take_due(limit=7)) for handle in handles * 2]
        given = [event_id for told in together(calls) for event_id in told]
        # Workers may pass over what another one is about to claim; nothing is lost by that.
        given += ids(store.take_due())
        check(expected, sorted(given), "each event was given once")

    @case
    def test_a_large_payload_is_kept(self, store: Driven) -> None:
        """Give a payload back byte for byte, up to the size that ingress lets in (4 MiB)."""
        payload = b'{"id": "evt_1", "text": "' + bytes(range(32, 127)).replace(b'"', b"'") * 44_150
        payload = payload.replace(b"\\", b"/") + '\xe9\u2603\U0001f436\\u0000\\ud83d"}'.encode()
        store.enqueue(arrival(payload=payload))
        taken = store.take_one()
        check(len(payload), len(taken.payload or b""), "it is as long")
        check_that(payload == taken.payload, "it is the same", "other bytes")

    @case
    def test_the_first_payload_is_kept(self, store: Driven) -> None:
        """Keep the payload of the first delivery."""
        store.claim(payload=b'{"first": true}', lease=0.0)
        store.enqueue(arrival(payload=b'{"second": true}'))
        taken = store.take_one()
        check(b'{"first": true}', taken.payload, "an event that is known is not replaced")

    @case
    def test_stale_snapshots_are_told_to_workers(self, store: Driven) -> None:
        """Tell with a claim from the inbox which handlers a newer snapshot has overtaken."""
        plan = planned("a", stale_key="g")
        store.done("evt_2", plan=plan, created=CREATED + 2)
        store.enqueue(arrival("evt_1", plan=plan, created=CREATED + 1))
        taken = store.take_one()
        check({"a"}, set(taken.claimed.stale), "a is overtaken")
