"""The installed stripe SDK and this library, side by side over the whole matrix."""

from __future__ import annotations

import time

import pytest
import stripe

from stripe_events._verification import sign
from tests.unit.test_verification_matrix import (
    ACCEPT,
    BODY,
    DIFFER,
    NOW,
    REJECT,
    ROWS,
    SECRET,
    Row,
    outcome,
)

DELIBERATE = {
    "t_negative": "Stripe writes no sign",
    "t_zero": "Stripe writes no time of 1970",
    "t_plus_sign": "Stripe writes no sign",
    "old_no_tolerance_0": "no tolerance of 0",
    "space_around_all": "whitespace around items is no part of what is signed",
    "space_leading": "likewise",
    "space_trailing": "likewise",
    "many_v1_1000": "at most 16 signatures",
    "huge_header_1mb": "at most 8192 characters",
}
"""Where the SDKs agree with each other and this library does not."""

AGREED = [row for row in ROWS if row.sdks != DIFFER]


@pytest.fixture(autouse=True)
def time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the SDK, which takes no clock, see the time of the matrix."""
    monkeypatch.setattr(time, "time", lambda: NOW)


def sdk_outcome(row: Row) -> str:
    """Give what stripe-python does with a row; it rejects with more than one class of error."""
    try:
        stripe.WebhookSignature.verify_header(
            row.body.decode(), row.header, row.secrets, row.sdk_tolerance
        )
    except Exception:  # noqa: BLE001 - a TypeError for a signature that is not ASCII, for one
        return REJECT
    return ACCEPT


@pytest.mark.parametrize("row", AGREED, ids=[row.name for row in AGREED])
def test_where_the_sdks_agree_so_does_the_installed_one(row: Row) -> None:
    """The matrix tells the truth about stripe-python, whatever its version."""
    assert row.sdks == sdk_outcome(row)


@pytest.mark.parametrize("row", AGREED, ids=[row.name for row in AGREED])
def test_where_the_sdks_agree_this_library_follows(row: Row) -> None:
    """Each row is decided as the SDK decides it, but for the deliberate differences."""
    same = sdk_outcome(row) == (ACCEPT if outcome(row) == ACCEPT else REJECT)
    assert (row.name not in DELIBERATE) == same


def test_every_deliberate_difference_is_a_row() -> None:
    """None of the reasons is left over from a row that is gone."""
    assert set() == set(DELIBERATE) - {row.name for row in AGREED}


@pytest.mark.parametrize("text", [BODY.decode(), "", "Zoë 🧾", "[" * 1000])
def test_the_sdk_accepts_what_sign_makes(text: str) -> None:
    """A header made here is one that Stripe could have sent."""
    value = sign(text, SECRET, timestamp=NOW)["Stripe-Signature"]
    assert stripe.WebhookSignature.verify_header(text, value, SECRET, 300)
