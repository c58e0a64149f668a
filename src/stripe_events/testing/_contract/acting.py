"""Cases: ``retry``, ``replay`` and ``drop``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.errors import LostClaim
from stripe_events.storage._results import Acted, Changed, Held, Refused, Settled
from stripe_events.testing._checks import check, check_raises, check_that, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.driven import Driven, handler_of
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import CREATED, LATER, code, failed

if TYPE_CHECKING:
    from stripe_events.storage._records import EventRecord


def changed(store: Driven, acted: Acted, what: str) -> EventRecord:
    """Insist that something was done, and that the record it gives is what is stored."""
    record = check_type(Changed, acted, what).record
    stored = store.record(record.id, record.scope)
    # A store may tell the revision of before its own write, which rises by that.
    check(stored, record._replace(revision=stored.revision), "the record told is the stored one")
    return record


def outcomes(record: EventRecord) -> list[str]:
    """Give the outcomes of the handlers, in the order of the plan."""
    return [handler.outcome for handler in record.handlers]


class ActCases(Contract):
    """What operators do with an event."""

    @case
    def test_retry_plans_anew_what_is_dead(self, store: Driven) -> None:
        """Forget the attempts of dead handlers and make the event due now, in the inbox."""
        claimed = store.claim("evt_1", "a", "b")
        store.succeed(claimed, "a")
        store.kill(claimed, "b")
        record = changed(store, store.retry(), "it is retried")
        check(["succeeded", "planned"], outcomes(record), "only b is planned anew")
        check(0, handler_of(record, "b").attempts, "its attempts are forgotten")
        told = (record.state, record.lane, record.token)
        check(("pending", "inbox", 2), told, "it is the inbox's next, by the next token")
        check_that(record.due is not None, "it has a due time", record)
        claimed = store.claim("evt_1", "a", "b")
        check(("b",), claimed.record.running, "b runs once more")
        check("done", store.succeed(claimed, "b").state, "and then all is done")

    @case
    def test_retry_makes_a_failed_event_due_now(self, store: Driven) -> None:
        """Try a failed event now, its attempts forgotten."""
        store.failed("evt_1", "a", "b", release=LATER)
        record = changed(store, store.retry(), "it is retried")
        check(["planned", "planned"], outcomes(record), "what failed is planned")
        check([0, 0], [one.attempts for one in record.handlers], "as if it had not run")

    @case
    def test_deaths_are_forgotten_by_retry_and_replay(self, store: Driven) -> None:
        """Suspect nothing of an event any more whose handlers an operator has run again."""
        once = code("a", max_abandoned=1)
        for act in (store.retry, store.replay):
            store.expire(store.claim(code=once))
            check_type(Settled, store.deliver(code=once), "what died once is dead")
            check(1, store.record().abandoned, "the attempt counts as abandoned")
            record = changed(store, act(), "it is run again")
            deaths = (record.abandoned, handler_of(record, "a").abandoned)
            check((0, 0), deaths, "as if it had never died")

    @case
    def test_retry_of_some_handlers(self, store: Driven) -> None:
        """Leave the handlers alone that were not named."""
        store.dead("evt_1", "a", "b")
        record = changed(store, store.retry("evt_1", "b"), "b is retried")
        check(["dead", "planned"], outcomes(record), "only b")
        check("dead", store.succeed(store.claim("evt_1", "a", "b"), "b").state, "a stays dead")

    @case
    def test_retry_of_a_handler_by_its_former_name(self, store: Driven) -> None:
        """Know a renamed handler by the name that an operator may have noted before."""
        renaming = code("new", formerly=(("old", "new"),))
        store.kill(store.claim("evt_1", "new", code=renaming), "new")
        record = changed(store, store.retry("evt_1", "old"), "it is retried by that name")
        check(["planned"], outcomes(record), "it is to be run again")

    @case
    def test_retry_refuses_what_is_not_failed_or_dead(self, store: Driven) -> None:
        """Change nothing of pending, claimed, parked, done, absent or erased events."""
        store.give_back(store.claim("pending").claim)
        store.claim("claimed", order_key="k")
        store.deliver("parked", order_key="k")
        store.done("done")
        store.dead("erased")
        store.erase()
        for event_id in ("pending", "claimed", "parked", "done", "absent", "erased"):
            before = store.get(event_id)
            refused = check_type(Refused, store.retry(event_id), f"{event_id} cannot be retried")
            check_that(bool(refused.reason), "the reason is told", refused)
            check(before, store.get(event_id), "nothing was changed")
        store.dead("dead")
        check_type(Refused, store.retry("dead", "b"), "b is not planned")

    @case
    def test_retry_fences_off_who_had_it(self, store: Driven) -> None:
        """Let an old owner record nothing after a retry, also no late error."""
        claimed = store.dead()
        store.retry()
        late = lambda: store.finish(claimed.claim, failed("a"))  # noqa: E731
        check_raises(LostClaim, "the claim is of before the retry", late)

    @case
    def test_replay_plans_anew_what_was_settled(self, store: Driven) -> None:
        """Run what succeeded once more, in a new generation."""
        claimed = store.done("evt_1", "a", "b")
        record = changed(store, store.replay("evt_1", "a"), "a is replayed")
        check(["planned", "succeeded"], outcomes(record), "only a")
        told = (record.state, record.lane, record.generation, record.token)
        check(("pending", "inbox", 1, 2), told, "it is the inbox's, in generation 1")
        late = lambda: store.finish(claimed.claim, failed("a"))  # noqa: E731
        check_raises(LostClaim, "the claim is of before the replay", late)
        again = store.claim("evt_1", "a", "b")
        check(("a",), again.record.running, "a runs once more")
        check("done", store.succeed(again, "a").state, "and all is done again")
        record = changed(store, store.replay(), "all are replayed")
        check(["planned", "planned"], outcomes(record), "no names mean all")
        check(2, record.generation, "it is generation 2")

    @case
    def test_replay_leaves_dropped_handlers_dropped(self, store: Driven) -> None:
        """Run nothing again that an operator has dropped."""
        claimed = store.claim("evt_1", "a", "b")
        store.succeed(claimed, "a")
        store.suspend(claimed.claim)
        store.drop("evt_1", "b")
        record = changed(store, store.replay(), "it is replayed")
        check(["planned", "dropped"], outcomes(record), "b stays dropped")

    @case
    def test_replay_refuses_what_is_unsettled(self, store: Driven) -> None:
        """Change nothing of events that are still to be done, absent or erased."""
        store.give_back(store.claim("pending").claim)
        store.failed("failed")
        store.claim("claimed", order_key="k")
        store.deliver("parked", order_key="k")
        store.done("erased")
        store.erase()
        for event_id in ("pending", "failed", "claimed", "parked", "absent", "erased"):
            before = store.get(event_id)
            check_type(Refused, store.replay(event_id), f"{event_id} cannot be replayed")
            check(before, store.get(event_id), "nothing was changed")

    @case
    def test_a_retried_event_waits_for_its_key(self, store: Driven) -> None:
        """Park an event that is retried or replayed while another one has its key."""
        store.dead("evt_1", order_key="k")
        store.done("evt_2", order_key="k")
        head = store.claim("evt_3", order_key="k")
        check("parked", changed(store, store.retry("evt_1"), "retried").state, "evt_3 goes first")
        check("parked", changed(store, store.replay("evt_2"), "replayed").state, "it waits too")
        check_type(Held, store.deliver("evt_1", order_key="k"), "evt_3 goes first")
        store.succeed(head)
        store.succeed(store.claim("evt_1", order_key="k"))
        store.claim("evt_2", order_key="k")

    @case
    def test_a_retried_event_takes_its_key(self, store: Driven) -> None:
        """Let an event that is retried or replayed hold its successors back."""
        store.dead("evt_1", order_key="k")
        store.retry("evt_1")
        check_type(Held, store.deliver("evt_2", order_key="k"), "evt_1 has the key")
        store.done("evt_1", order_key="k")
        store.done("evt_2", order_key="k")
        store.replay("evt_2")
        check_type(Held, store.deliver("evt_3", order_key="k"), "evt_2 has the key")

    @case
    def test_a_retry_after_newer_events_is_out_of_order(self, store: Driven) -> None:
        """Mark an event that is retried after a later one of its key was done."""
        store.dead("evt_1", order_key="k", created=CREATED + 1)
        store.done("evt_2", order_key="k", created=CREATED + 2)
        record = changed(store, store.retry("evt_1"), "it is retried")
        check(True, record.out_of_order, "evt_2 is newer, and done")
        store.done("evt_1", order_key="k", created=CREATED + 1)
        record = changed(store, store.replay("evt_2"), "it is replayed")
        check(False, record.out_of_order, "evt_2 is the newest")

    @case
    def test_drop_settles_without_running(self, store: Driven) -> None:
        """Settle a handler, and the event if nothing else is left."""
        store.failed("evt_1", "a", "b")
        record = changed(store, store.drop("evt_1", "a"), "a is dropped")
        check(("failed", ["dropped", "failed"]), (record.state, outcomes(record)), "b is left")
        record = changed(store, store.drop("evt_1", "b"), "b is dropped")
        check("done", record.state, "nothing is left")
        check(Settled("done"), store.deliver(), "it is a duplicate")

    @case
    def test_drop_of_the_dead_makes_an_event_done(self, store: Driven) -> None:
        """Let go of dead handlers; an event with none left is done."""
        store.dead("evt_1", "a", "b")
        record = changed(store, store.drop("evt_1", "a"), "a is dropped")
        check("dead", record.state, "b is dead")
        record = changed(store, store.drop("evt_1", "b"), "b is dropped")
        check("done", record.state, "none is dead")

    @case
    def test_drop_hands_the_key_on(self, store: Driven) -> None:
        """Hand the order key on when a drop settles its head, and only then."""
        store.failed("evt_1", order_key="k")
        for event_id in ("evt_2", "evt_3", "evt_4"):
            store.deliver(event_id, order_key="k", created=CREATED + int(event_id[-1]))
        check("done", changed(store, store.drop("evt_2", "a"), "dropped").state, "it is done")
        check("parked", store.record("evt_3").state, "evt_1 has the key")
        store.drop("evt_1", "a")
        check("pending", store.record("evt_3").state, "evt_3 is next")
        check("parked", store.record("evt_4").state, "one at a time")

    @case
    def test_drop_is_refused(self, store: Driven) -> None:
        """Drop nothing of a claimed event, nor what was done, is unknown or absent."""
        store.claim("claimed")
        store.done("done")
        check_type(Refused, store.drop("claimed", "a"), "it is being worked on")
        check_type(Refused, store.drop("done", "a"), "a has succeeded")
        check_type(Refused, store.drop("done", "b"), "b is not planned")
        check_type(Refused, store.drop("absent", "a"), "it is absent")
        check("succeeded", handler_of(store.record("done"), "a").outcome, "nothing was changed")

    @case
    def test_operators_act_in_their_scope(self, store: Driven) -> None:
        """Change no event of another scope."""
        store.dead(scope="mine")
        before = store.record(scope="mine")
        check_type(Refused, store.retry(scope="yours"), "it is not yours")
        check_type(Refused, store.replay(scope="yours"), "it is not yours")
        check_type(Refused, store.drop("evt_1", "a", "yours"), "it is not yours")
        check(0, store.erase(scope="yours"), "nothing is yours")
        check([], store.list(scope="yours"), "nothing is yours")
        check(before, store.record(scope="mine"), "mine is as it was")
