"""Cases: a claim is fenced by its token and its random id, in each verb."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from stripe_events.errors import LostClaim
from stripe_events.storage._results import Claim, Claimed, Held
from stripe_events.testing._checks import check, check_raises, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.driven import Driven, handler_of
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import NOW, succeeded

if TYPE_CHECKING:
    from collections.abc import Callable


def finish(store: Driven, claim: Claim) -> None:
    """Record that handler ``a`` succeeded."""
    store.finish(claim, succeeded("a"))


def suspend(store: Driven, claim: Claim) -> None:
    """End the attempt."""
    store.suspend(claim, NOW)


def give_back(store: Driven, claim: Claim) -> None:
    """Return the claim."""
    store.give_back(claim, NOW)


def refuse_stale_owner(store: Driven, verb: Callable[[Driven, Claim], None]) -> None:
    """Insist that a verb is refused to an owner whose claim was taken over."""
    stale = store.claim("evt_1", "a", "b")
    store.expire(stale)
    valid = store.another().claim("evt_1", "a", "b")
    why = f"{verb.__name__} is refused once the next claim exists"
    check_raises(LostClaim, why, lambda: verb(store, stale.claim))
    still_held_by(store, valid, f"a refused {verb.__name__} changes nothing")


def refuse_other_claims(store: Driven, verb: Callable[[Driven, Claim], None]) -> None:
    """Insist that token and claim id must both be right."""
    valid = store.claim("evt_1", "a", "b")
    for wrong, what in (
        (valid.claim._replace(claim_id="another"), "another claim id"),
        (valid.claim._replace(token=valid.claim.token + 1), "another token"),
        (valid.claim._replace(scope="another"), "another scope"),
        (valid.claim._replace(id="evt_absent"), "an event that is absent"),
    ):
        why = f"{verb.__name__} is refused with {what}"
        check_raises(LostClaim, why, partial(verb, store, wrong))
        still_held_by(store, valid, f"a refused {verb.__name__} changes nothing")


def still_held_by(store: Driven, claimed: Claimed, why: str) -> None:
    """Insist that an event is as its holder left it."""
    again = store.claim(claimed.claim.id, claim_id=claimed.claim.claim_id)
    # A claim tells the revision of before its own write.
    check(claimed.record._replace(revision=0), again.record._replace(revision=0), why)


class FenceCases(Contract):
    """Who may write."""

    @case
    def test_finish_is_refused_to_a_stale_owner(self, store: Driven) -> None:
        """Let an owner record no result once the next claim exists."""
        refuse_stale_owner(store, finish)

    @case
    def test_suspend_is_refused_to_a_stale_owner(self, store: Driven) -> None:
        """Let an owner not end an attempt that is another one's by now."""
        refuse_stale_owner(store, suspend)

    @case
    def test_give_back_is_refused_to_a_stale_owner(self, store: Driven) -> None:
        """Let an owner not give back what another one works on."""
        refuse_stale_owner(store, give_back)

    @case
    def test_extend_tells_a_stale_owner(self, store: Driven) -> None:
        """Tell which claims are lost, and leave the lease of the next owner alone."""
        stale = store.claim()
        store.expire(stale)
        valid = store.another().claim()
        check([stale.claim], store.extend([stale.claim], 0.0), "the lost claim is told")
        still_held_by(store, valid, "the lease of the next claim is as it was")

    @case
    def test_finish_is_refused_with_another_claim_id_or_token(self, store: Driven) -> None:
        """Check the random claim id besides the token: tokens repeat after a restore."""
        refuse_other_claims(store, finish)

    @case
    def test_suspend_is_refused_with_another_claim_id_or_token(self, store: Driven) -> None:
        """Check the random claim id besides the token when an attempt ends."""
        refuse_other_claims(store, suspend)

    @case
    def test_give_back_is_refused_with_another_claim_id_or_token(self, store: Driven) -> None:
        """Check the random claim id besides the token when a claim is given back."""
        refuse_other_claims(store, give_back)

    @case
    def test_extend_tells_other_claim_ids_and_tokens(self, store: Driven) -> None:
        """Extend claims whose token and claim id are right, and tell the others."""
        valid = store.claim()
        lost = [
            valid.claim._replace(claim_id="another"),
            valid.claim._replace(token=valid.claim.token + 1),
            valid.claim._replace(scope="another"),
            valid.claim._replace(id="evt_absent"),
        ]
        check(lost, store.extend(lost, 0.0), "all of them are lost")
        still_held_by(store, valid, "the lease is as it was")

    @case
    def test_a_claim_that_was_given_up_is_lost(self, store: Driven) -> None:
        """Refuse writes after suspend and give_back, also before the next claim."""
        for event_id, give_up in (("evt_1", store.suspend), ("evt_2", store.give_back)):
            claimed = store.claim(event_id)
            give_up(claimed.claim, NOW)
            late = partial(finish, store, claimed.claim)
            check_raises(LostClaim, f"finish after {give_up.__name__}", late)
            lost = store.extend([claimed.claim])
            check([claimed.claim], lost, f"the claim is lost after {give_up.__name__}")

    @case
    def test_the_end_of_the_lease_takes_nothing_from_its_holder(self, store: Driven) -> None:
        """Let the holder's writes stand until somebody else claims."""
        for event_id, verb in (("evt_1", store.suspend), ("evt_2", store.give_back)):
            claimed = store.claim(event_id)
            store.expire(claimed)
            verb(claimed.claim, NOW)
        claimed = store.claim("evt_3")
        store.expire(claimed)
        check("done", store.succeed(claimed).state, "what was done late is done")

    @case
    def test_a_claim_is_taken_once_and_the_token_rises(self, store: Driven) -> None:
        """Raise the token by one with each claim; it never falls while the record lives."""
        tokens: list[int] = []
        for give_up in (store.give_back, store.suspend, None, store.suspend):
            claimed = store.claim()
            tokens.append(claimed.claim.token)
            if give_up is None:
                store.expire(claimed)
            else:
                give_up(claimed.claim, NOW)
        check([1, 2, 3, 4], tokens, "give_back, suspend and a crash each lead to the next token")

    @case
    def test_extend_lengthens_leases_of_many_claims(self, store: Driven) -> None:
        """Let all valid claims of a process live on in one call."""
        claims = [store.claim(f"evt_{number}", lease=0.0) for number in range(5)]
        lost = store.extend([claimed.claim for claimed in claims], 60.0)
        check([], lost, "no valid claim is lost, though its lease was over")
        for claimed in claims:
            check_type(Held, store.another().deliver(claimed.claim.id), "it is held again")
        check([], store.extend([], 60.0), "without claims there is nothing to do")

    @case
    def test_extend_leaves_all_else_alone(self, store: Driven) -> None:
        """Change nothing but the end of the lease."""
        before = store.claim("evt_1", "a", "b")
        store.succeed(before, "a")
        store.extend([before.claim], 100.0)
        record = store.claim(claim_id=before.claim.claim_id).record
        check("succeeded", handler_of(record, "a").outcome, "a heartbeat undoes no progress")
        check(("a", "b"), record.running, "it does not change what runs")
        check("done", store.succeed(before, "b").state, "the holder can go on")
