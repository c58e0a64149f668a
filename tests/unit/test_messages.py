"""Requests and responses as values: the table of statuses, bodies, headers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPMessage
from types import MappingProxyType
from typing import Any

import pytest

from stripe_events._messages import (
    Outcome,
    WebhookResponse,
    body_bytes,
    body_within,
    find_header,
    outcome_of,
)
from stripe_events.errors import (
    HandlerError,
    MalformedPayload,
    PayloadTooLarge,
    RetryLater,
    StripeEventsError,
    UsageError,
)

STATUSES = {
    "handled": 200,
    "duplicate": 200,
    "ignored": 200,
    "dead": 200,
    "expired": 200,
    "accepted": 200,
    "signature_missing": 400,
    "signature_invalid": 400,
    "signature_expired": 400,
    "malformed": 400,
    "not_found": 404,
    "method_not_allowed": 405,
    "busy": 409,
    "length_required": 411,
    "too_large": 413,
    "failed": 500,
    "handler_missing": 500,
    "store_failed": 500,
    "draining": 503,
}

OUTCOMES = {
    "StripeEventsError": "failed",
    "DeliveryError": "malformed",
    "SignatureError": "signature_invalid",
    "MissingSignature": "signature_missing",
    "InvalidSignature": "signature_invalid",
    "ExpiredSignature": "signature_expired",
    "PayloadError": "malformed",
    "MalformedPayload": "malformed",
    "PayloadTooLarge": "too_large",
    "UsageError": "failed",
    "UnknownEventType": "failed",
    "DuplicateHandler": "failed",
    "AsyncStoreError": "failed",
    "ConfigurationError": "failed",
    "ProcessingError": "failed",
    "StoreError": "store_failed",
    "LostClaim": "failed",
    "StaleSnapshot": "failed",
    "LengthRequired": "length_required",
    "Busy": "busy",
    "HandlerMissing": "handler_missing",
    "HandlerError": "failed",
    "HandlerDirective": "failed",
    "Permanent": "dead",
    "RetryLater": "failed",
}


def subclasses(cls: type[StripeEventsError]) -> Iterator[type[StripeEventsError]]:
    """Give an error class of the library and all below it."""
    yield cls
    for each in cls.__subclasses__():
        if each.__module__ == "stripe_events.errors":
            yield from subclasses(each)


def made(cls: type[StripeEventsError]) -> StripeEventsError:
    """Make an error of a class, with the arguments it needs."""
    if cls is HandlerError:
        return HandlerError("failed", [ValueError()])
    return RetryLater(1) if cls is RetryLater else cls("words")


def test_every_outcome_has_its_status() -> None:
    """The closed set, and what Stripe is told of each."""
    assert STATUSES == {outcome.value: outcome.status for outcome in Outcome}


def test_every_error_has_its_outcome() -> None:
    """No error of the library, now or later, is without a decided answer."""
    assert OUTCOMES == {
        cls.__name__: outcome_of(made(cls)).value for cls in subclasses(StripeEventsError)
    }


def test_a_users_own_error_has_the_outcome_of_its_base() -> None:
    """Subclasses need no entry of their own."""

    class CardMissing(MalformedPayload):
        """A user's error."""

    assert Outcome.MALFORMED is outcome_of(CardMissing())


@pytest.mark.parametrize("outcome", Outcome)
def test_a_response_is_small_json_with_the_outcome(outcome: Outcome) -> None:
    """Its length and type are declared, its status is the outcome's."""
    response = WebhookResponse(outcome)
    assert {"outcome": outcome.value} == json.loads(response.body)
    assert (outcome.status, str(len(response.body)), "application/json") == (
        response.status,
        response.headers["content-length"],
        response.headers["content-type"],
    )


def test_a_response_names_the_event() -> None:
    """The id is the only thing of the event that is given back."""
    expected = {"outcome": "handled", "event": "evt_1"}
    assert expected == json.loads(WebhookResponse(Outcome.HANDLED, "evt_1").body)


def test_an_id_is_quoted_as_json() -> None:
    """An odd id cannot break the answer."""
    odd = 'evt"\\<é\n'
    assert odd == json.loads(WebhookResponse(Outcome.HANDLED, odd).body)["event"]


def test_an_error_stays_out_of_the_body() -> None:
    """Errors are for the operator, never for the sender."""
    response = WebhookResponse(Outcome.MALFORMED, error=MalformedPayload("secret thoughts"))
    assert b'{"outcome":"malformed"}' == response.body
    assert "secret thoughts" == str(response.error)


