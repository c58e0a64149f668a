"""What a rejection says, what it proves, and what it never shows."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import traceback
from base64 import b64decode, b64encode
from typing import Any

import pytest

from stripe_events._verification import Diagnosis, SignatureVerifier, sign
from stripe_events._verification.cause import EXAMINED_BYTES, find_cause
from stripe_events._verification.keys import read_keys
from stripe_events._verification.signature import matching_name
from stripe_events.errors import InvalidSignature, SignatureError

NOW = 1_760_000_000
SECRET = "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"
WRONG = "whsec_d3JvbmctLXdyb25nLS13cm9uZy0td3Jvbmc"
EVENT = {
    "id": "evt_1",
    "object": "event",
    "data": {"object": {"name": "Zoë Hidden", "list": [], "metadata": {}}},
}
BODY = json.dumps(EVENT, indent=2, ensure_ascii=False).encode()
THIN = json.dumps({"id": "evt_2", "object": "v2.core.event"}, separators=(",", ":")).encode()


def rejection(body: bytes, header: str, secrets: Any = SECRET) -> InvalidSignature:
    """Give the error that a verifier raises."""
    with pytest.raises(InvalidSignature) as caught:
        SignatureVerifier(secrets, clock=lambda: NOW).verify(body, header)
    return caught.value


def signed(body: bytes, secret: str = SECRET) -> str:
    """Make the header's value."""
    return sign(body, secret, timestamp=NOW)["Stripe-Signature"]


