"""Cases: a process died, or lost its lease, and another one goes on."""

from __future__ import annotations

from stripe_events.storage._results import Claimed, Held, Settled
from stripe_events.testing._checks import check, check_that, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.driven import Driven, handler_of
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import code, planned


class CrashCases(Contract):
    """Takeover, the suspect, and the clock that decides."""

    @case
    def test_a_claim_whose_lease_is_over_is_taken_over(self, store: Driven) -> None:
        """Give an event whose owner is gone to the next delivery."""
        crashed = store.claim()
        store.expire(crashed)
        claimed = store.another().claim()
        check(2, claimed.claim.token, "the token has risen")
        check(1, claimed.record.abandoned, "the attempt counts as abandoned")
        check_type(Held, store.deliver(), "the next owner has a lease of its own")

    @case
    def test_the_handler_that_was_running_is_the_suspect(self, store: Driven) -> None:
        """Count the crash against the handler that was running, and let it run last."""
        crashed = store.claim("evt_1", "a", "b", "c")
        store.succeed(crashed, "a")
        store.expire(crashed)
        record = store.claim("evt_1", "a", "b", "c").record
        check(("c", "b"), record.running, "the suspect b runs last, the settled a not at all")
        counts = {one.name: (one.abandoned, one.attempts) for one in record.handlers}
        check({"a": (0, 1), "b": (1, 1), "c": (0, 0)}, counts, "only b has an abandoned run")
        check_that(handler_of(record, "b").error is not None, "its error tells of it", record)

    @case
    def test_a_failure_that_was_recorded_is_no_suspect(self, store: Driven) -> None:
        """Suspect the first handler of which this attempt recorded nothing."""
        crashed = store.claim("evt_1", "a", "b")
        store.fail(crashed, "a")
        store.expire(crashed)
        record = store.claim("evt_1", "a", "b").record
        counts = [handler_of(record, name).abandoned for name in "ab"]
        check([0, 1], counts, "a had ended, b was running")

    @case
    def test_after_max_abandoned_only_the_suspect_is_dead(self, store: Driven) -> None:
        """Give a handler up that kills its process again and again, and run the others."""
        code_ = code("a", "b", max_abandoned=2)
        for _ in range(2):
            store.expire(store.claim("evt_1", "a", "b", code=code_))
            store.expire(store.claim("evt_1", "a", "b", code=code_))
        claimed = store.deliver("evt_1", "a", "b", code=code_)
        check(Settled("dead"), claimed, "each of the two has killed two attempts")
        crashed = store.claim("evt_2", "a", "b", code=code_)
        store.expire(crashed)
        crashed = store.claim("evt_2", "a", "b", code=code_)
        store.succeed(crashed, "b")
        store.expire(crashed)
        told = store.deliver("evt_2", "a", "b", code=code_)
        check(Settled("dead"), told, "b succeeded, and a killed its process twice")

    @case
    def test_one_abandoned_run_kills_nothing(self, store: Driven) -> None:
        """Try a suspect again until it has died ``max_abandoned`` times."""
        code_ = code("a", max_abandoned=3)
        for abandoned in range(3):
            claimed = store.claim(code=code_)
            counted = handler_of(claimed.record, "a").abandoned
            check(abandoned, counted, "each crash is counted once")
            store.expire(claimed)
        check(Settled("dead"), store.deliver(code=code_), "the third was the last")

    @case
    def test_progress_survives_a_crash(self, store: Driven) -> None:
        """Keep what was recorded before the process died."""
        crashed = store.claim("evt_1", "a", "b")
        store.succeed(crashed, "a")
        store.expire(crashed)
        claimed = store.another().claim("evt_1", "a", "b")
        check(("b",), claimed.record.running, "a is not run again")
        check("done", store.succeed(claimed, "b").state, "then all is done")

    @case
    def test_handlers_that_the_code_lacks_are_no_suspects(self, store: Driven) -> None:
        """Run what the code has, and blame only what ran."""
        crashed = store.claim("evt_1", plan=planned("old", "a"), code=code("a"))
        check(("a",), crashed.record.running, "only a can run")
        store.expire(crashed)
        record = store.claim("evt_1", plan=planned("old", "a"), code=code("a")).record
        check(0, handler_of(record, "old").abandoned, "old never ran")

    @case
    def test_leases_end_by_the_stores_clock(self, store: Driven) -> None:
        """Judge a lease by the store's clock, at the moment of asking."""
        store.claim(lease=60.0)
        store.advance(50.0)
        held = check_type(Held, store.deliver(), "the lease still runs after 50 of 60 seconds")
        check_that(0.0 < held.seconds <= 10.0, "ten seconds are left", held.seconds)
        store.advance(15.0)
        check_type(Claimed, store.deliver(), "it is over after 65 of 60 seconds")

    @case
    def test_an_extended_lease_counts_from_that_moment(self, store: Driven) -> None:
        """Write a lease by the clock of the moment, not by that of a transaction's begin."""
        claimed = store.claim(lease=60.0)
        store.advance(50.0)
        store.extend([claimed.claim], 60.0)
        store.advance(50.0)
        check_type(Held, store.deliver(), "50 of 60 seconds since the extension have passed")
        store.advance(15.0)
        check_type(Claimed, store.deliver(), "65 of 60 seconds have passed")
