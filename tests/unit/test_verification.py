"""What a verifier accepts: the window, several secrets, limits, and how headers are made."""

from __future__ import annotations

import math
from typing import Any

import pytest

from stripe_events._verification import SignatureVerifier, TrustedSource, Verification, sign
from stripe_events._verification.header import HEADER_LIMIT, SIGNATURE_LIMIT
from stripe_events.errors import (
    ConfigurationError,
    ExpiredSignature,
    InvalidSignature,
    SignatureError,
)

NOW = 1_760_000_000
SECRET = "whsec_made_up"
BODY = b'{"id": "evt_1"}'
JUNK = "0" * 64


def verifier(secrets: Any = SECRET, **options: Any) -> SignatureVerifier:
    """Make a verifier whose clock stands still at NOW."""
    return SignatureVerifier(secrets, **{"clock": lambda: NOW, **options})


def header(timestamp: int = NOW, secret: Any = SECRET) -> str:
    """Make the header's value for BODY."""
    return sign(BODY, secret, timestamp=timestamp)["Stripe-Signature"]


@pytest.mark.parametrize("timestamp", [NOW - 300, NOW, NOW + 300])
def test_a_signature_at_the_edges_of_the_window_is_accepted(timestamp: int) -> None:
    """Exactly the tolerance is still inside, on both sides."""
    assert Verification("default", timestamp) == verifier().verify(BODY, header(timestamp))


@pytest.mark.parametrize(
    ("timestamp", "diagnosis"), [(NOW - 301, "too_old"), (NOW + 301, "from_the_future")]
)
def test_a_signature_outside_the_window_is_rejected(timestamp: int, diagnosis: str) -> None:
    """One second more than the tolerance is outside, on both sides."""
    with pytest.raises(ExpiredSignature, match=r"301\.0 s .* 300 s are allowed") as caught:
        verifier().verify(BODY, header(timestamp))
    assert diagnosis == caught.value.diagnosis


def test_fractions_of_a_second_count() -> None:
    """The clock is not rounded before it is compared."""
    with pytest.raises(ExpiredSignature):
        verifier(clock=lambda: NOW + 300.001).verify(BODY, header())


def test_the_tolerance_moves_the_window() -> None:
    """A wider window accepts what is older."""
    assert NOW - 4000 == verifier(tolerance=4000).verify(BODY, header(NOW - 4000)).timestamp


def test_a_clock_that_gives_no_number_accepts_nothing() -> None:
    """NaN is inside no window."""
    with pytest.raises(ExpiredSignature):
        verifier(clock=lambda: math.nan).verify(BODY, header())


def test_the_signature_is_looked_at_before_the_age() -> None:
    """A forged old header is not called old."""
    with pytest.raises(SignatureError) as caught:
        verifier().verify(BODY, header(NOW - 9999, "whsec_forged"))
    assert caught.value.diagnosis not in {"too_old", ""}


@pytest.mark.parametrize(
    "tolerance", [0, -1, math.nan, math.inf, -math.inf, None, "300", 10**400], ids=str
)
def test_a_tolerance_that_is_no_window_is_refused(tolerance: Any) -> None:
    """Turning the check off is no setting, and the refusal says why."""
    with pytest.raises(ConfigurationError, match="could be sent again for ever"):
        verifier(tolerance=tolerance)


@pytest.mark.parametrize(
    ("secrets", "name"),
    [
        (SECRET, "default"),
        ([SECRET], "0"),
        (("whsec_other", SECRET), "1"),
        ({"platform": "whsec_other", "connect": SECRET}, "connect"),
        ({"first": SECRET, "again": SECRET}, "first"),
        (lambda: {"asked": SECRET}, "asked"),
    ],
)
def test_the_secret_that_matched_is_named(secrets: Any, name: str) -> None:
    """A mapping brings names, a list has indices, a single secret is the default."""
    assert name == verifier(secrets).verify(BODY, header()).secret


def test_every_signature_is_compared_with_every_secret() -> None:
    """Each pair of one good secret among three and one good signature among 16 verifies."""
    good = header().partition("v1=")[2]
    for place in range(SIGNATURE_LIMIT):
        signatures = [JUNK] * SIGNATURE_LIMIT
        signatures[place] = good
        value = ",".join([f"t={NOW}", *(f"v1={signature}" for signature in signatures)])
        for index in range(3):
            secrets = [f"whsec_other_{number}" for number in range(3)]
            secrets[index] = SECRET
            assert str(index) == verifier(secrets).verify(BODY, value).secret


