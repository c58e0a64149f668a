"""
Every case that Stripe's SDKs were run with, and what this library decided for it.

``sdks`` is what stripe-python, -node, -go, -ruby and -php do with the signature:
accept, reject, or "differ" where they do not agree. The differential test in
tests/objects uses the same rows.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stripe_events._verification import SignatureVerifier
from stripe_events.errors import ConfigurationError, SignatureError

NOW = 1_760_000_000
SECRET = "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"
OTHER = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4"
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "charge.succeeded",
    "created": NOW,
    "data": {"object": {"id": "ch_1", "object": "charge", "amount": 100, "metadata": {}}},
}
BODY = json.dumps(EVENT, indent=2).encode()
ACCEPT = "accept"
REJECT = "reject"
DIFFER = "differ"
REFUSED = "refused at construction"


class Row(NamedTuple):
    """One case; ``decided`` is ACCEPT, REFUSED or the diagnosis of the rejection."""

    name: str
    sdks: str
    decided: str
    header: str
    body: bytes = BODY
    secrets: str = SECRET
    tolerance: float = 300.0
    sdk_tolerance: int = 300


def v1(signed_time: object = NOW, body: bytes = BODY, secret: str | bytes = SECRET) -> str:
    """Compute a signature by Stripe's published scheme, without the code under test."""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key, f"{signed_time}.".encode() + body, hashlib.sha256).hexdigest()


GOOD = v1()
JUNK = "0" * 64
HEADER = f"t={NOW},v1={GOOD}"


def timed(written: object, signed: object) -> str:
    """Make a header whose ``t`` is written one way and signed another way."""
    return f"t={written},v1={v1(signed)}"


def about(body: bytes) -> dict[str, Any]:
    """Make the header and body of a row that is signed as it arrives."""
    return {"header": f"t={NOW},v1={v1(body=body)}", "body": body}


