"""``EventRouter.handle``: what is answered to each delivery, and what is told to nobody."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Context, EventRouter, Outcome, Permanent, RetryLater
from stripe_events._verification import Verification, sign
from stripe_events.errors import (
    Busy,
    ConfigurationError,
    HandlerError,
    InvalidSignature,
    MalformedPayload,
    PayloadTooLarge,
    ProcessingError,
    SignatureError,
    StoreError,
    UsageError,
)
from stripe_events.events import ChargeSucceeded
from tests.unit.deliveries import NOW, SECRET, deliver, encode, router, signed, snapshot, thin

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import AnyEvent

BODY, HEADERS = signed(snapshot())
VALUE = HEADERS["Stripe-Signature"]


def handling(*handlers: Callable[..., Any], **options: Any) -> EventRouter:
    """Give a router with handlers called "0", "1" and so on."""
    to = router(**options)
    for number, handler in enumerate(handlers):
        to.on_any(name=str(number))(handler)
    return to


def failing(error: BaseException) -> Callable[[Any], None]:
    """Give a handler that raises."""

    def handler(event: Any) -> None:
        raise error

    return handler


def succeed(event: AnyEvent) -> str:
    """Succeed, with a result that nobody needs."""
    return "unused"


@pytest.mark.parametrize("body", [BODY, bytearray(BODY), memoryview(BODY), BODY.decode()])
def test_a_delivery_is_taken_in_every_form_of_body(body: Any) -> None:
    """As long as it is raw."""
    assert Outcome.HANDLED is handling(succeed).handle(body, HEADERS).outcome


@pytest.mark.parametrize(
    "headers",
    [
        HEADERS,
        {"STRIPE-SIGNATURE": VALUE, "host": "example.com"},
        {"stripe-signature": [VALUE]},
        [("Stripe-Signature", VALUE)],
        [(b"host", b"example.com"), (b"stripe-signature", VALUE.encode())],
        VALUE,
        VALUE.encode(),
    ],
)
def test_a_delivery_is_taken_in_every_form_of_headers(headers: Any) -> None:
    """Whatever framework they come from."""
    assert Outcome.HANDLED is handling(succeed).handle(BODY, headers).outcome


@pytest.mark.parametrize("body", [json.loads(BODY), None, [BODY], 5])
def test_a_parsed_body_is_a_mistake_of_the_program(body: Any) -> None:
    """It is no delivery at all; the error says what to pass, and the router goes on."""
    to = handling(succeed)
    with pytest.raises(UsageError, match="raw bytes of the request"):
        to.handle(body, HEADERS)
    assert Outcome.HANDLED is to.handle(BODY, HEADERS).outcome


def test_a_router_without_secrets_takes_no_webhooks() -> None:
    """It could not tell who sent them."""
    with pytest.raises(ConfigurationError, match=r"no secrets.*secrets=.*include"):
        EventRouter().handle(BODY, HEADERS)


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (BODY, None, Outcome.SIGNATURE_MISSING),
        (BODY, {}, Outcome.SIGNATURE_MISSING),
        (BODY, [], Outcome.SIGNATURE_MISSING),
        (BODY, "", Outcome.SIGNATURE_MISSING),
        (BODY, "nonsense", Outcome.SIGNATURE_INVALID),
        (BODY, f"t={NOW},v1={'0' * 64}", Outcome.SIGNATURE_INVALID),
        (BODY + b" ", HEADERS, Outcome.SIGNATURE_INVALID),
        (BODY, sign(BODY, "whsec_other", timestamp=NOW), Outcome.SIGNATURE_INVALID),
        (BODY, sign(BODY, SECRET, timestamp=NOW - 301), Outcome.SIGNATURE_EXPIRED),
        (BODY, sign(BODY, SECRET, timestamp=NOW + 301), Outcome.SIGNATURE_EXPIRED),
        (BODY, sign(BODY, SECRET, timestamp=NOW - 300), Outcome.HANDLED),
        (BODY, sign(BODY, SECRET, timestamp=NOW + 300), Outcome.HANDLED),
        ("\ud800", HEADERS, Outcome.MALFORMED),
        (*signed(b""), Outcome.MALFORMED),
        (*signed(b"not json"), Outcome.MALFORMED),
        (*signed([snapshot()]), Outcome.MALFORMED),
        (*signed({}), Outcome.MALFORMED),
        (*signed(snapshot(data={})), Outcome.MALFORMED),
        (*signed({"detail-type": "charge.succeeded", "detail": snapshot()}), Outcome.MALFORMED),
        (*signed(snapshot()), Outcome.HANDLED),
        (*signed(snapshot("added.tomorrow")), Outcome.HANDLED),
        (*signed(thin()), Outcome.HANDLED),
        (*signed(thin("v9.added")), Outcome.HANDLED),
    ],
)
def test_every_delivery_has_one_outcome(body: Any, headers: Any, expected: Outcome) -> None:
    """Verification comes first, then the payload, then handlers."""
    ran: list[Any] = []
    response = handling(ran.append).handle(body, headers)
    assert (expected, expected.status) == (response.outcome, response.status)
    assert (expected is Outcome.HANDLED) is bool(ran)


def test_a_body_is_never_read_before_it_is_verified() -> None:
    """One that is broken and unsigned is only known to be unsigned."""
    assert Outcome.SIGNATURE_MISSING is handling(succeed).handle(b"\xff[[[", None).outcome


def test_a_body_over_the_limit_is_refused_before_anything_else() -> None:
    """Hashing it would cost more than telling its length; the limit itself is allowed."""
    response = handling(succeed, max_body_bytes=len(BODY) - 1).handle(BODY, None)
    assert (Outcome.TOO_LARGE, 413, PayloadTooLarge) == (
        response.outcome,
        response.status,
        type(response.error),
    )
    assert (
        Outcome.HANDLED is handling(succeed, max_body_bytes=len(BODY)).handle(BODY, HEADERS).outcome
    )


def test_the_limit_is_four_mebibytes_unless_told_otherwise() -> None:
    """Stripe names no maximum."""
    body, headers = signed(b" " * (4 * 1024 * 1024 + 1))
    to = handling(succeed)
    assert [Outcome.TOO_LARGE, Outcome.MALFORMED] == [
        to.handle(body, headers).outcome,
        to.handle(*signed(body[:-1])).outcome,
    ]


@pytest.mark.parametrize(
    ("expected", "livemode", "outcome"),
    [
        (None, False, Outcome.HANDLED),
        (None, True, Outcome.HANDLED),
        (True, True, Outcome.HANDLED),
        (True, False, Outcome.IGNORED),
        (False, False, Outcome.HANDLED),
        (False, True, Outcome.IGNORED),
    ],
)
def test_events_of_the_other_mode_are_ignored(
    expected: bool | None, livemode: bool, outcome: Outcome
) -> None:
    """They are answered 200, as delivering them again would not help."""
    to = handling(succeed)
    to.expect_livemode = expected
    responses = [deliver(to, payload(livemode=livemode)) for payload in (snapshot, thin)]
    assert [(outcome, 200)] * 2 == [(r.outcome, r.status) for r in responses]
    assert expected is to.expect_livemode


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        (SECRET, "default"),
        (["whsec_other", SECRET], "1"),
        ({"platform": "whsec_other", "connect": SECRET}, "connect"),
        (lambda: {"asked": SECRET}, "asked"),
    ],
)
def test_a_handler_learns_which_secret_matched(secrets: Any, expected: str) -> None:
    """By its name, never the secret itself."""
    to, names = EventRouter(secrets, clock=lambda: NOW), []

    @to.on(ChargeSucceeded)
    def handler(event: ChargeSucceeded, ctx: Context) -> None:
        names.append(ctx.secret)

    to.handle(BODY, HEADERS)
    assert [expected] == names


class Verifier:
    """A verifier of the user's own, which gives or raises what it was made with."""

    blocking = False

    def __init__(self, result: Any) -> None:
        """Take the result."""
        self.result = result

    def verify(self, body: bytes, headers: Any) -> Any:
        """Give or raise it."""
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Verification("mine", NOW), Outcome.HANDLED),
        (Verification(None, None), Outcome.HANDLED),
        (SignatureError("no"), Outcome.SIGNATURE_INVALID),
        (InvalidSignature("no"), Outcome.SIGNATURE_INVALID),
        (MalformedPayload("no"), Outcome.MALFORMED),
        (ConfigurationError("no"), Outcome.FAILED),
        (StoreError("no"), Outcome.FAILED),
        (Busy("no"), Outcome.FAILED),
        (Permanent("no"), Outcome.FAILED),
        (RetryLater(1), Outcome.FAILED),
        (OSError("no"), Outcome.FAILED),
        (StopIteration(), Outcome.FAILED),
        (RecursionError(), Outcome.FAILED),
        (ExceptionGroup("no", [OSError()]), Outcome.FAILED),
        (None, Outcome.FAILED),
        ("whsec_made_up", Outcome.FAILED),
    ],
)
def test_a_verifier_may_do_anything(result: Any, expected: Outcome) -> None:
    """Only a SignatureError refuses; where it fails, Stripe is to try again."""
    ran: list[Any] = []
    to = EventRouter(verifier=Verifier(result), clock=lambda: NOW)
    to.on_any(ran.append)
    response = to.handle(BODY, None)
    assert (expected, expected is Outcome.HANDLED) == (response.outcome, bool(ran))
    if expected is Outcome.FAILED:
        assert isinstance(response.error, ProcessingError)


