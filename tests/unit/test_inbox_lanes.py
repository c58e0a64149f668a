"""Any delivery of an unsettled event makes it the inbox's and due, in the same write (10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events.errors import Permanent, RetryLater, StoreError
from stripe_events.events import ChargeSucceeded
from stripe_events.observers import Busy
from stripe_events.storage._operations import Write
from tests.unit.deliveries import NOW, snapshot
from tests.unit.recorded import LEASE, Died, Handler, only_handle

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.recorded import Service


def failed(service: Service) -> None:
    """Leave an event that failed inline, so that it is Stripe's."""
    service.deliver(service.code({"a": Handler(ValueError("not now"))}))
    assert ("failed", "inline") == (service.record().state, service.record().lane)


def missing(service: Service) -> None:
    """Leave an event that was given back by code that has no such handler."""
    failed(service)
    service.deliver(service.code({}))
    assert ("pending", "inline") == (service.record().state, service.record().lane)


def died(service: Service) -> None:
    """Leave an event whose process died, its lease over."""
    service.die({"a": Handler(Died())})
    assert ("claimed", "inline") == (service.record().state, service.record().lane)


def claimed(service: Service) -> None:
    """Leave an event that somebody seems to work on still."""
    died(service)
    service.clock.now -= LEASE


@pytest.mark.parametrize("leave", [failed, missing, died, claimed])
def test_what_was_inline_becomes_the_inboxs(
    service: Service, leave: Callable[[Service], None]
) -> None:
    """After a switch of the code; one write, due now, and nobody waits for a claim."""
    leave(service)
    state, handler = service.record().state, Handler()
    router = service.code({"a": handler}, delivery="inbox")
    writes = service.ledger.count(Write)

    response = service.deliver(router)

    assert (200, Outcome.ACCEPTED) == (response.status, response.outcome)
    assert 1 == service.ledger.count(Write) - writes
    record = service.record()
    assert (state, "inbox", service.clock.now) == (record.state, record.lane, record.due)
    assert [] == service.told_of(Busy)
    service.clock.now += LEASE
    assert (1, 1) == (service.rescue(router).handled, handler.runs)


def test_what_is_parked_becomes_the_inboxs(service: Service) -> None:
    """It is due when its turn comes, and not before."""
    handlers = {"a": Handler(ValueError("not now"))}
    inline = service.code(handlers, order_by="object", order_inline=True)
    service.deliver(inline)
    service.deliver(inline, snapshot(id="evt_2"))
    assert ("parked", "inline") == (service.record("evt_2").state, service.record("evt_2").lane)
    router = service.code({"a": Handler()}, order_by="object", delivery="inbox")

    assert Outcome.ACCEPTED == service.deliver(router, snapshot(id="evt_2")).outcome
    parked = service.record("evt_2")
    assert ("parked", "inbox") == (parked.state, parked.lane)
    assert (0, 0, 0, 0) == service.rescue(router)
    service.deliver(router)
    assert (2, 2, 0, 0) == service.rescue(router)


@pytest.mark.parametrize(
    ("error", "outcome"), [(None, Outcome.DUPLICATE), (Permanent("never"), Outcome.DEAD)]
)
def test_a_settled_event_stays_settled(
    service: Service, error: Exception | None, outcome: Outcome
) -> None:
    """It is a duplicate, with the answer that Stripe was given when it was handled."""

    def handler(event: object, ctx: Any) -> None:
        ctx.respond({"approved": True})

    service.deliver(service.code({"a": handler, "b": Handler(error)}))
    before = service.record()

    response = service.deliver(service.code({"a": handler, "b": Handler()}, delivery="inbox"))

    assert (200, outcome) == (response.status, response.outcome)
    assert b'{"approved": true}' == response.body
    assert before == service.record()