ROWS = [
    Row("valid", ACCEPT, ACCEPT, HEADER),
    Row("valid_with_v0_after", ACCEPT, ACCEPT, f"{HEADER},v0={JUNK}"),
    Row("valid_with_v0_before", ACCEPT, ACCEPT, f"t={NOW},v0={JUNK},v1={GOOD}"),
    Row("only_v0_correct_hmac", REJECT, "no_v1", f"t={NOW},v0={GOOD}"),
    Row("two_v1_second_good", ACCEPT, ACCEPT, f"t={NOW},v1={JUNK},v1={GOOD}"),
    Row("two_v1_first_good_second_junk", ACCEPT, ACCEPT, f"{HEADER},v1=junk"),
    Row("rotation_old_secret", ACCEPT, ACCEPT, f"{HEADER},v1={v1(secret=OTHER)}"),
    Row("rotation_new_secret", ACCEPT, ACCEPT, f"{HEADER},v1={v1(secret=OTHER)}", secrets=OTHER),
    Row("wrong_secret", REJECT, "wrong_secret", HEADER, secrets=OTHER),
    Row("body_tampered_one_byte", REJECT, "wrong_secret", HEADER, BODY.replace(b"100", b"900")),
    Row(
        "body_reserialized",
        REJECT,
        "body_reserialised",
        HEADER,
        json.dumps(EVENT, separators=(",", ":")).encode(),
    ),
    Row("body_trailing_newline", REJECT, "body_altered", HEADER, BODY + b"\n"),
    Row("body_crlf", REJECT, "body_altered", HEADER, BODY.replace(b"\n", b"\r\n")),
    Row("sig_uppercase_hex", DIFFER, "unreadable_header", f"t={NOW},v1={GOOD.upper()}"),
    Row("sig_truncated", REJECT, "unreadable_header", HEADER[:-1]),
    Row("sig_empty", REJECT, "unreadable_header", f"t={NOW},v1="),
    Row("sig_non_ascii", REJECT, "unreadable_header", f"t={NOW},v1={'é' * 64}"),
    Row("header_empty", REJECT, "no_header", ""),
    Row("header_malformed", REJECT, "unreadable_header", "no signature at all"),
    Row("header_bad_header", REJECT, "unreadable_header", f"{NOW}={GOOD}"),
    Row("missing_t", REJECT, "unreadable_header", f"v1={GOOD}"),
    Row("t_empty", REJECT, "unreadable_header", timed("", "")),
    Row("t_not_number", REJECT, "unreadable_header", timed("now", "now")),
    Row("t_float", REJECT, "unreadable_header", timed(f"{NOW}.5", f"{NOW}.5")),
    Row("t_float_signed_int", DIFFER, "unreadable_header", timed(f"{NOW}.5", NOW)),
    Row("t_negative", ACCEPT, "unreadable_header", timed(-NOW, -NOW), sdk_tolerance=0),
    Row("t_zero", ACCEPT, "unreadable_header", timed(0, 0), sdk_tolerance=0),
    Row("t_leading_zero", DIFFER, "unreadable_header", timed(f"0{NOW}", NOW)),
    Row("t_leading_zero_signed_raw", REJECT, "unreadable_header", timed(f"0{NOW}", f"0{NOW}")),
    Row("t_plus_sign", ACCEPT, "unreadable_header", timed(f"+{NOW}", NOW)),
    Row("t_underscores", DIFFER, "unreadable_header", timed(f"{NOW:_}", NOW)),
    Row("t_trailing_garbage", DIFFER, "unreadable_header", timed(f"{NOW}abc", NOW)),
    Row("t_milliseconds", DIFFER, "unreadable_header", timed(NOW * 1000, NOW * 1000)),
    Row(
        "t_arabic_digits",
        DIFFER,
        "unreadable_header",
        timed("".join(chr(0x660 + int(digit)) for digit in str(NOW)), NOW),
    ),
    Row("t_huge", DIFFER, "unreadable_header", timed("9" * 30, "9" * 30)),
    Row("t_5000_digits", REJECT, "unreadable_header", timed("9" * 5000, "9" * 5000)),
    Row("old_301s", REJECT, "too_old", timed(NOW - 301, NOW - 301)),
    Row("old_299s", ACCEPT, ACCEPT, timed(NOW - 299, NOW - 299)),
    Row(
        "old_no_tolerance_0",
        ACCEPT,
        REFUSED,
        timed(NOW - 10_000, NOW - 10_000),
        tolerance=0,
        sdk_tolerance=0,
    ),
    Row("future_200s", ACCEPT, ACCEPT, timed(NOW + 200, NOW + 200)),
    Row("future_400s", DIFFER, "from_the_future", timed(NOW + 400, NOW + 400)),
    Row("future_10y", DIFFER, "from_the_future", timed(NOW + 315_576_000, NOW + 315_576_000)),
    Row("space_after_comma", DIFFER, ACCEPT, f"t={NOW}, v1={GOOD}"),
    Row("space_around_all", REJECT, ACCEPT, f" t={NOW} , v1={GOOD} "),
    Row("space_leading", REJECT, ACCEPT, f" {HEADER}"),
    Row("space_trailing", REJECT, ACCEPT, f"{HEADER} "),
    Row("trailing_comma", DIFFER, ACCEPT, f"{HEADER},"),
    Row("unknown_scheme_extra", ACCEPT, ACCEPT, f"{HEADER},v7={JUNK},hint=x"),
    Row("key_without_value", DIFFER, ACCEPT, f"t={NOW},hint,v1={GOOD}"),
    Row("empty_item", DIFFER, ACCEPT, f"t={NOW},,v1={GOOD}"),
    Row("order_v1_before_t", ACCEPT, ACCEPT, f"v1={GOOD},t={NOW}"),
    Row("two_t_first_good", DIFFER, "unreadable_header", f"t={NOW},t={NOW + 1},v1={GOOD}"),
    Row("two_t_last_good", DIFFER, "unreadable_header", f"t={NOW + 1},t={NOW},v1={GOOD}"),
    Row("uppercase_keys", REJECT, "unreadable_header", f"T={NOW},V1={GOOD}"),
    Row("extra_equals_in_sig", DIFFER, "unreadable_header", f"{HEADER}=x"),
    Row("semicolon_separator", REJECT, "unreadable_header", f"t={NOW};v1={GOOD}"),
    Row("duplicated_header_comma_joined", ACCEPT, ACCEPT, f"{HEADER},{HEADER}"),
    Row("duplicated_header_comma_space_joined", ACCEPT, ACCEPT, f"{HEADER}, {HEADER}"),
    Row(
        "many_v1_1000",
        ACCEPT,
        "unreadable_header",
        f"t={NOW}," + f"v1={JUNK}," * 999 + f"v1={GOOD}",
    ),
    Row(
        "huge_header_1mb",
        ACCEPT,
        "unreadable_header",
        f"t={NOW}," + f"v1={JUNK}," * 15_000 + f"v1={GOOD}",
    ),
    Row("secret_empty", DIFFER, REFUSED, f"t={NOW},v1={v1(secret='')}", secrets=""),
    Row("secret_trailing_space", REJECT, REFUSED, HEADER, secrets=f"{SECRET} "),
    Row("secret_trailing_newline", REJECT, REFUSED, HEADER, secrets=f"{SECRET}\n"),
    Row(
        "secret_base64_decoded_like_standardwebhooks",
        REJECT,
        "secret_of_another_kind",
        f"t={NOW},v1={v1(secret=b64decode(SECRET.removeprefix('whsec_')))}",
    ),
    Row("utf8_body", ACCEPT, ACCEPT, **about('{"name": "Zoë 🧾"}'.encode())),
    Row("bom_body_signed_with_bom", DIFFER, ACCEPT, **about(b"\xef\xbb\xbf" + BODY)),
    Row("invalid_utf8_body_signed", DIFFER, ACCEPT, **about(b'{"name": "\xff\xfe"}')),
    Row("nul_byte_body", ACCEPT, ACCEPT, **about(b'{"name": "\x00"}')),
    Row("empty_body_signed", ACCEPT, ACCEPT, **about(b"")),
    Row("body_2mb", ACCEPT, ACCEPT, **about(b'{"x": "' + b"y" * 2_000_000 + b'"}')),
    Row("not_json_signed", ACCEPT, ACCEPT, **about(b"no JSON")),
    Row("thin_to_construct_event", ACCEPT, ACCEPT, **about(b'{"object":"v2.core.event"}')),
    Row("json_array_signed", ACCEPT, ACCEPT, **about(b"[1]")),
    Row("duplicate_json_keys", ACCEPT, ACCEPT, **about(b'{"id": "a", "id": "b"}')),
    Row("json_nan", ACCEPT, ACCEPT, **about(b'{"id": NaN}')),
    Row("json_deep_nesting", ACCEPT, ACCEPT, **about(b"[" * 100_000)),
]