def test_only_some_outcomes_say_when_to_try_again() -> None:
    """A busy event soon, a draining process a little later."""
    expected = {"busy": "1", "draining": "5"}
    responses = map(WebhookResponse, Outcome)
    assert expected == {
        r.outcome.value: r.headers["retry-after"] for r in responses if "retry-after" in r.headers
    }


def test_a_wrong_method_is_told_the_right_one() -> None:
    """RFC 9110 asks for it with every 405."""
    allowed = {o.value: WebhookResponse(o).headers.get("allow") for o in Outcome}
    assert {"method_not_allowed": "POST"} == {o: a for o, a in allowed.items() if a}


def test_header_names_are_in_lower_case() -> None:
    """ASGI and HTTP/2 demand it; everyone else does not care."""
    names = {name for outcome in Outcome for name in WebhookResponse(outcome).headers}
    assert {name.lower() for name in names} == names


@pytest.mark.parametrize(
    "body",
    [
        b"{\xc3\xa9}",
        bytearray(b"{\xc3\xa9}"),
        memoryview(b"{\xc3\xa9}"),
        memoryview(b"{_\xc3_\xa9_}")[::2],
        "{é}",
    ],
)
def test_a_body_comes_in_every_form_of_bytes(body: Any) -> None:
    """Whatever a framework read, as long as it is raw."""
    assert b"{\xc3\xa9}" == body_bytes(body)


@pytest.mark.parametrize("body", [{"id": "evt_1"}, [1], None, 5, object()])
def test_a_parsed_body_is_refused_with_the_cure(body: Any) -> None:
    """The most common mistake: no signature can match what was written again."""
    with pytest.raises(UsageError, match=f"raw bytes of the request, not {type(body).__name__}"):
        body_bytes(body)


def test_text_without_utf8_form_is_malformed() -> None:
    """A lone surrogate never came over a wire."""
    with pytest.raises(MalformedPayload, match="no UTF-8 form"):
        body_bytes("\ud800")


def test_a_body_may_be_as_long_as_the_limit() -> None:
    """The limit itself is allowed, in bytes and not in characters."""
    assert "é".encode() == body_within(2, "é")
    with pytest.raises(PayloadTooLarge, match="3 bytes, more than max_body_bytes=2"):
        body_within(2, "né")


class Repeating:
    """Headers as Starlette has them: ``multi_items`` repeats what ``items`` merges."""

    def items(self) -> list[tuple[str, str]]:
        """Give the last value of each name."""
        return [("stripe-signature", "b")]

    def multi_items(self) -> list[tuple[str, str]]:
        """Give every value."""
        return [("stripe-signature", "a"), ("stripe-signature", "b")]


class CaseInsensitive(Mapping[str, str]):
    """Headers as Django has them: any case finds them, iteration gives one."""

    def __getitem__(self, name: str) -> str:
        """Give a value by name."""
        return {"stripe-signature": "a"}[name.lower()]

    def __iter__(self) -> Iterator[str]:
        """Give the names as they came."""
        return iter(["Stripe-Signature"])

    def __len__(self) -> int:
        """Count them."""
        return 1


def message() -> HTTPMessage:
    """Give headers as the standard library's HTTP server has them."""
    headers = HTTPMessage()
    headers["STRIPE-SIGNATURE"] = "a"
    headers["Stripe-Signature"] = "b"
    return headers


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (None, None),
        ({}, None),
        ([], None),
        ({"other": "x"}, None),
        ("a", "a"),
        (b"a", "a"),
        ({"Stripe-Signature": "a"}, "a"),
        ({"STRIPE-SIGNATURE": "a"}, "a"),
        ({"stripe-signature": b"a"}, "a"),
        ({b"Stripe-Signature": b"a"}, "a"),
        (MappingProxyType({"stripe-signature": "a"}), "a"),
        ({"stripe-signature": None}, None),
        ({"stripe-signature": ["a", "b"]}, "a,b"),
        ({"stripe-signature": ("a", b"b")}, "a,b"),
        ({"stripe-signature": []}, None),
        ({"stripe-signature": ""}, ""),
        ([("other", "x"), ("Stripe-Signature", "a")], "a"),
        ([(b"stripe-signature", b"a"), (b"stripe-signature", b"b")], "a,b"),
        ([(b"stripe-signature", b"\xff")], "\xff"),
        (iter([("stripe-signature", "a")]), "a"),
        (Repeating(), "a,b"),
        (CaseInsensitive(), "a"),
        (message(), "a,b"),
    ],
)
def test_a_header_is_found_in_every_form(headers: Any, expected: str | None) -> None:
    """Mappings of any case, pairs, repeated ones, and the bare value."""
    assert expected == find_header(headers, "stripe-signature")