def test_secrets_that_cannot_be_had_are_a_failure_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    """Stripe delivers again; the log says why."""

    def ask() -> str:
        raise OSError("vault is sealed")

    to = EventRouter(ask, clock=lambda: NOW)
    with caplog.at_level(logging.ERROR, "stripe_events"):
        response = to.handle(BODY, HEADERS)
    assert (500, Outcome.FAILED) == (response.status, response.outcome)
    assert "vault is sealed" in caplog.text


class Falsy(Exception):  # noqa: N818 - what matters is its length
    """An exception that is false, as one of a library that counts its parts may be."""

    def __len__(self) -> int:
        """Have no parts."""
        return 0


@pytest.mark.parametrize(
    ("errors", "outcome", "names"),
    [
        ([None], Outcome.HANDLED, ()),
        ([ValueError()], Outcome.FAILED, ("0",)),
        ([None, ValueError(), None, KeyError()], Outcome.FAILED, ("1", "3")),
        ([Permanent("no")], Outcome.DEAD, ("0",)),
        ([Permanent("no"), None], Outcome.DEAD, ("0",)),
        ([RetryLater(5)], Outcome.FAILED, ("0",)),
        ([Permanent("no"), RetryLater(5)], Outcome.FAILED, ("0", "1")),
        ([Permanent("no"), ValueError()], Outcome.FAILED, ("0", "1")),
        ([ExceptionGroup("", [Permanent("no"), Permanent("never")])], Outcome.DEAD, ("0",)),
        ([ExceptionGroup("", [Permanent("no"), ValueError()])], Outcome.FAILED, ("0",)),
        ([ExceptionGroup("", [ExceptionGroup("", [Permanent("no")])])], Outcome.DEAD, ("0",)),
        ([MalformedPayload("theirs")], Outcome.FAILED, ("0",)),
        ([SignatureError("theirs")], Outcome.FAILED, ("0",)),
        ([Busy("theirs")], Outcome.FAILED, ("0",)),
        ([ExceptionGroup("two", [ValueError(), KeyError()])], Outcome.FAILED, ("0",)),
        ([Falsy()], Outcome.FAILED, ("0",)),
        ([None, Falsy(), ValueError()], Outcome.FAILED, ("1", "2")),
    ],
)
def test_all_handlers_run_and_failures_are_one_error(
    errors: list[Exception | None], outcome: Outcome, names: tuple[str, ...]
) -> None:
    """In the order of the handlers; whatever a handler raises is its failure."""
    handlers = [succeed if error is None else failing(error) for error in errors]
    response = deliver(handling(*handlers), snapshot())
    assert (outcome, outcome.status, "evt_1") == (
        response.outcome,
        response.status,
        response.event_id,
    )
    assert names == (response.error.handlers if isinstance(response.error, HandlerError) else ())
    assert [error for error in errors if error is not None] == list(
        getattr(response.error, "exceptions", ())
    )


