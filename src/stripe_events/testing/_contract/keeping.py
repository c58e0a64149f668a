"""Cases: how long things are kept: ``erase`` and ``forget``."""

from __future__ import annotations

from stripe_events.storage._results import Claimed, Expired, Query, Refused, Settled
from stripe_events.testing._checks import check, check_that, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.driven import Driven, handler_of
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import CREATED, failed

DAY = 86_400.0


class KeepCases(Contract):
    """Retention."""

    @case
    def test_erase_lets_go_of_what_came_from_the_payload(self, store: Driven) -> None:
        """Let go of payload, messages and tracebacks; keep that the event is settled."""
        claimed = store.claim("evt_1", "a", "b")
        store.succeed(claimed, "a")
        store.finish(claimed.claim, failed("a", "secret"))
        store.kill(claimed, "b")
        check(1, store.erase(), "one event was erased")
        stored = store.get()
        check(None, stored and stored.payload, "the payload is gone")
        record = store.record()
        late, error = handler_of(record, "a").late_error, handler_of(record, "b").error
        for kept in (late, error):
            check(("", ""), kept and (kept.message, kept.traceback), "what may quote it is gone")
        check("Permanent", error and error.type, "the type of an error says nothing of the payload")
        check(("dead", True), (record.state, record.erased), "it is dead, and erased")
        check(Settled("dead"), store.deliver(), "a delivery is told so")

    @case
    def test_erase_takes_what_is_meant(self, store: Driven) -> None:
        """Erase settled events that the query means, at most so many at once."""
        for number in range(3):
            store.done(f"evt_{number}", account="acct_1")
        store.done("evt_other", account="acct_2")
        store.failed("evt_failed", account="acct_1")
        mine = Query(account="acct_1")
        check(2, store.erase(mine, limit=2), "two at once")
        check(1, store.erase(mine, limit=2), "then the third; what is unsettled is kept")
        check(0, store.erase(mine, limit=2), "then none is left")
        erased = [one.id for one in store.list(Query(erased=True))]
        check(["evt_0", "evt_1", "evt_2"], sorted(erased), "those that were meant")
        check(0, store.erase(Query(states=("failed",))), "unsettled ones are never meant")

    @case
    def test_an_erased_event_is_given_with_no_payload(self, store: Driven) -> None:
        """Refuse to run what has no payload any more."""
        store.dead()
        store.erase()
        check_type(Refused, store.retry(), "there is nothing to run it on")
        check_type(Refused, store.replay(), "there is nothing to run it on")

    @case
    def test_forget_takes_what_was_last_seen_long_ago(self, store: Driven) -> None:
        """Forget done events last seen 31 days ago, and dead ones when asked."""
        store.done("evt_done")
        store.dead("evt_dead")
        store.failed("evt_failed")
        store.done("evt_seen")
        store.advance(20 * DAY)
        store.deliver("evt_seen")
        store.advance(11 * DAY + 60)
        check(1, store.forget(), "only what is done")
        check(None, store.get("evt_done"), "it is absent")
        check(1, store.forget(dead=True), "dead ones when asked")
        check(0, store.forget(dead=True), "none is left")
        left = sorted(one.id for one in store.list())
        check(["evt_failed", "evt_seen"], left, "what is unsettled or was seen since is kept")

    @case
    def test_forget_takes_nothing_sooner(self, store: Driven) -> None:
        """Keep what Stripe may still deliver, whatever the query says."""
        store.done()
        now = store.now()
        check(0, store.forget(Query(seen_before=now + 1_000.0)), "it was seen just now")
        check(0, store.forget(), "it was seen just now")
        store.advance(30 * DAY)
        check(0, store.forget(Query(seen_before=now + 90 * DAY)), "thirty days are too few")
        check(Settled("done"), store.deliver(), "it is known to be done")

    @case
    def test_forget_takes_what_is_meant(self, store: Driven) -> None:
        """Forget what the query means, at most so many at once, in its scope."""
        for number in range(3):
            store.done(f"evt_{number}", account="acct_1")
        store.done("evt_other")
        store.done("evt_0", scope="another", account="acct_1")
        store.advance(40 * DAY)
        mine = Query(account="acct_1")
        check([2, 1, 0], [store.forget(mine, limit=2) for _ in range(3)], "two, one, none")
        check(["evt_other"], [one.id for one in store.list()], "what was not meant is kept")
        check_that(store.get("evt_0", "another") is not None, "another scope's is kept", None)

    @case
    def test_trusted_input_from_before_the_watermark_is_expired(self, store: Driven) -> None:
        """Run nothing again that may have been handled and forgotten."""
        store.done("evt_old", created=CREATED)
        store.done("evt_older", created=CREATED - 100)
        store.advance(32 * DAY)
        check(2, store.forget(), "both are forgotten")
        for event_id, created in (("evt_old", CREATED), ("evt_unknown", CREATED - 50)):
            told = store.deliver(event_id, created=created, trusted=True)
            check(Expired(), told, f"{event_id} may have been handled")
            check(None, store.get(event_id), "it is not recorded")
        signed = store.deliver("evt_signed", created=CREATED - 50)
        check_type(Claimed, signed, "Stripe signs nothing that old: what is signed is new")
        newer = store.deliver("evt_newer", created=CREATED + 1, trusted=True)
        check_type(Claimed, newer, "it is newer than all that was forgotten")
        apart = store.deliver("evt_old", scope="another", trusted=True)
        check_type(Claimed, apart, "the watermark is its scope's")

    @case
    def test_the_watermark_does_not_fall(self, store: Driven) -> None:
        """Keep the newest of all that was ever forgotten."""
        for created in (CREATED, CREATED - 1_000):
            store.done("evt_1", created=created)
            store.advance(32 * DAY)
            check(1, store.forget(), "it is forgotten")
        told = store.deliver("evt_2", created=CREATED - 500, trusted=True)
        check(Expired(), told, "it is older than the first that was forgotten")

    @case
    def test_what_is_known_does_not_expire(self, store: Driven) -> None:
        """Go on with recorded events, however old they are."""
        store.failed("evt_failed", created=CREATED - 10)
        store.done("evt_done")
        store.advance(32 * DAY)
        store.forget()
        told = store.deliver("evt_failed", created=CREATED - 10, trusted=True)
        check_type(Claimed, told, "it is in the ledger, and unsettled")

    @case
    def test_a_token_of_before_a_forget_is_worthless(self, store: Driven) -> None:
        """Refuse an owner of before, though tokens of a new record begin at one again."""
        old = store.done()
        store.advance(32 * DAY)
        store.forget()
        new = store.claim()
        check(old.claim.token, new.claim.token, "tokens begin anew")
        check([old.claim], store.extend([old.claim]), "the random claim id tells them apart")