def test_a_rolled_secret_verifies_with_either_half() -> None:
    """While a secret is rolled, a service that knows only one of the two accepts."""
    value = header(secret=["whsec_old", "whsec_new"])
    assert ["default"] * 2 == [
        verifier(secret).verify(BODY, value).secret for secret in ("whsec_old", "whsec_new")
    ]


@pytest.mark.parametrize(
    "value",
    [
        header() + f",v1={JUNK}" * SIGNATURE_LIMIT,
        header().ljust(HEADER_LIMIT + 1),
        header().replace("=", " = "),
        f"t,{header()}",
        f"t={NOW}\n,v1={JUNK}",
        f"t={NOW},v1={JUNK[1:]}",
        f"t={NOW},v1={JUNK[1:]}g",
    ],
    ids=[
        "17 signatures",
        "too long",
        "space around equals",
        "t without a value",
        "newline",
        "63 hex digits",
        "no hex digit",
    ],
)
def test_a_header_that_stripe_does_not_write_is_rejected(value: str) -> None:
    """Limits and spellings beyond the matrix are rejected, whatever the signature."""
    with pytest.raises(InvalidSignature, match="cannot be read") as caught:
        verifier().verify(BODY, value)
    assert "unreadable_header" == caught.value.diagnosis


def test_a_time_of_12_digits_is_read() -> None:
    """Numbers that long are times, only far ahead."""
    with pytest.raises(ExpiredSignature) as caught:
        verifier().verify(BODY, header(999_999_999_999))
    assert "from_the_future" == caught.value.diagnosis


def test_a_header_at_its_limits_is_read() -> None:
    """16 signatures and 8192 characters are not too many."""
    value = header() + f",v1={JUNK}" * (SIGNATURE_LIMIT - 1)
    assert "default" == verifier().verify(BODY, value.ljust(HEADER_LIMIT)).secret


@pytest.mark.parametrize(
    "headers",
    [
        {"stripe-signature": header()},
        {"STRIPE-SIGNATURE": header()},
        [(b"host", b"example.com"), (b"stripe-signature", header().encode())],
        {"Stripe-Signature": [header()]},
        header(),
        header().encode(),
    ],
    ids=["lower", "upper", "asgi", "list", "str", "bytes"],
)
def test_headers_of_every_framework_are_read(headers: Any) -> None:
    """Mappings in any case, pairs of bytes, lists and the bare value all work."""
    assert NOW == verifier().verify(BODY, headers).timestamp


@pytest.mark.parametrize("headers", [None, {}, [], {"Stripe-Signature": " \t"}, ""], ids=repr)
def test_a_request_without_the_header_is_told_apart(headers: Any) -> None:
    """No header and a blank one have a diagnosis of their own."""
    with pytest.raises(SignatureError, match="no Stripe-Signature header") as caught:
        verifier().verify(BODY, headers)
    assert "no_header" == caught.value.diagnosis


def test_only_asking_for_secrets_blocks() -> None:
    """Async drivers need a thread only where a callable may wait for something."""
    assert [False, True, False] == [
        verifier().blocking,
        verifier(lambda: SECRET).blocking,
        TrustedSource().blocking,
    ]


def test_a_trusted_source_accepts_everything_and_knows_nothing() -> None:
    """There is no secret and no time to tell; its name in a log says what it is."""
    assert Verification(None, None) == TrustedSource().verify(b"", {})
    assert "TrustedSource()" == repr(TrustedSource())


def test_sign_makes_the_published_form() -> None:
    """The digest was computed by ``printf '1.{}' | openssl dgst -sha256 -hmac k``."""
    digest = "3dd49b2593d0f9a349e9e71c4bde3e2b862c2be4003fe9b4ba81332029310158"
    assert {"Stripe-Signature": f"t=1,v1={digest}"} == sign(b"{}", "k", timestamp=1)


@pytest.mark.parametrize("body", ["é", "é".encode(), bytearray("é", "utf-8")], ids=repr)
def test_sign_takes_every_form_of_a_body(body: Any) -> None:
    """Text is signed as UTF-8."""
    value = sign(body, SECRET, timestamp=NOW)
    assert "default" == verifier().verify("é".encode(), value).secret


def test_sign_takes_the_time_of_now() -> None:
    """Without a timestamp the signature verifies against the real clock."""
    timestamp = SignatureVerifier(SECRET, tolerance=10).verify(BODY, sign(BODY, SECRET)).timestamp
    assert isinstance(timestamp, int)


def test_sign_refuses_what_no_verifier_takes() -> None:
    """A test that signs with a blank secret would test nothing."""
    with pytest.raises(ConfigurationError, match="is blank"):
        sign(BODY, " ")