def test_a_filter_that_raises_is_a_failure_of_its_handler() -> None:
    """The others run."""
    ran: list[Any] = []
    to = router()

    def where(event: Any) -> bool:
        raise KeyError("gone")

    to.on(ChargeSucceeded, name="filtered", where=where)(ran.append)
    to.on(ChargeSucceeded, name="other")(ran.append)
    response = deliver(to, snapshot())
    assert isinstance(response.error, HandlerError)
    assert (Outcome.FAILED, ("filtered",), 1) == (
        response.outcome,
        response.error.handlers,
        len(ran),
    )


def test_a_group_of_failures_can_be_caught_by_kind() -> None:
    """The error is there for tests and for whoever drives the router by hand."""
    response = deliver(handling(failing(ValueError()), failing(KeyError())), snapshot())
    assert isinstance(response.error, HandlerError)
    matching, rest = response.error.split(KeyError)
    assert isinstance(matching, HandlerError)
    assert isinstance(rest, HandlerError)
    assert (("1",), ("0",)) == (matching.handlers, rest.handlers)


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (None, b'{"outcome":"handled","event":"evt_1"}'),
        (ValueError("hunter2"), b'{"outcome":"failed","event":"evt_1"}'),
        (Permanent("hunter2"), b'{"outcome":"dead","event":"evt_1"}'),
    ],
)
def test_no_response_shows_more_than_outcome_and_id(error: Any, body: bytes) -> None:
    """Neither an exception's text nor anything of the payload."""
    response = deliver(handling(failing(error) if error else succeed), snapshot())
    assert body == response.body
    assert {"content-type": "application/json", "content-length": str(len(body))} == (
        response.headers
    )


