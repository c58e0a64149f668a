"""What becomes of an event whose process died, and of an owner that was only slow (5, 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events import Outcome
from stripe_events.errors import LostClaim, Permanent
from stripe_events.observers import Busy, Dead, Failed, Handled
from tests.unit.recorded import LEASE, Died, Handler

if TYPE_CHECKING:
    from tests.unit.recorded import Service


def test_while_the_lease_lasts_nobody_else_starts(service: Service) -> None:
    """The process may be alive; Stripe is told to come again."""
    service.die({"a": Handler(Died())})
    service.clock.now -= 1
    handler = Handler()

    response = service.deliver(service.code({"a": handler}))

    assert (409, Outcome.BUSY, 0) == (response.status, response.outcome, handler.runs)
    assert 1 == len(service.told_of(Busy))


def test_the_next_delivery_takes_over_once_the_lease_is_over(service: Service) -> None:
    """What the dead process had not recorded is run, and counted as another attempt."""
    service.die({"a": Handler(), "b": Handler(Died())})
    a, b = Handler(), Handler()

    response = service.deliver(service.code({"a": a, "b": b}))

    assert Outcome.HANDLED == response.outcome
    assert ([], [2]) == (a.attempts, b.attempts)
    record = service.record()
    assert (2, 1, 1) == (record.token, record.abandoned, service.handler("b").abandoned)


def test_rescue_takes_over_too(service: Service) -> None:
    """Also where Stripe does not deliver again."""
    service.die({"a": Handler(Died())})
    handler = Handler()

    rescued = service.rescue(service.code({"a": handler}))

    assert (1, 1, [2]) == (rescued.events, rescued.handled, handler.attempts)


def test_the_suspect_runs_last(service: Service) -> None:
    """Whatever kills the process keeps the others waiting once only."""
    service.die({"a": Handler(Died()), "b": Handler(), "c": Handler()})

    service.deliver(service.code({"a": Handler(), "b": Handler(), "c": Handler()}))

    (handled,) = service.told_of(Handled)
    assert ["b", "c", "a"] == [run.handler for run in handled.runs]


def test_the_suspect_is_the_handler_that_was_running(service: Service) -> None:
    """Not the ones before it, that were recorded, also not one that failed."""
    service.die({"a": Handler(), "b": Handler(ValueError("1")), "c": Handler(Died())})

    service.deliver(service.code({"a": Handler(), "b": Handler(), "c": Handler()}))

    abandoned = [service.handler(name).abandoned for name in "abc"]
    assert [0, 0, 1] == abandoned


@pytest.mark.parametrize("most", [1, 3])
def test_after_max_abandoned_runs_only_the_suspect_is_dead(service: Service, most: int) -> None:
    """The others are done, and the event is not run into the ground for ever."""
    other = Handler()
    for _ in range(most):
        service.die({"killer": Handler(Died()), "other": other}, max_abandoned=most)
    killer = Handler()

    response = service.deliver(service.code({"killer": killer, "other": other}, max_abandoned=most))

    assert (200, Outcome.DEAD) == (response.status, response.outcome)
    assert (0, 1) == (killer.runs, other.runs)
    assert {"killer": "dead", "other": "succeeded"} == service.outcomes()
    assert (most, most) == (service.handler("killer").abandoned, service.handler("killer").attempts)


def test_observers_are_told_of_a_death_by_abandonment(service: Service) -> None:
    """The others were run in the very attempt that gave the suspect up."""
    service.die({"killer": Handler(Died()), "other": Handler()}, max_abandoned=1)

    service.deliver(service.code({"killer": Handler(), "other": Handler()}, max_abandoned=1))

    (dead,) = service.told_of(Dead)
    assert ["other"] == [run.handler for run in dead.runs]
    assert "evt_1 is dead: a handler gave up before" == str(dead.error)


def test_deaths_are_told_from_failures(service: Service) -> None:
    """A handler that fails is tried for as long as Stripe delivers."""
    router = service.code({"a": Handler(*[ValueError(one) for one in range(7)])}, max_abandoned=1)

    outcomes = [service.deliver(router).outcome for _ in range(8)]

    assert [*[Outcome.FAILED] * 7, Outcome.HANDLED] == outcomes


def test_a_slow_owner_may_finish_while_nobody_has_taken_over(service: Service) -> None:
    """The end of the lease is an invitation to others, nothing more."""

    def slow(event: object) -> None:
        service.clock.now += 10 * LEASE

    assert Outcome.HANDLED == service.deliver(service.code({"a": slow})).outcome
    assert 1 == service.record().token


def test_the_later_writes_of_an_owner_are_refused_once_it_was_taken_over(service: Service) -> None:
    """It was paused, say; 500, reported, and nothing of it is written."""

    def paused(event: object) -> None:
        service.clock.now += LEASE
        service.deliver(service.code({"a": Handler(ValueError("the taker's")), "b": never}))

    never = Handler(ValueError("the taker's"))
    response = service.deliver(service.code({"a": paused, "b": never}))

    assert (500, Outcome.FAILED) == (response.status, response.outcome)
    assert isinstance(response.error, LostClaim)
    assert response.error is service.told_of(Failed)[-1].error
    assert {"a": "failed", "b": "failed"} == service.outcomes()
    assert (1, 2) == (never.runs, service.record().token)


@pytest.mark.parametrize("error", [ValueError("late"), Permanent("late")])
def test_a_failure_of_a_stale_owner_changes_nothing(service: Service, error: Exception) -> None:
    """The taker has succeeded: neither failed nor dead may come after that."""

    def paused(event: object) -> None:
        service.clock.now += LEASE
        service.deliver(service.code({"a": Handler()}))
        raise error

    response = service.deliver(service.code({"a": paused}))

    assert isinstance(response.error, LostClaim)
    handler = service.handler()
    assert ("done", "succeeded", None) == (
        service.record().state,
        handler.outcome,
        handler.late_error,
    )


def test_an_owner_is_stale_even_if_the_ledger_was_set_back(service: Service) -> None:
    """In an older copy of the database tokens begin anew; claim ids do not repeat."""

    def restored(event: object) -> None:
        service.ledger._events.clear()
        service.die({"a": Handler(Died())})

    response = service.deliver(service.code({"a": restored}))

    assert isinstance(response.error, LostClaim)
    assert (1, {"a": "planned"}) == (service.record().token, service.outcomes())


def test_an_owner_of_an_event_that_is_gone_is_stale(service: Service) -> None:
    """The database was set back to before the event."""

    def restored(event: object) -> None:
        service.ledger._events.clear()

    response = service.deliver(service.code({"a": restored}))

    assert isinstance(response.error, LostClaim)
    assert not service.has()


def test_an_operator_who_retries_takes_the_claim_away_from_nobody(service: Service) -> None:
    """What is being worked on is refused to him, so the owner's work stands."""

    def meanwhile(event: object) -> None:
        service.ledger.retry("default", "evt_1")
        service.ledger.drop("default", "evt_1", "a")

    assert Outcome.HANDLED == service.deliver(service.code({"a": meanwhile})).outcome