@pytest.mark.parametrize(
    ("sent", "arrived", "what"),
    [
        (BODY, BODY + b"\n", "a newline was added"),
        (BODY, BODY + b"\r\n", "a newline was added"),
        (BODY + b"\n", BODY, "the newline at its end was removed"),
        (BODY, BODY.replace(b"\n", b"\r\n"), "CRLF"),
        (BODY, b" " + BODY + b" ", "whitespace was added"),
        (BODY, b"\xef\xbb\xbf" + BODY, "a byte order mark was added"),
        (b"\xef\xbb\xbf" + BODY, BODY, "its byte order mark was removed"),
        (BODY, BODY.decode("latin-1").encode(), "Latin-1"),
        (BODY, b64encode(BODY), "base64"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_known_alteration_of_the_body_is_proved(sent: bytes, arrived: bytes, what: str) -> None:
    """The message names the alteration, and the body stays rejected."""
    error = rejection(arrived, signed(sent))
    assert Diagnosis.BODY_ALTERED == error.diagnosis
    assert what in str(error)
    assert "probably" not in str(error)


@pytest.mark.parametrize(
    ("sent", "arrived"),
    [
        (BODY, json.dumps(EVENT).encode()),
        (BODY, json.dumps(EVENT, separators=(",", ":")).encode()),
        (BODY, json.dumps(EVENT, indent=4).encode()),
        (json.dumps(EVENT, indent=2).encode(), BODY),
        (THIN, json.dumps(json.loads(THIN), indent=2).encode()),
        (BODY, json.dumps(BODY.decode()).encode()),
    ],
    ids=["spaced", "compact", "four spaces", "escapes", "thin", "inside a string"],
)
def test_json_that_was_written_again_is_proved(sent: bytes, arrived: bytes) -> None:
    """Where the form in which Stripe writes matches, nothing is left to guess."""
    error = rejection(arrived, signed(sent))
    assert Diagnosis.BODY_RESERIALISED == error.diagnosis
    assert "probably" not in str(error)


@pytest.mark.parametrize(
    "key", [SECRET.removeprefix("whsec_"), b64decode(SECRET.removeprefix("whsec_")).decode()]
)
def test_a_secret_used_as_in_another_scheme_is_proved(key: str) -> None:
    """The sender left the prefix out, or decoded the rest as Standard Webhooks has it."""
    error = rejection(BODY, signed(BODY, key))
    assert Diagnosis.SECRET_OF_ANOTHER_KIND == error.diagnosis
    assert "probably" not in str(error)


@pytest.mark.parametrize(
    ("body", "secret", "diagnosis"),
    [
        (BODY, WRONG, Diagnosis.WRONG_SECRET),
        (THIN, WRONG, Diagnosis.WRONG_SECRET),
        (b"", WRONG, Diagnosis.BODY_ALTERED),
        (BODY[:-1], WRONG, Diagnosis.BODY_ALTERED),
        (b"id=evt_1", WRONG, Diagnosis.BODY_ALTERED),
        (b'{"id":"evt_1"}', WRONG, Diagnosis.BODY_RESERIALISED),
        (BODY, "made up", Diagnosis.SECRET_OF_ANOTHER_KIND),
    ],
    ids=["secret", "thin", "empty", "cut off", "form", "compact", "no whsec_"],
)
def test_without_proof_the_likely_cause_is_told_as_such(
    body: bytes, secret: str, diagnosis: Diagnosis
) -> None:
    """The message says "probably"."""
    error = rejection(body, signed(BODY + b" altered"), secret)
    assert diagnosis == error.diagnosis
    assert "probably" in str(error)


def test_the_secrets_that_were_tried_are_named() -> None:
    """The operator sees which endpoints the delivery did not belong to."""
    error = rejection(BODY, signed(BODY, WRONG), {"platform": SECRET, "connect": "whsec_b"})
    assert "any of the secrets 'platform', 'connect'" in str(error)


def test_a_body_over_the_limit_is_not_tried_in_other_forms() -> None:
    """What anybody can send costs no more than its size allows."""
    largest = b"{\n" + b" " * (EXAMINED_BYTES - 3) + b"}"
    larger = largest.replace(b"{", b"{ ")
    diagnoses = [rejection(body, signed(body + b"\n")).diagnosis for body in (largest, larger)]
    assert [Diagnosis.BODY_ALTERED, Diagnosis.WRONG_SECRET] == diagnoses


def nested(depth: int, numbers: int) -> dict[str, Any]:
    """Make an object with a list in a list in a list, and numbers in the innermost one."""
    inner: list[Any] = [1] * numbers
    for _ in range(depth):
        inner = [inner]
    return {"n": inner}


@pytest.mark.parametrize(
    ("value", "proved"),
    [(nested(1, 4000), True), (nested(1, 4100), False), (nested(300, 3000), False)],
    ids=["within", "many values", "deep"],
)
def test_json_is_written_again_within_bounds(value: Any, proved: bool) -> None:
    """Many values take time, and deep nesting makes indentation long: then it is only likely."""
    error = rejection(
        json.dumps(value, separators=(",", ":")).encode(),
        signed(json.dumps(value, indent=2).encode()),
    )
    assert Diagnosis.BODY_RESERIALISED == error.diagnosis
    assert proved == ("probably" not in str(error))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 2000 + b"]" * 2000,
        b"[" * 500 + b"1," * 100_000 + b"1" + b"]" * 500,
        b'{"n": ' + b"9" * 5000 + b"}",
        b'{"s": "\\ud800"}',
        b'"\\ud800"',
        b'{"x": 1e999, "y": NaN}',
        b"\xff\xfe{\x00}\x00",
        b"\x00",
        b"=",
    ],
    ids=[
        "open",
        "deep",
        "wide and deep",
        "digits",
        "surrogate",
        "string",
        "inf",
        "utf-16",
        "nul",
        "pad",
    ],
)
def test_hostile_bodies_are_only_rejected(body: bytes) -> None:
    """No attempt at an explanation raises anything else, or writes without bound."""
    assert rejection(body, signed(BODY)).diagnosis in set(Diagnosis)


def test_the_diagnosis_survives_pickling() -> None:
    """Rejections may travel between processes."""
    error = pickle.loads(pickle.dumps(rejection(BODY, signed(BODY, WRONG))))
    assert ("wrong_secret", str) == (error.diagnosis, type(str(error.diagnosis)))
    assert "wrong_secret" == f"{error.diagnosis}"


def everything_shown(error: BaseException) -> str:
    """Give all that a log or an error tracker can show of an error and its chain."""
    chain: list[BaseException | None] = [error, error.__cause__, error.__context__]
    parts = [f"{link} {link!r} {link.args!r} {vars(link)!r}" for link in chain if link]
    frames = [
        f"{name}={value!r}"
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if "_verification" in frame.f_code.co_filename and frame.f_code.co_filename != __file__
        for name, value in frame.f_locals.items()
        if name != "body"
    ]
    return "\n".join(parts + frames)


@pytest.mark.parametrize("secrets", [SECRET, [SECRET], {"a": SECRET}, lambda: SECRET], ids=repr)
@pytest.mark.parametrize(
    "arrived",
    [BODY + b"\n", BODY.replace(b"\n", b""), BODY.replace(b"evt_1", b"evt_9"), b""],
    ids=["newline", "reserialised", "tampered", "empty"],
)
def test_a_rejection_shows_no_secret_no_digest_and_no_body(arrived: bytes, secrets: Any) -> None:
    """Nor do the variables of the frames in its traceback, apart from the body itself."""
    shown = everything_shown(rejection(arrived, signed(BODY, WRONG), secrets))
    assert SECRET.removeprefix("whsec_") not in shown
    assert signed(arrived).partition("v1=")[2] not in shown
    assert "Hidden" not in shown
    assert "<Key '" in shown


@pytest.mark.parametrize("shift", [-400, 400])
def test_an_expired_signature_shows_nothing_either(shift: int) -> None:
    """Its message and arguments hold neither the secret nor the matching digest."""
    value = sign(BODY, SECRET, timestamp=NOW + shift)["Stripe-Signature"]
    with pytest.raises(SignatureError) as caught:
        SignatureVerifier(SECRET, clock=lambda: NOW).verify(BODY, value)
    shown = f"{caught.value} {caught.value!r} {vars(caught.value)!r}"
    assert [] == [part for part in (SECRET, value.partition("v1=")[2], "Hidden") if part in shown]


def test_finding_a_cause_accepts_nothing() -> None:
    """What is undone for the explanation does not make the body verify."""
    keys, header = read_keys(SECRET), (str(NOW), [signed(BODY).partition("v1=")[2]])
    assert "default" == matching_name(keys, header, BODY)
    assert Diagnosis.BODY_ALTERED == find_cause(header, BODY + b"\n", keys).diagnosis
    assert matching_name(keys, header, BODY + b"\n") is None


IN_A_SMALL_STACK = """
import sys, threading
from stripe_events import SignatureError, verify
from stripe_events.testing import sign

def work():
    body = eval(sys.argv[1])
    try:
        verify(body, sign(b"something else", "whsec_test"), secrets="whsec_test")
    except SignatureError as error:
        print(error.diagnosis)

threading.stack_size(128 * 1024)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.parametrize(
    "body",
    [
        'b"[" * 4000 + b"]" * 4000',
        'b\'["]",\' * 2000 + b"]" * 2000',
        'b\'["\\\\"]",\' * 2000 + b"]" * 2000',
        'b\'{"}":\' * 1200 + b"1" + b"}" * 1200',
    ],
)
def test_deep_nesting_does_no_harm_in_a_thread_with_a_small_stack(body: str) -> None:
    """Nobody without the secret can end the process, also not with brackets inside texts."""
    ran = subprocess.run(
        [sys.executable, "-c", IN_A_SMALL_STACK, body], capture_output=True, text=True, check=False
    )
    assert (0, "") == (ran.returncode, ran.stderr)
    assert ran.stdout.strip() in {*Diagnosis}
