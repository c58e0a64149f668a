"""``router.run(event_id)``: a queue's job runs what is left of an event, once (10)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events.errors import (
    Busy,
    HandlerError,
    LostClaim,
    PayloadError,
    Permanent,
    ProcessingError,
    RetryLater,
    StoreError,
)
from stripe_events.events import ChargeSucceeded
from stripe_events.observers import Dead, Failed, Handled
from stripe_events.storage import Query
from stripe_events.storage._operations import ReadEvent, Write
from tests.unit.deliveries import NOW, snapshot
from tests.unit.recorded import (
    LEASE,
    Died,
    Handler,
    only_handle,
)
from tests.unit.test_inbox_mixed import mixed
from tests.unit.waiting import LIMIT, reached

if TYPE_CHECKING:
    from stripe_events import EventRouter
    from tests.unit.recorded import Service


def inbox(service: Service, *errors: BaseException | None, **options: Any) -> EventRouter:
    """Give code whose handler raises these, with the event in its inbox, not due yet."""
    options = {"delivery": "inbox", "dispatch": lambda event_id: None, **options}
    router = service.code({"a": Handler(*errors)}, **options)
    service.deliver(router)
    return router


def test_it_runs_what_is_left(service: Service) -> None:
    """Although the event is not due for workers yet, for its job was told of at once."""
    router = inbox(service)
    assert NOW + 60 == service.record().due

    response = service.run(router)

    assert (Outcome.HANDLED, "evt_1") == (response.outcome, response.event_id)
    assert ("done", [1]) == (service.record().state, [service.handler().attempts])
    assert 1 == len(service.told_of(Handled))


def test_a_job_that_comes_twice_runs_once(service: Service) -> None:
    """The second one is told that the event is done."""
    handler = Handler()
    router = service.code({"a": handler}, delivery="inbox")
    service.deliver(router)

    outcomes = [service.run(router).outcome for _ in range(3)]

    assert [Outcome.HANDLED, Outcome.DUPLICATE, Outcome.DUPLICATE] == outcomes
    assert 1 == handler.runs


@only_handle
def test_of_two_jobs_at_once_one_runs_and_the_other_raises(service: Service) -> None:
    """``Busy``, never a quiet return: its queue tries it again."""

    def handler(event: object) -> None:
        running.set()
        reached(go_on)

    running, go_on = threading.Event(), threading.Event()
    router = service.code({"a": handler}, delivery="inbox")
    service.deliver(router)
    first = service.threads.submit(service.run, router)
    reached(running)

    with pytest.raises(Busy, match="evt_1 is being processed elsewhere"):
        service.run(router)
    go_on.set()
    assert Outcome.HANDLED == first.result(LIMIT).outcome


@pytest.mark.parametrize("seconds", [0.0, LIMIT])
def test_a_job_waits_as_long_as_a_delivery_does(service: Service, seconds: float) -> None:
    """``busy_wait``: in that time the other one may end."""

    def handler(event: object) -> None:
        job = service.threads.submit(_outcome_of, service, router)
        if seconds:
            service.ledger.wait_for(ReadEvent, 4)  # the job looks again
            jobs.append(job)
        else:
            assert isinstance(job.result(LIMIT), Busy)

    jobs: list[Any] = []
    router = service.code({"a": handler}, delivery="inbox", busy_wait=seconds)
    service.deliver(router)

    assert Outcome.HANDLED == service.run(router).outcome
    assert [Outcome.DUPLICATE] * len(jobs) == [job.result(LIMIT) for job in jobs]


def _outcome_of(service: Service, router: EventRouter) -> Outcome | Exception:
    try:
        return service.run(router).outcome
    except Busy as error:
        return error


def test_a_job_that_fails_raises_and_the_event_is_due_again(service: Service) -> None:
    """By backoff, for workers; the queue may come sooner."""
    router = inbox(service, ValueError("1"), ValueError("2"))

    for attempt in (1, 2):
        with pytest.raises(HandlerError, match="1 of 1 handlers did not succeed") as raised:
            service.run(router)
        assert [str(attempt)] == [str(error) for error in raised.value.exceptions]
        record = service.record()
        assert ("failed", "inbox") == (record.state, record.lane)
        assert record.due is not None
        assert 1 <= record.due - service.clock.now <= 10 * attempt
    assert 2 == len(service.told_of(Failed))
    assert Outcome.HANDLED == service.run(router).outcome


def test_a_handler_says_when_it_is_due_again(service: Service) -> None:
    """``RetryLater``; that is for workers: the queue has its own schedule."""
    router = inbox(service, RetryLater(500))

    with pytest.raises(HandlerError):
        service.run(router)
    assert service.clock.now + 500 == service.record().due
    assert Outcome.HANDLED == service.run(router).outcome


def test_a_handler_that_gives_up_is_dead_and_nothing_is_raised(service: Service) -> None:
    """The queue cannot help: another job would find it dead."""
    router = inbox(service, Permanent("never"))

    first, again = service.run(router), service.run(router)

    assert (Outcome.DEAD, HandlerError) == (first.outcome, type(first.error))
    assert (Outcome.DEAD, None) == (again.outcome, again.error)
    assert ("dead", 1) == (service.record().state, len(service.told_of(Dead)))


def test_an_event_that_is_not_there_is_an_error(service: Service) -> None:
    """The message says where it was looked for, and why it may be missing."""
    router = service.code({"a": Handler()}, delivery="inbox", scope="billing")

    with pytest.raises(ProcessingError, match=r"evt_9 is not in the ledger \(scope 'billing'\)"):
        service.run(router, "evt_9")
    assert 0 == service.ledger.count(Write)


def test_an_event_of_another_scope_is_not_there(service: Service) -> None:
    """Services on one database stay apart."""
    inbox(service)

    with pytest.raises(ProcessingError, match="not in the ledger"):
        service.run(service.code({"a": Handler()}, scope="billing"))


def test_a_closed_router_runs_nothing(service: Service) -> None:
    """The job is to be tried again, elsewhere; nothing was claimed."""
    router = inbox(service)
    router.close(wait=0)

    with pytest.raises(Busy, match="evt_1 was not run, for the router is being closed"):
        service.run(router)
    assert ("pending", 0) == (service.record().state, service.record().token)


def test_an_event_that_waits_for_another_one_of_its_key_is_busy(service: Service) -> None:
    """Its job comes again; the event keeps its place."""
    seen: list[str] = []
    router = service.code({}, delivery="inbox", order_by="object")
    router.on(ChargeSucceeded, name="a")(lambda event: seen.append(event.id))
    service.deliver(router)
    service.deliver(router, snapshot(id="evt_2"))

    with pytest.raises(Busy):
        service.run(router, "evt_2")
    assert Outcome.HANDLED == service.run(router).outcome
    assert Outcome.HANDLED == service.run(router, "evt_2").outcome
    assert ["evt_1", "evt_2"] == seen


def test_an_event_that_was_erased_is_a_duplicate(service: Service) -> None:
    """Only what is settled is erased."""
    router = inbox(service)
    service.run(router)
    service.ledger.erase("default", Query())

    assert Outcome.DUPLICATE == service.run(router).outcome


def test_a_payload_that_cannot_be_read_is_raised(service: Service) -> None:
    """Nothing is claimed: code that can read it may be elsewhere."""
    router = inbox(service)
    service.ledger._payloads["default", "evt_1"] = b"[]"

    with pytest.raises(PayloadError):
        service.run(router)
    assert ("pending", 0) == (service.record().state, service.record().token)


def test_it_takes_over_what_a_dead_process_left(service: Service) -> None:
    """Once the lease is over; before that it is busy."""
    service.die({"a": Handler(Died())})
    router = service.code({"a": Handler()})
    service.clock.now -= 1
    with pytest.raises(Busy):
        service.run(router)
    service.clock.now += 1

    assert Outcome.HANDLED == service.run(router).outcome
    assert 2 == service.handler().attempts


def test_a_job_that_dies_leaves_the_event_to_others(service: Service) -> None:
    """Another job or a worker takes it when the lease is over."""
    router = inbox(service, Died())
    with pytest.raises(Died):
        service.run(router)
    service.clock.now += LEASE

    assert 1 == service.rescue(router).handled


def test_an_inline_event_may_be_run_too(service: Service) -> None:
    """An operator's script, say; what it leaves is the inbox's from then on."""
    router = service.code({"a": Handler(ValueError("1"), ValueError("2"))})
    service.deliver(router)

    with pytest.raises(HandlerError):
        service.run(router)
    assert ("failed", "inbox") == (service.record().state, service.record().lane)
    assert Outcome.HANDLED == service.run(router).outcome


def test_it_runs_inline_handlers_as_well(service: Service) -> None:
    """What is left is left, whoever was to run it."""
    now, later = Handler(ValueError("not now")), Handler()
    router = mixed(service, now, later)
    service.deliver(router)

    assert Outcome.HANDLED == service.run(router).outcome
    assert (2, 1) == (now.runs, later.runs)


def test_handlers_have_fifteen_minutes_when_nobody_waits(service: Service) -> None:
    """Or what they are given."""
    handler = Handler()
    router = service.code({"a": handler}, delivery="inbox")
    service.deliver(router)

    service.run(router)
    service.deliver(router, snapshot(id="evt_2"))
    service.run(router, "evt_2", time_limit=50.0)

    assert 800 < handler.contexts[0].remaining() <= 900
    assert 0 < handler.contexts[1].remaining() <= 50


def test_a_job_may_say_how_long_its_claim_lasts(service: Service) -> None:
    """As long as the router's else; one that outlasts the handlers needs no heartbeat."""
    leases: list[float] = []
    claimed_at = service.clock.now
    router = service.code(
        {"a": lambda event: leases.append(service.record(event.id).lease_until - claimed_at)},
        delivery="inbox",
    )
    for event_id in ("evt_1", "evt_2"):
        service.deliver(router, snapshot(id=event_id))

    service.run(router)
    service.run(router, "evt_2", time_limit=60.0, lease=62.0)

    assert [LEASE, 62.0] == leases


