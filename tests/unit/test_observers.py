"""The records that observers are told, and that observers change nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Context, EventRouter, Outcome, Permanent, RetryLater, parse
from stripe_events.errors import HandlerError, InvalidSignature, MalformedPayload, MissingSignature
from stripe_events.events import ChargeSucceeded, InvoicePaid
from stripe_events.observers import (
    Dead,
    Failed,
    Handled,
    HandlerRun,
    Ignored,
    Received,
    Record,
    Rejected,
)
from tests.unit.deliveries import NOW, deliver, router, signed, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import AnyEvent

EVENT = parse(snapshot())
ALL = (Received, Rejected, Ignored, Handled, Failed, Dead)


def observed(*handlers: Callable[..., Any], **options: Any) -> tuple[EventRouter, list[Any]]:
    """Give a router with handlers called "0", "1" and so on, and what its observer is told."""
    to, told = router(**options), []
    for number, handler in enumerate(handlers):
        to.on(ChargeSucceeded, name=str(number))(handler)
    to.observe(*ALL)(told.append)
    return to, told


def succeed(event: AnyEvent) -> None:
    """Succeed."""


def skip(event: AnyEvent, ctx: Context) -> None:
    """Have nothing to do."""
    ctx.skip("paid already")


def fail(event: AnyEvent) -> None:
    """Fail."""
    raise ValueError("boom")


def give_up(event: AnyEvent) -> None:
    """Fail for good."""
    raise Permanent("no such customer")


def later(event: AnyEvent) -> None:
    """Fail for now."""
    raise RetryLater(60)


def without_errors(record: Any) -> list[tuple[str, str, type]]:
    """Give the runs of a record with the classes of their errors."""
    return [(run.handler, run.outcome, type(run.error)) for run in record.runs]


def test_a_handled_event_is_told_twice() -> None:
    """When it came in, with its secret's name, and when all were settled."""
    to, told = observed(succeed, skip)
    deliver(to, snapshot())
    received, done = told
    assert Received(EVENT, "default") == received
    assert (Handled, EVENT) == (type(done), done.event)
    assert (HandlerRun("0", "succeeded"), HandlerRun("1", "skipped")) == done.runs
    assert 0 <= done.seconds < 60


@pytest.mark.parametrize("handler", [fail, later])
def test_a_failed_event_is_told_with_every_run(handler: Callable[..., Any]) -> None:
    """Also with those that succeeded or gave up."""
    to, told = observed(succeed, handler, give_up)
    response = deliver(to, snapshot())
    assert [Received, Failed] == [type(record) for record in told]
    assert [("succeeded", type(None)), ("dead", Permanent)] == [
        without_errors(told[1])[index][1:] for index in (0, 2)
    ]
    assert "failed" == told[1].runs[1].outcome
    assert (response.error, EVENT) == (told[1].error, told[1].event)


def test_a_dead_event_is_told_as_dead() -> None:
    """Nothing failed that could be tried again."""
    to, told = observed(give_up, succeed)
    deliver(to, snapshot())
    assert [Received, Dead] == [type(record) for record in told]
    assert [("0", "dead", Permanent), ("1", "succeeded", type(None))] == without_errors(told[1])
    assert ("0",) == told[1].error.handlers


def test_an_event_for_nobody_is_told_as_ignored() -> None:
    """With the reason."""
    to, told = observed(succeed)
    payload = snapshot("invoice.paid")
    deliver(to, payload)
    assert [Received(parse(payload), "default"), Ignored(parse(payload), "no handler")] == told


def test_a_test_event_in_production_is_told_as_ignored() -> None:
    """It had come in nevertheless."""
    to, told = observed(succeed, expect_livemode=True)
    deliver(to, snapshot())
    assert [Received(EVENT, "default"), Ignored(EVENT, "livemode")] == told


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (b"{}", None, MissingSignature),
        (b"{}", f"t={NOW},v1={'0' * 64}", InvalidSignature),
        (*signed(b"[]"), MalformedPayload),
        (*signed({"object": "event"}), MalformedPayload),
    ],
)
def test_a_rejected_delivery_is_told_with_its_error(body: bytes, headers: Any, error: type) -> None:
    """Nothing was received, as nothing in it can be trusted."""
    to, told = observed(succeed)
    response = to.handle(body, headers)
    assert [Rejected] == [type(record) for record in told]
    assert error is type(told[0].error)
    assert response.error is told[0].error


def test_input_without_signature_has_no_secret() -> None:
    """It came another way."""
    to, told = observed(succeed)
    to.process(snapshot())
    assert Received(EVENT, None) == told[0]


def test_an_observer_is_told_its_classes_only() -> None:
    """Several observers of one class in the order of registration."""
    to, order = router(), []
    to.on(InvoicePaid)(print)
    to.observe(Ignored)(lambda record: order.append("first"))
    to.observe(Failed, Ignored)(lambda record: order.append("second"))
    to.observe(Handled)(lambda record: order.append("never"))
    deliver(to, snapshot())
    assert ["first", "second"] == order


def test_observers_of_included_routers_are_told_too() -> None:
    """After those of the outer one."""
    outer, inner, order = router(), EventRouter(), []
    inner.observe(Ignored)(lambda record: order.append("inner"))
    outer.include(inner)
    outer.observe(Ignored)(lambda record: order.append("outer"))
    deliver(outer, snapshot())
    assert ["outer", "inner"] == order


def test_an_observer_is_given_back() -> None:
    """As every decorator of the router does."""
    assert succeed is router().observe(Handled)(succeed)


@pytest.mark.parametrize(
    ("handler", "expected"),
    [(succeed, Outcome.HANDLED), (fail, Outcome.FAILED), (give_up, Outcome.DEAD)],
)
def test_an_observer_that_raises_changes_nothing(
    handler: Callable[..., Any], expected: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, the others are told, the outcome stays."""
    to, told = router(), []
    to.on(ChargeSucceeded)(handler)

    @to.observe(*ALL)
    def broken(record: Record) -> None:
        raise LookupError("metrics are down")

    to.observe(*ALL)(told.append)
    with caplog.at_level(logging.ERROR, "stripe_events"):
        assert expected is deliver(to, snapshot()).outcome
    assert 2 == len(told)
    assert "an observer of Received failed" in caplog.messages
    assert any(r.exc_info and r.exc_info[0] is LookupError for r in caplog.records)


def test_an_interruption_in_an_observer_goes_out() -> None:
    """It is the process that is asked to end."""
    to = router()

    @to.observe(Received)
    def interrupted(record: Record) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(to, snapshot())


def test_failures_are_logged_with_their_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    """Once per delivery; the event's id and type, and no payload."""
    to, _ = observed(fail, give_up)
    deliver(to, snapshot())
    (record,) = caplog.records
    assert ("stripe_events", "ERROR") == (record.name, record.levelname)
    assert "2 of 2 handlers did not succeed for evt_1 (charge.succeeded): 0, 1" in record.message
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], HandlerError)


def test_a_rejection_is_logged_with_the_diagnosis(caplog: pytest.LogCaptureFixture) -> None:
    """For the operator; without the body, the secret or the signature."""
    to, _ = observed(succeed)
    to.handle(b'{"card": "hunter2"}', f"t={NOW},v1={'0' * 64}")
    (record,) = caplog.records
    assert ("stripe_events", "WARNING") == (record.name, record.levelname)
    assert "a delivery was rejected: no signature matches" in record.message
    assert ("hunter2" in caplog.text, "whsec" in caplog.text) == (False, False)