def outcome(row: Row) -> str:
    """Give what the library does with a row: ACCEPT, REFUSED or a diagnosis."""
    try:
        verifier = SignatureVerifier(row.secrets, tolerance=row.tolerance, clock=lambda: NOW)
        verification = verifier.verify(row.body, {"Stripe-Signature": row.header})
    except SignatureError as error:
        return error.diagnosis
    except ConfigurationError:
        return REFUSED
    assert "default" == verification.secret
    return ACCEPT


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_each_case_of_the_sdks_has_its_decided_outcome(row: Row) -> None:
    """A row of the matrix is accepted, or rejected with exactly its diagnosis."""
    assert row.decided == outcome(row)


def test_the_matrix_is_whole() -> None:
    """All 76 cases are there, each once."""
    assert 76 == len({row.name for row in ROWS}) == len(ROWS)


def test_the_documented_table_is_the_matrix() -> None:
    """docs/verification.md lists every row, in order, with what the SDKs and we do."""
    page = Path(__file__).parents[2] / "docs" / "verification.md"
    cells = [
        [cell.strip(" `") for cell in line.split("|")[1:4]]
        for line in page.read_text("utf-8").splitlines()
        if line.startswith("| `") and line.count("|") == 5
    ]
    assert [[row.name, row.sdks, row.decided] for row in ROWS] == cells
