"""Cases: what many do at the same moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.storage._results import Claimed, Held
from stripe_events.testing._checks import check, check_that
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.racing import together

if TYPE_CHECKING:
    from stripe_events.testing._contract.driven import Driven

MANY = 8


def only_claim(told: list[object]) -> Claimed:
    """Insist that one got the event and the others were told that it is held; give the one."""
    claims = [one for one in told if isinstance(one, Claimed)]
    check(1, len(claims), "exactly one of those who ask at the same moment has the claim")
    check_that(
        all(isinstance(one, Claimed | Held) for one in told), "all others are told: held", told
    )
    return claims[0]


class ConcurrencyCases(Contract):
    """Threads and handles at the same moment."""

    @case
    def test_of_many_that_deliver_at_once_one_claims(self, store: Driven) -> None:
        """Give an event that is new to one of many, and an error to none."""
        handles = [store, store.another()]
        for turn in range(3):
            event_id = f"evt_{turn}"
            calls = [
                lambda handle=handles[n % 2], one=event_id: handle.deliver(one) for n in range(MANY)
            ]
            claimed = only_claim(together(calls))
            check("done", store.succeed(claimed).state, "and that claim is valid")

    @case
    def test_of_many_that_take_over_at_once_one_claims(self, store: Driven) -> None:
        """Give an abandoned or failed event to one of many."""
        handles = [store, store.another()]
        store.expire(store.claim("evt_crashed"))
        store.failed("evt_failed")
        for event_id in ("evt_crashed", "evt_failed"):
            calls = [
                lambda handle=handles[n % 2], one=event_id: handle.deliver(one) for n in range(MANY)
            ]
            claimed = only_claim(together(calls))
            check(2, claimed.claim.token, "one claim was made")
            check("done", store.succeed(claimed).state, "and that claim is valid")

    @case
    def test_heartbeats_do_not_disturb_their_owner(self, store: Driven) -> None:
        """Let a lease be extended while results are being recorded."""
        names = ("a", "b", "c", "d")
        claimed = store.claim("evt_1", *names)
        told = together(
            [
                lambda: store.succeed(claimed, *names),
                lambda: [store.extend([claimed.claim]) for _ in names],
                lambda: [store.another().deliver("evt_1", *names) for _ in names],
            ]
        )
        check("done", told[0].state, "all results are recorded")
        check(0, sum(isinstance(one, Claimed) for one in told[2]), "nobody else got it")

    @case
    def test_results_at_the_same_moment_are_all_kept(self, store: Driven) -> None:
        """Lose no result to another one that is recorded at the same moment."""
        names = [f"handler_{number}" for number in range(4)]
        claimed = store.claim("evt_1", *names)
        calls = [lambda name=name: store.succeed(claimed, name) for name in names]
        told = together(calls)
        states = sorted(one.state for one in told)
        check(["claimed", "claimed", "claimed", "done"], states, "one of them was the last")
