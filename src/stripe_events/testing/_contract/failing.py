"""Cases: the database fails, and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.errors import StoreError
from stripe_events.storage._results import Held
from stripe_events.testing._checks import check, check_raises, check_type
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import NOW, arrival, succeeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.testing._contract.driven import Driven


def check_fails_and_recovers(store: Driven, verb: str, call: Callable[[], object]) -> None:
    """Insist on a StoreError while the database fails, and on an answer afterwards."""
    store.break_database()
    try:
        check_raises(StoreError, f"{verb} with a database that fails", call)
        check_raises(StoreError, f"{verb} while it goes on failing", call)
    finally:
        store.repair_database()
    try:
        call()
    except StoreError as error:
        raise AssertionError(f"{verb} works when the database is back: {error!r}") from error


class FailureCases(Contract):
    """Failures in the verbs of ``EventStore``."""

    @case
    def test_accept_fails_and_recovers(self, store: Driven) -> None:
        """Raise StoreError from accept while the database fails, then claim."""
        came = arrival(claim_id="mine")
        check_fails_and_recovers(store, "accept", lambda: store.accept(came))
        check(1, store.claim(claim_id="mine").claim.token, "it was claimed once")

    @case
    def test_finish_fails_and_recovers(self, store: Driven) -> None:
        """Raise StoreError from finish while the database fails, then settle."""
        claimed = store.claim("evt_1", "a", "b")
        finish = lambda: store.finish(claimed.claim, succeeded("a"))  # noqa: E731
        check_fails_and_recovers(store, "finish", finish)
        check("done", store.succeed(claimed, "b").state, "the claim has stayed valid")

    @case
    def test_suspend_fails_and_recovers(self, store: Driven) -> None:
        """Raise StoreError from suspend while the database fails, then end the attempt."""
        claimed = store.claim()
        check_fails_and_recovers(store, "suspend", lambda: store.suspend(claimed.claim, NOW))
        check(2, store.claim().claim.token, "it can be claimed")

    @case
    def test_give_back_fails_and_recovers(self, store: Driven) -> None:
        """Raise StoreError from give_back while the database fails, then return the claim."""
        claimed = store.claim()
        check_fails_and_recovers(store, "give_back", lambda: store.give_back(claimed.claim, NOW))
        check(2, store.claim().claim.token, "it can be claimed")

    @case
    def test_extend_fails_and_recovers(self, store: Driven) -> None:
        """Raise StoreError from extend while the database fails, then lengthen the lease."""
        claimed = store.claim(lease=0.0)
        check_fails_and_recovers(store, "extend", lambda: store.extend([claimed.claim]))
        check_type(Held, store.deliver(), "it has a lease again")


class InboxFailureCases(Contract):
    """Failures in the verbs of ``InboxStore``."""

    @case
    def test_enqueue_fails_and_recovers(self, store: Driven) -> None:
        """Raise StoreError from enqueue while the database fails, then record."""
        check_fails_and_recovers(store, "enqueue", lambda: store.enqueue(arrival()))
        check(1, len(store.take_due()), "it is due")

    @case
    def test_take_due_fails_and_recovers(self, store: Driven) -> None:
        """Raise StoreError from take_due while the database fails, then give what is due."""
        store.enqueue(arrival("evt_1"))
        check_fails_and_recovers(store, "take_due", store.take_due)
        check([], store.take_due(), "it was given")


class LedgerFailureCases(Contract):
    """Failures in the verbs of ``LedgerStore``."""

    @case
    def test_looking_fails_and_recovers(self, store: Driven) -> None:
        """Raise StoreError from get and list while the database fails."""
        store.claim()
        check_fails_and_recovers(store, "get", store.record)
        check_fails_and_recovers(store, "list", store.list)

    @case
    def test_acting_fails_and_recovers(self, store: Driven) -> None:
        """Raise StoreError from retry, replay and drop while the database fails, then act."""
        store.dead("evt_1")
        check_fails_and_recovers(store, "retry", lambda: store.retry("evt_1"))
        check("pending", store.record("evt_1").state, "it is retried")
        store.done("evt_2")
        check_fails_and_recovers(store, "replay", lambda: store.replay("evt_2"))
        check("pending", store.record("evt_2").state, "it is replayed")
        store.failed("evt_3")
        check_fails_and_recovers(store, "drop", lambda: store.drop("evt_3", "a"))
        check("done", store.record("evt_3").state, "it is done")

    @case
    def test_retention_fails_and_recovers(self, store: Driven) -> None:
        """Raise StoreError from erase and forget while the database fails."""
        store.done()
        check_fails_and_recovers(store, "forget", store.forget)
        check_fails_and_recovers(store, "erase", store.erase)
        check(True, store.record().erased, "it is erased")