def test_a_redelivery_makes_it_due_no_later_and_no_sooner(service: Service) -> None:
    """What waits for its next try as the handler asked keeps its time."""
    router = service.code({"a": Handler(RetryLater(500))}, delivery="inbox")
    service.deliver(router)
    service.clock.now += 5
    service.deliver(router)
    assert NOW == service.record().due

    service.rescue(router)
    due = service.clock.now + 500
    assert due == service.record().due
    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert ("failed", due) == (service.record().state, service.record().due)


def test_a_delivery_disturbs_nobody_who_works_on_it(service: Service) -> None:
    """Stripe is answered 200 at once, and the worker's claim stands."""

    def handler(event: object) -> None:
        answers.append(service.deliver(router).outcome)

    answers: list[Outcome] = []
    router = service.code({"a": handler}, delivery="inbox")
    service.deliver(router)

    assert 1 == service.rescue(router).handled
    assert ([Outcome.ACCEPTED], "done") == (answers, service.record().state)


def test_inline_code_that_comes_back_leaves_what_is_the_inboxs(service: Service) -> None:
    """It runs what is delivered to it; what fails is tried again by workers, too."""
    service.deliver(service.code({"a": Handler()}, delivery="inbox"))
    router = service.code({"a": Handler(ValueError("not now"))})

    assert 500 == service.deliver(router).status
    record = service.record()
    assert ("failed", "inbox") == (record.state, record.lane)
    assert record.due is not None
    assert 1 <= record.due - service.clock.now <= 10


def test_handlers_that_were_registered_since_join(service: Service) -> None:
    """By the next delivery, or when a worker takes it."""
    service.deliver(service.code({"a": Handler()}, delivery="inbox"))
    service.deliver(service.code({"a": Handler(), "b": Handler()}, delivery="inbox"))
    assert {"a": "planned", "b": "planned"} == service.outcomes()

    a, b, c = Handler(), Handler(), Handler()
    service.rescue(service.code({"a": a, "b": b, "c": c}, delivery="inbox"))
    assert [1, 1, 1] == [a.runs, b.runs, c.runs]


def test_what_this_code_does_not_have_is_given_back_uncounted(service: Service) -> None:
    """Due again within a minute; after a day the handler is dead."""
    service.deliver(service.code({"a": Handler()}, delivery="inbox"))
    other = service.code({"b": Handler()}, delivery="inbox")

    assert 1 == service.rescue(other).failed
    record = service.record()
    assert "pending" == record.state
    assert record.due is not None
    assert 30 <= record.due - service.clock.now <= 60
    assert (0, "planned", "succeeded") == (
        service.handler("a").attempts,
        service.handler("a").outcome,
        service.handler("b").outcome,
    )
    service.clock.now += 86_400
    assert 1 == service.rescue(other).dead
    assert {"a": "dead", "b": "succeeded"} == service.outcomes()


def test_an_event_of_another_codes_handlers_only_is_the_inboxs_too(service: Service) -> None:
    """Nothing of it is for this code; it is recorded, so it is not ignored."""
    failed(service)
    router = service.code({}, delivery="inbox")
    router.on("customer.created", name="b")(Handler())

    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert "inbox" == service.record().lane


@only_handle
def test_a_lost_answer_of_the_write_loses_nothing(service: Service) -> None:
    """It was recorded; 500 is answered, and the next delivery finds it."""
    router = service.code({"a": Handler()}, delivery="inbox")
    perform = service.ledger._perform

    def losing(operation: Any) -> Any:
        result = perform(operation)
        if isinstance(operation, Write):
            raise StoreError("the connection was lost")
        return result

    service.ledger._perform = losing  # type: ignore[method-assign]
    assert 500 == service.deliver(router).status
    service.ledger._perform = perform  # type: ignore[method-assign]
    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert 1 == service.rescue(router).handled


def test_handlers_may_choose_the_inbox_one_by_one(service: Service) -> None:
    """A router that is inline, where all handlers of the event are the inbox's."""
    handler = Handler()
    router = service.code({})
    router.on(ChargeSucceeded, name="a", delivery="inbox")(handler)

    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert (0, "pending", "inbox") == (handler.runs, service.record().state, service.record().lane)
