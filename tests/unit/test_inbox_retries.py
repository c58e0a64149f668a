"""What workers try again, how soon and how often; and what they give up (10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome, Retry
from stripe_events.errors import HandlerError, Permanent, RetryLater
from stripe_events.events import ChargeSucceeded
from stripe_events.observers import Dead, Failed
from stripe_events.storage import Changed
from tests.unit.deliveries import NOW, snapshot
from tests.unit.recorded import LEASE, Died, Handler
from tests.unit.test_inbox_mixed import mixed
from tests.unit.test_recorded_where import Where

if TYPE_CHECKING:
    from stripe_events import EventRouter
    from tests.unit.recorded import Service

SOON = Retry(first=1.0, most=1.0)
"""Each pause is a second."""


class Always(Handler):
    """A handler that never succeeds."""

    def __call__(self, event: object, ctx: Any) -> None:
        """Fail, saying which attempt it was."""
        super().__call__(event, ctx)
        msg = f"failure {ctx.attempt}"
        raise ValueError(msg)


def tried(service: Service, router: EventRouter, times: int) -> list[str]:
    """Let workers come whenever the event is due, so often; give the states it went through."""
    states = []
    for _ in range(times):
        record = service.record()
        if record.due is not None:
            service.clock.now = max(service.clock.now, record.due)
        service.rescue(router)
        states.append(service.record().state)
    return states


def test_pauses_grow_from_failure_to_failure(service: Service) -> None:
    """Within their limits, each; ``test_retry`` has the rest."""
    router = service.code({"a": Always()}, delivery="inbox", retry=Retry(first=100.0, most=500.0))
    service.deliver(router)

    for most in (100.0, 200.0, 400.0, 500.0, 500.0):
        service.rescue(router)
        due = service.record().due
        assert due is not None
        assert 1 <= due - service.clock.now <= most
        assert 0 == service.rescue(router).events
        service.clock.now = due


def test_after_so_many_attempts_a_handler_is_dead(service: Service) -> None:
    """Its last error is kept, and the event waits for an operator."""
    handler = Always()
    router = service.code({"a": handler}, delivery="inbox", retry=SOON._replace(attempts=3))
    service.deliver(router)

    assert ["failed", "failed", "dead", "dead"] == tried(service, router, 4)
    assert [1, 2, 3] == handler.attempts
    record = service.handler()
    assert ("dead", 3) == (record.outcome, record.attempts)
    assert record.error is not None
    assert ("failure 3", 3) == (record.error.message, record.error.attempt)
    assert (2, 1) == (len(service.told_of(Failed)), len(service.told_of(Dead)))
    assert isinstance(service.told_of(Dead)[0].error, HandlerError)
    assert Outcome.DEAD == service.deliver(router).outcome


def test_after_so_long_a_handler_is_dead(service: Service) -> None:
    """Counted from the first delivery."""
    router = service.code({"a": Always()}, delivery="inbox", retry=SOON._replace(age=100.0))
    service.deliver(router)

    assert ["failed", "failed"] == tried(service, router, 2)
    service.clock.now = NOW + 99.0
    assert 1 == service.rescue(router).failed
    service.clock.now = NOW + 100.0
    assert 1 == service.rescue(router).dead


def test_an_event_that_waited_long_for_its_worker_is_tried_twice(service: Service) -> None:
    """There was no worker for days: that is not the handler's fault."""
    router = service.code({"a": Always()}, delivery="inbox", retry=SOON)
    service.deliver(router)
    service.clock.now += 10 * 86_400

    assert ["failed", "dead"] == tried(service, router, 2)


def test_a_handler_may_have_limits_of_its_own(service: Service) -> None:
    """They go before the router's; the others go on by theirs."""
    router = service.code({"a": Always()}, delivery="inbox", retry=SOON._replace(attempts=4))
    router.on(ChargeSucceeded, name="b", retry=SOON._replace(attempts=2))(Always())
    service.deliver(router)

    outcomes = []
    for _ in range(4):
        tried(service, router, 1)
        outcomes.append(service.outcomes())

    assert [
        {"a": "failed", "b": "failed"},
        {"a": "failed", "b": "dead"},
        {"a": "failed", "b": "dead"},
        {"a": "dead", "b": "dead"},
    ] == outcomes


def test_a_handler_may_have_pauses_of_its_own(service: Service) -> None:
    """Of several failed handlers the one that waits longest is waited for."""
    router = service.code({"a": Always()}, delivery="inbox", retry=SOON)
    router.on(ChargeSucceeded, name="b", retry=Retry(first=0.5, most=0.5))(Always())
    service.deliver(router)
    service.rescue(router)
    assert NOW + 1 == service.record().due

    other = service.code({}, delivery="inbox", retry=SOON)
    other.on(ChargeSucceeded, name="b", retry=Retry(first=0.5, most=0.5))(Always())
    service.deliver(other, snapshot(id="evt_2"))
    service.rescue(other)
    assert NOW + 0.5 == service.record("evt_2").due


def test_stripes_own_tries_are_not_counted_out(service: Service) -> None:
    """It keeps to its own schedule: an inline handler is never dead by a limit."""
    retry = Retry(attempts=1, age=1.0)
    router = service.code({"a": Handler(*[ValueError(one) for one in range(5)])}, retry=retry)

    outcomes = []
    for _ in range(6):
        outcomes.append(service.deliver(router).outcome)
        service.clock.now += 86_400

    assert [*[Outcome.FAILED] * 5, Outcome.HANDLED] == outcomes


