"""What a handler is told of its delivery, and what it can answer, without a store."""

from __future__ import annotations

import json
import logging
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Context, Outcome, Permanent
from stripe_events._delivery.context import Delivery
from stripe_events.errors import UsageError
from stripe_events.events import ChargeSucceeded
from tests.unit.deliveries import NOW, deliver, router, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import AnyEvent, EventRouter, WebhookResponse

RECEIVED = datetime.fromtimestamp(NOW, UTC)


def context(
    event_id: str = "evt_1",
    handler: str = "app:handler",
    *,
    seconds: float = 60,
    timeout: float | None = None,
) -> Context:
    """Give the context of a run with this timeout, in a delivery that has so many seconds."""
    return Context(Delivery(RECEIVED, "platform", seconds), event_id, handler, timeout)


def answering(*handlers: Callable[[AnyEvent, Context], object]) -> EventRouter:
    """Give a router with these handlers, called "0", "1" and so on."""
    to = router()
    for number, handler in enumerate(handlers):
        to.on_any(name=str(number))(handler)
    return to


def handled(handler: Callable[[AnyEvent, Context], object]) -> WebhookResponse:
    """Deliver an event to this one handler."""
    return deliver(answering(handler), snapshot())


def fail(event: AnyEvent, ctx: Context) -> None:
    """Fail."""
    raise ValueError("boom")


def approve(event: AnyEvent, ctx: Context) -> None:
    """Answer what an issuing authorization asks."""
    ctx.respond({"approved": True}, {"Stripe-Version": "2025-09-30.clover"})


def test_a_handler_is_told_of_its_delivery() -> None:
    """All handlers of one delivery are told the same."""
    told: list[Any] = []

    def note(event: AnyEvent, ctx: Context) -> None:
        told.append((ctx.delivery_id, ctx.received_at, ctx.secret, ctx.attempt, ctx.out_of_order))

    to = answering(note, note)
    deliver(to, snapshot())
    assert told[0] == told[1]
    assert (RECEIVED, "default", 1, False) == told[0][1:]


def test_every_delivery_has_an_id_of_its_own() -> None:
    """Also of the same event."""
    ids: list[str] = []
    to = answering(lambda event, ctx: ids.append(ctx.delivery_id))
    for _ in range(3):
        deliver(to, snapshot())
    assert (3, True) == (len(set(ids)), all(i.startswith("dlv_") for i in ids))


def test_a_run_has_the_time_that_the_delivery_has() -> None:
    """The deadline is that time from now."""
    ctx = context(seconds=60)
    before = datetime.now(UTC)
    assert 59 < ctx.remaining() <= 60
    assert timedelta(seconds=59) < ctx.deadline - before <= timedelta(seconds=60.5)


@pytest.mark.parametrize(("delivery", "own", "expected"), [(60, 2, 2), (2, 60, 2)])
def test_a_run_ends_at_the_earlier_limit(delivery: float, own: float, expected: float) -> None:
    """Of its own timeout and of the delivery's."""
    left = context(seconds=delivery, timeout=own).remaining()
    assert expected - 1 < left <= expected


def test_no_time_is_left_after_the_deadline() -> None:
    """It never becomes negative; the deadline stays in the past."""
    ctx = context(seconds=-5)
    assert 0.0 == ctx.remaining()
    assert ctx.deadline < datetime.now(UTC) - timedelta(seconds=4)


@pytest.mark.parametrize("seconds", [math.inf, 1e300, 1e12])
def test_a_run_may_have_all_the_time_there_is(seconds: float) -> None:
    """Asking for its deadline is then no failure of the handler."""
    ctx = context(seconds=seconds)
    assert datetime.max.replace(tzinfo=UTC) == ctx.deadline
    assert ctx.remaining() > 1e11


def test_the_time_limit_is_the_callers() -> None:
    """An adapter knows how long the platform lets it run."""
    left: list[float] = []
    to = answering(lambda event, ctx: left.append(ctx.remaining()))
    to.process(snapshot(), time_limit=5)
    to.process(snapshot())
    assert (True, True) == (4 < left[0] <= 5, 59 < left[1] <= 60)


def test_an_idempotency_key_names_event_and_handler() -> None:
    """The same in every attempt, another for another handler."""
    keys = {context().idempotency_key, context().idempotency_key}
    assert {"evt_1/app:handler"} == keys
    assert "evt_1/app:other" == context(handler="app:other").idempotency_key


@pytest.mark.parametrize(
    ("event_id", "handler"),
    [
        ("evt_1", "h" * 249),
        ("evt_1", "h" * 250),
        ("e" * 255, "app:handler"),
        ("e" * 255, "h" * 1000),
        ("evt_1", "app:erlöse"),
        ("evt_1", "app:платёж"),
        ("evt_1", "two\nlines"),
    ],
)
def test_an_idempotency_key_can_be_sent(event_id: str, handler: str) -> None:
    """It goes into a header: at most 255 characters of printable ASCII, and no two are equal."""
    key = context(event_id, handler).idempotency_key
    assert key == context(event_id, handler).idempotency_key
    assert (True, True, True) == (len(key) <= 255, key.isascii(), key.isprintable())
    assert key != context(event_id, handler + "x").idempotency_key