@pytest.mark.parametrize(
    ("kind", "error"),
    [(ReadEvent, StoreError("refused")), (Write, StoreError("refused")), (Write, OSError("down"))],
)
def test_a_store_that_fails_is_raised(service: Service, kind: Any, error: Exception) -> None:
    """The queue tries the job again."""
    router = inbox(service)
    service.ledger.break_at(kind, error)

    with pytest.raises((StoreError, OSError), match=str(error)):
        service.run(router)
    service.ledger.break_at(kind, None)
    assert Outcome.HANDLED == service.run(router).outcome


def test_a_store_that_fails_after_the_handler_is_raised(service: Service) -> None:
    """The handler runs again when the lease is over: at least once."""

    def handler(event: object) -> None:
        service.ledger.break_at(Write, StoreError("refused"))

    router = service.code({"a": handler}, delivery="inbox")
    service.deliver(router)

    with pytest.raises(StoreError, match="refused"):
        service.run(router)
    service.ledger.break_at(Write, None)
    assert "claimed" == service.record().state


def test_an_owner_that_was_overtaken_is_told(service: Service) -> None:
    """``LostClaim``: what it has done since, another one may have done as well."""

    def handler(event: object) -> None:
        service.clock.now += LEASE
        service.rescue(service.code({"a": Handler()}, delivery="inbox"))

    router = service.code({"a": handler}, delivery="inbox")
    service.deliver(router)

    with pytest.raises(LostClaim):
        service.run(router)
    assert "done" == service.record().state


def test_a_job_may_have_a_lease_of_its_own(service: Service) -> None:
    """As in AWS Lambda: it lasts as long as the invocation, and nothing extends it."""
    leases: list[float] = []

    def note(event: object) -> None:
        leases.append(service.record().lease_until)

    router = service.code({"a": note}, delivery="inbox", dispatch=lambda event_id: None)
    service.deliver(router)

    service.run(router, time_limit=8.0, lease=10.0)

    assert [NOW + 10.0] == leases
