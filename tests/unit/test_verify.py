"""``verify``: the typed event of a signed request, or an error, without a router."""

from __future__ import annotations

import time
from typing import Any

import pytest

from stripe_events import UnknownEvent, UnknownNotification, verify
from stripe_events._verification import sign
from stripe_events.errors import (
    ConfigurationError,
    ExpiredSignature,
    InvalidSignature,
    MalformedPayload,
    MissingSignature,
    PayloadTooLarge,
    UsageError,
)
from stripe_events.events import ChargeSucceeded
from stripe_events.notifications import V1ChargeSucceeded
from tests.unit.deliveries import SECRET, encode, snapshot, thin

BODY = encode(snapshot())


@pytest.mark.parametrize(
    ("payload", "cls"),
    [
        (snapshot(), ChargeSucceeded),
        (thin(), V1ChargeSucceeded),
        (snapshot("added.tomorrow"), UnknownEvent),
        (thin("v9.added"), UnknownNotification),
    ],
)
def test_a_signed_request_gives_its_typed_event(payload: dict[str, Any], cls: type) -> None:
    """Of both kinds, known or not."""
    body = encode(payload)
    event = verify(body, sign(body, SECRET), secrets=SECRET)
    assert (cls, payload["type"], payload) == (type(event), event.type, event.payload)


@pytest.mark.parametrize(
    "secrets",
    [SECRET, ["whsec_other", SECRET], {"a": "whsec_other", "b": SECRET}, lambda: [SECRET]],
)
def test_secrets_come_in_every_form(secrets: Any) -> None:
    """One, several, several by name, or asked for."""
    assert "evt_1" == verify(BODY, sign(BODY, SECRET), secrets=secrets).id


@pytest.mark.parametrize("body", [BODY, bytearray(BODY), memoryview(BODY), BODY.decode()])
def test_the_bare_header_is_enough(body: Any) -> None:
    """As whoever replaces ``construct_event`` has it at hand."""
    header = sign(BODY, SECRET)["Stripe-Signature"]
    assert "evt_1" == verify(body, header, secrets=SECRET).id


@pytest.mark.parametrize(
    ("age", "tolerance", "accepted"),
    [(0, 300, True), (290, 300, True), (310, 300, False), (-310, 300, False), (310, 600, True)],
)
def test_the_window_is_two_sided_and_can_be_changed(
    age: int, tolerance: float, accepted: bool
) -> None:
    """Five minutes unless told otherwise."""
    headers = sign(BODY, SECRET, timestamp=int(time.time()) - age)
    if accepted:
        assert verify(BODY, headers, secrets=SECRET, tolerance=tolerance)
        return
    with pytest.raises(ExpiredSignature):
        verify(BODY, headers, secrets=SECRET, tolerance=tolerance)


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (BODY, None, MissingSignature),
        (BODY, {}, MissingSignature),
        (BODY, "t=1,v1=00", InvalidSignature),
        (BODY, sign(BODY, "whsec_other"), InvalidSignature),
        (BODY + b"\n", sign(BODY, SECRET), InvalidSignature),
        ("\ud800", "t=1,v1=00", MalformedPayload),
        ({"id": "evt_1"}, "t=1,v1=00", UsageError),
    ],
)
def test_anything_else_raises(body: Any, headers: Any, error: type[Exception]) -> None:
    """By class, so that each can be answered as it should be."""
    with pytest.raises(error):
        verify(body, headers, secrets=SECRET)


@pytest.mark.parametrize("body", [b"[]", b"{}"])
def test_what_is_signed_but_no_event_raises(body: bytes) -> None:
    """The signature holds, and yet there is nothing to give."""
    with pytest.raises(MalformedPayload):
        verify(body, sign(body, SECRET), secrets=SECRET)


@pytest.mark.parametrize("secrets", ["", " ", [], {"a": ""}, None, "sk_live_x"])
def test_a_blank_secret_is_refused(secrets: Any) -> None:
    """Anyone could sign with it."""
    with pytest.raises(ConfigurationError):
        verify(BODY, sign(BODY, SECRET), secrets=secrets)


def test_a_long_body_is_refused_first() -> None:
    """The limit itself is allowed."""
    headers = sign(BODY, SECRET)
    assert verify(BODY, headers, secrets=SECRET, max_body_bytes=len(BODY))
    with pytest.raises(PayloadTooLarge):
        verify(BODY, headers, secrets=SECRET, max_body_bytes=len(BODY) - 1)