def test_the_logger_names_event_handler_and_delivery(caplog: pytest.LogCaptureFixture) -> None:
    """As extras, so that every format can show them; nothing else of the event."""
    ctx = context()
    with caplog.at_level(logging.INFO):
        ctx.logger.info("credited")
    (record,) = caplog.records
    assert ("stripe_events.handlers", "credited") == (record.name, record.getMessage())
    assert ("evt_1", "app:handler", ctx.delivery_id) == (
        record.__dict__["stripe_event"],
        record.__dict__["handler"],
        record.__dict__["delivery"],
    )


def test_an_answer_is_sent_as_it_was_given() -> None:
    """With a length and a type, and the headers that Stripe asks for."""
    response = handled(approve)
    assert (200, {"approved": True}, Outcome.HANDLED) == (
        response.status,
        json.loads(response.body),
        response.outcome,
    )
    assert {
        "content-type": "application/json",
        "content-length": str(len(response.body)),
        "stripe-version": "2025-09-30.clover",
    } == response.headers


@pytest.mark.parametrize("order", [(approve, fail), (fail, approve), (fail, approve, fail)])
def test_an_answer_is_sent_whatever_other_handlers_do(order: tuple[Any, ...]) -> None:
    """Stripe waits for it; that somebody failed is known to us alone."""
    response = deliver(answering(*order), snapshot())
    assert (200, {"approved": True}, Outcome.FAILED) == (
        response.status,
        json.loads(response.body),
        response.outcome,
    )


@pytest.mark.parametrize("error", [ValueError("boom"), Permanent("no")])
def test_an_answer_of_a_handler_that_fails_is_not_sent(error: Exception) -> None:
    """Nobody knows whether it was meant; another handler may answer instead."""

    def answer_and_fail(event: AnyEvent, ctx: Context) -> None:
        ctx.respond({"approved": False})
        raise error

    assert b"approved" not in handled(answer_and_fail).body
    response = deliver(answering(answer_and_fail, approve), snapshot())
    assert {"approved": True} == json.loads(response.body)


def test_one_delivery_has_one_answer() -> None:
    """The first stands; whoever answers after it has failed."""
    response = deliver(answering(approve, approve), snapshot())
    assert ({"approved": True}, Outcome.FAILED) == (json.loads(response.body), response.outcome)


def test_one_handler_answers_once() -> None:
    """A second answer is a mistake, even an equal one."""
    ctx = context()
    ctx.respond({})
    with pytest.raises(UsageError, match="one event has one answer"):
        ctx.respond({})


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"amount": float("nan")}, ValueError),
        ({"at": RECEIVED}, TypeError),
        ({1, 2}, TypeError),
        (b"{}", TypeError),
    ],
)
def test_what_has_no_json_form_is_no_answer(value: Any, error: type[Exception]) -> None:
    """The handler is told at once, and may answer something else."""
    ctx = context()
    with pytest.raises(error):
        ctx.respond(value)
    ctx.respond(None)
    assert ctx.answer is not None
    assert b"null" == ctx.answer.body


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "two\r\nlines"},
        {"X-A\r\nX-B": "a"},
        {"X-A": "ü"},
        {"Ü": "a"},
        {"": "a"},
        {"X A": "a"},
        {"X-A:": "a"},
        {"X-A": 5},
        {5: "a"},
        {"X-A": None},
        {"X-A": b"a"},
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(headers: Any) -> None:
    """Else a server would break off, or let somebody write headers of his own."""
    with pytest.raises(UsageError, match="header"):
        context().respond({}, headers)


def test_headers_of_an_answer_can_change_its_type_but_not_its_length() -> None:
    """In any case of letters."""

    def handler(event: AnyEvent, ctx: Context) -> None:
        ctx.respond({"a": "é"}, {"CONTENT-TYPE": "text/json", "Content-Length": "9999"})

    response = handled(handler)
    assert {"content-type": "text/json", "content-length": "15"} == response.headers
    assert 15 == len(response.body)


def test_a_handler_can_say_that_there_was_nothing_to_do() -> None:
    """It counts as settled; the reason is kept."""
    ctx = context()
    assert None is ctx.skipped
    ctx.skip("paid already")
    assert "paid already" == ctx.skipped


def test_a_handler_may_leave_the_context_out() -> None:
    """And gets nothing in its place."""
    to = router()
    seen: list[Any] = []

    @to.on(ChargeSucceeded)
    def handler(event: ChargeSucceeded, retries: int = 3) -> None:
        seen.append(retries)

    deliver(to, snapshot())
    assert [3] == seen