def test_stripes_tries_of_a_mixed_event_are_not_counted_out_either(service: Service) -> None:
    """Not while Stripe delivers it; by a worker the inline one can die, too."""
    router = mixed(service, Always(), Handler(), retry=Retry(attempts=1))

    assert [500, 500] == [service.deliver(router).status for _ in "12"]
    assert "failed" == service.outcomes()["now"]
    service.clock.now += 60
    assert 1 == service.rescue(router).dead
    assert {"now": "dead", "later": "succeeded"} == service.outcomes()


def test_what_rescue_tries_for_stripe_is_not_counted_out(service: Service) -> None:
    """An event that was never the inbox's has no limits."""
    router = service.code({"a": Always()}, rescue_after=1.0, retry=Retry(attempts=1))
    service.deliver(router)
    service.clock.now += 1

    assert 1 == service.rescue(router).failed


def test_a_job_has_the_limits_of_workers(service: Service) -> None:
    """At the last attempt the event is dead, and the queue is not told to try again."""
    router = service.code({"a": Always()}, delivery="inbox", retry=Retry(attempts=2))
    service.deliver(router)

    with pytest.raises(HandlerError):
        service.run(router)
    assert Outcome.DEAD == service.run(router).outcome


def test_retry_later_is_obeyed(service: Service) -> None:
    """Of several the longest; also where backoff would come sooner or later."""
    handlers = {"a": Handler(RetryLater(5_000)), "b": Handler(RetryLater(0.25))}
    router = service.code({**handlers, "c": Handler(ValueError())}, delivery="inbox", retry=SOON)
    service.deliver(router)
    service.rescue(router)
    assert NOW + 5_000 == service.record().due

    router = service.code({"b": Handler(RetryLater(0.25))}, delivery="inbox")
    service.deliver(router, snapshot(id="evt_2"))
    service.rescue(router)
    assert NOW + 0.25 == service.record("evt_2").due


def test_retry_later_comes_to_an_end_too(service: Service) -> None:
    """Each is an attempt; a handler that asks for ever is dead at its limit."""
    handler = Handler(*[RetryLater(60)] * 9)
    router = service.code({"a": handler}, delivery="inbox", retry=SOON._replace(attempts=3))
    service.deliver(router)

    assert ["failed", "failed", "dead"] == tried(service, router, 3)


def test_permanent_is_dead_at_once(service: Service) -> None:
    """Its siblings are tried again all the same."""
    good = Handler(ValueError("not now"))
    router = service.code({"a": Handler(Permanent("never")), "b": good}, delivery="inbox")
    service.deliver(router)

    assert ["failed", "dead"] == tried(service, router, 2)
    assert ({"a": "dead", "b": "succeeded"}, 2) == (service.outcomes(), good.runs)


def test_a_sibling_of_a_dead_handler_is_not_run_again(service: Service) -> None:
    """What succeeded stays so, whatever becomes of the others."""
    good = Handler()
    router = service.code(
        {"a": Always(), "b": good}, delivery="inbox", retry=SOON._replace(attempts=4)
    )
    service.deliver(router)

    assert "dead" == tried(service, router, 5)[-1]
    assert 1 == good.runs


def test_an_operators_retry_starts_anew(service: Service) -> None:
    """All its attempts again, by number; by age two, however old the event is."""
    handler = Always()
    retry = SOON._replace(attempts=3, age=1_000.0)
    router = service.code({"a": handler}, delivery="inbox", retry=retry)
    service.deliver(router)
    tried(service, router, 3)

    assert isinstance(service.ledger.retry("default", "evt_1"), Changed)
    assert ["failed", "failed", "dead"] == tried(service, router, 3)
    assert [1, 2, 3, 1, 2, 3] == handler.attempts

    service.clock.now += 1_000
    service.ledger.retry("default", "evt_1")
    assert ["failed", "dead"] == tried(service, router, 2)


def test_runs_that_died_are_attempts(service: Service) -> None:
    """A handler that now kills its process and now fails is dead after its attempts."""
    router = service.code({"a": Handler(Died())}, delivery="inbox", retry=Retry(attempts=2))
    service.deliver(router)
    with pytest.raises(Died):
        service.rescue(router)
    service.clock.now += LEASE

    assert 1 == service.rescue(service.code({"a": Always()}, retry=Retry(attempts=2))).dead
    assert 2 == service.handler().attempts


def test_a_where_that_always_raises_comes_to_an_end(service: Service) -> None:
    """It is the handler that has failed; its error is that of the ``where``."""
    handler = Handler()
    router = service.code({}, delivery="inbox", retry=SOON._replace(attempts=2))
    router.on(ChargeSucceeded, name="a", where=Where(ValueError("a defect")))(handler)
    service.deliver(router)

    assert ["failed", "dead"] == tried(service, router, 2)
    error = service.handler().error
    assert error is not None
    assert ("a defect", 0) == (error.message, handler.runs)


def test_a_successor_is_not_held_up_by_the_dead(service: Service) -> None:
    """The limit ends the waiting of what comes after it in order."""
    seen: list[str] = []

    def handler(event: Any) -> None:
        seen.append(event.id)
        if event.id == "evt_1":
            raise ValueError("a defect")

    router = service.code(
        {"a": handler}, delivery="inbox", order_by="object", retry=SOON._replace(attempts=2)
    )
    for event_id in ("evt_1", "evt_2"):
        service.deliver(router, snapshot(id=event_id))

    assert ["failed", "dead"] == tried(service, router, 2)
    service.rescue(router)
    assert (["evt_1", "evt_1", "evt_2"], "done") == (seen, service.record("evt_2").state)
