"""Properties that hold for any header, any body and any secret."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from stripe_events._verification import Diagnosis, SignatureVerifier, Verification, sign
from stripe_events.errors import SignatureError

NOW = 1_760_000_000
SECRET = "whsec_made_up"
VERIFIER = SignatureVerifier([SECRET, "whsec_another"], clock=lambda: NOW)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
BODIES = st.binary() | JSON.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))

PIECES = st.sampled_from(
    ["t", "v1", "v0", "=", ",", " ", "\t", str(NOW), str(NOW - 301), "0" * 64, "a" * 64, "é", "-"]
)
HEADERS = st.one_of(
    st.binary(),
    st.text(),
    st.lists(PIECES, max_size=12).map("".join),
    st.from_regex(r"t=[0-9]{1,13},v1=[0-9a-f]{64}", fullmatch=True),
)
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


def result(body: bytes, headers: Any) -> Any:
    """Give the verification or the error, and let any other exception through."""
    try:
        return VERIFIER.verify(body, headers)
    except SignatureError as error:
        return error


@given(BODIES, HEADERS | st.dictionaries(st.text(), HEADERS) | st.tuples(HEADERS, HEADERS))
def test_any_input_is_verified_or_rejected(body: bytes, value: Any) -> None:
    """Nothing but a Verification or a SignatureError with a diagnosis comes out."""
    headers = [(b"stripe-signature", part) for part in value] if type(value) is tuple else value
    outcome = result(body, headers)
    assert type(outcome) is Verification or Diagnosis(outcome.diagnosis)


@given(BODIES, SECRETS, st.integers(-300, 300))
def test_what_is_signed_verifies(body: bytes, secret: str, age: int) -> None:
    """Any body under any secret, anywhere in the window."""
    assume(not secret.startswith(("sk_", "rk_", "pk_")))
    verifier = SignatureVerifier(secret, clock=lambda: NOW)
    headers = sign(body, secret, timestamp=NOW - age)
    assert Verification("default", NOW - age) == verifier.verify(body, headers)


def verifies(body: bytes, header: str) -> bool:
    """Say whether the verifier accepts."""
    return isinstance(result(body, header), Verification)


@given(BODIES.filter(len), st.data())
def test_a_body_with_one_bit_changed_never_verifies(body: bytes, data: st.DataObject) -> None:
    """Wherever the bit is."""
    header = sign(body, SECRET, timestamp=NOW)["Stripe-Signature"]
    place = data.draw(st.integers(0, len(body) * 8 - 1))
    changed = bytearray(body)
    changed[place // 8] ^= 1 << place % 8
    assert verifies(body, header)
    assert not verifies(bytes(changed), header)


@given(BODIES, BODIES)
def test_a_signature_holds_for_one_body_only(body: bytes, other: bytes) -> None:
    """Whatever the other body is, and however near."""
    assume(body != other)
    header = sign(body, SECRET, timestamp=NOW)["Stripe-Signature"]
    assert not verifies(other, header)
    assert not verifies(body + other + b"\n", header)


@given(BODIES, st.integers(0, 63), st.characters())
def test_a_signature_with_one_character_changed_never_verifies(
    body: bytes, place: int, character: str
) -> None:
    """Wherever it is and whatever takes its place."""
    value = sign(body, SECRET, timestamp=NOW)["Stripe-Signature"]
    start = value.index("v1=") + 3 + place
    assume(value[start] != character)
    assert not verifies(body, value[:start] + character + value[start + 1 :])


@given(BODIES, st.integers(-300, 300).filter(bool))
def test_a_signature_holds_for_one_time_only(body: bytes, shift: int) -> None:
    """A time that is still inside the window but is not the signed one is rejected."""
    value = sign(body, SECRET, timestamp=NOW)["Stripe-Signature"]
    assert not verifies(body, value.replace(str(NOW), str(NOW + shift)))
