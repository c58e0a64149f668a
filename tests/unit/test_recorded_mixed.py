"""A router that runs some handlers of an event, and leaves the others to the inbox."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from stripe_events import Outcome
from stripe_events.events import ChargeSucceeded
from tests.unit.crashing import Crash, Invariants, drive, flow_of
from tests.unit.recorded import HANDLE, LEASE
from tests.unit.recorded_sql import CREDIT, SQLService

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from stripe_events import Context, EventRouter
    from stripe_events.storage import EventRecord

INLINE = ("credit", "mail")


def mixing(bank: SQLService, seen: list[str], fails: int = 0) -> EventRouter:
    """Give code with two inline handlers, one of which may fail at first, and one for the inbox."""

    def credit(event: object, ctx: Context) -> None:
        seen.append("credit")
        with ctx.transaction(bank.sql) as connection:
            connection.execute(CREDIT, ("credit",))

    def mail(event: object) -> None:
        seen.append("mail")
        if seen.count("mail") <= fails:
            raise ValueError("not now")

    router = bank.code({"credit": credit, "mail": mail})
    router.on(ChargeSucceeded, name="report", delivery="inbox")(lambda event: seen.append("report"))
    return router


def opened(directory: Path) -> AbstractContextManager[SQLService]:
    """Make a service with a database of its own."""
    directory.mkdir()
    return closing(SQLService(HANDLE, directory))


def check_answered(record: EventRecord) -> None:
    """See what 200 promises: the inline handlers are settled, and the rest is the inbox's."""
    outcomes = {one.name: one.outcome for one in record.handlers}
    assert ["succeeded"] * 2 == [outcomes[name] for name in INLINE]
    is_due = record.lane == "inbox" and (record.due is not None or record.state == "claimed")
    assert record.state == "done" or is_due


def delivered_until_answered(bank: SQLService, router: EventRouter) -> None:
    """Let Stripe come again, each time a lease later, until it is answered 200."""
    for _ in range(4):
        bank.clock.now += LEASE
        response = bank.deliver(router)
        if response.status == 200:
            assert response.outcome in (Outcome.ACCEPTED, Outcome.DUPLICATE)
            check_answered(bank.record())
            return
        assert 500 == response.status
    pytest.fail("it is never answered")


def done_by_a_worker(bank: SQLService, router: EventRouter) -> None:
    """Let a worker come when every lease is over, and see that nothing is left or done twice."""
    bank.clock.now += LEASE
    bank.rescue(router)
    assert dict.fromkeys((*INLINE, "report"), "succeeded") == bank.outcomes()
    assert "done" == bank.record().state
    assert ["credit"] == bank.credits()


def test_the_rest_is_left_to_the_inbox(tmp_path: Path) -> None:
    """Inline handlers run before the answer of 200, the others when they are due."""
    with closing(SQLService(HANDLE, tmp_path)) as bank:
        seen: list[str] = []
        router = mixing(bank, seen, 1)

        assert 500 == bank.deliver(router).status
        assert Outcome.ACCEPTED == bank.deliver(router).outcome
        check_answered(bank.record())
        assert ["credit", "mail", "mail"] == seen

        done_by_a_worker(bank, router)
        assert ["credit", "mail", "mail", "report"] == seen


@pytest.mark.parametrize("fails", [0, 1], ids=["all succeed", "one fails"])
def test_a_mixed_delivery_that_dies_anywhere_loses_nothing(tmp_path: Path, fails: int) -> None:
    """One crash, at each of its effects; then Stripe comes until it is told 200, and a worker."""
    with opened(tmp_path / "whole") as bank:
        effects, _ = drive(flow_of(mixing(bank, [], fails)), None)
    assert 6 <= effects

    for number, crash in enumerate(Crash.everywhere(effects)):
        with opened(tmp_path / str(number)) as bank:
            router = mixing(bank, [], fails)
            watch = Invariants(lambda bank=bank: bank.record() if bank.has() else None)
            drive(flow_of(router), crash, watch)

            delivered_until_answered(bank, router)
            watch()
            done_by_a_worker(bank, router)
            watch()


def test_a_mixed_delivery_that_dies_before_its_answer_needs_nobody_but_a_worker(
    tmp_path: Path,
) -> None:
    """What has claimed an event for the inbox may die at any effect: a worker does the rest."""
    with opened(tmp_path / "whole") as bank:
        effects, _ = drive(flow_of(mixing(bank, [])), None)

    for number, crash in enumerate(Crash.everywhere(effects)):
        with opened(tmp_path / str(number)) as bank:
            router = mixing(bank, [])
            drive(flow_of(router), crash)
            if bank.has():
                assert "inbox" == bank.record().lane
                done_by_a_worker(bank, router)