@pytest.mark.parametrize("payload", [b"hunter2", {"hunter2": 1}, {"id": "hunter2"}])
def test_no_rejection_shows_anything_of_the_payload(payload: Any) -> None:
    """Whoever sends it knows it already, or should not."""
    assert b'{"outcome":"malformed"}' == deliver(handling(succeed), payload).body


def test_an_event_without_handlers_is_ignored() -> None:
    """Answered 200: Stripe should not try again."""
    response = deliver(router(), snapshot())
    assert (Outcome.IGNORED, 200, "evt_1") == (
        response.outcome,
        response.status,
        response.event_id,
    )


def test_a_closed_router_asks_for_another_try() -> None:
    """Another process may take it."""
    to = handling(succeed)
    to.close(wait=0)
    response = deliver(to, snapshot())
    assert (Outcome.DRAINING, 503, "5") == (
        response.outcome,
        response.status,
        response.headers["retry-after"],
    )


def test_the_time_of_arrival_stands_in_for_a_missing_one() -> None:
    """By the router's own clock."""
    seen: list[float] = []
    to = handling(lambda event: seen.append(event.created.timestamp()))
    deliver(to, snapshot(created=None))
    assert [NOW] == seen


def test_a_byte_order_mark_is_part_of_what_is_signed() -> None:
    """It is read past only after that."""
    assert (
        Outcome.HANDLED is deliver(handling(succeed), b"\xef\xbb\xbf" + encode(snapshot())).outcome
    )
