"""What stripe-python says is compared with the catalogue, corrected where it is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import overrides
from tools.catalogue_file import Row
from tools.overrides import Override, OverrideError
from tools.refresh import findings, refreshed
from tools.sdk import Fact

if TYPE_CHECKING:
    from pathlib import Path

ROW = Row(
    type="charge.succeeded",
    kind="snapshot",
    class_name="ChargeSucceeded",
    resources=("stripe.Charge",),
    event_class=None,
    object_name="charge",
    retired=False,
    selection=False,
    data=False,
    summary="A charge succeeded.",
)
CELLS = {"class": "ChargeSucceeded", "resource": "stripe.Charge", "object": "charge"}
FACT = Fact("charge.succeeded", "snapshot", CELLS)
OVERRIDE = Override("charge.succeeded", "The SDK is wrong.", {"resource": "stripe.Refund"})


def test_rows_that_agree_need_no_review() -> None:
    """Retired types are not missed: the SDK has forgotten them."""
    retired = ROW._replace(type="ping", resources=("stripe.StripeObject",), retired=True)
    assert [] == findings([ROW, retired], [FACT])


@pytest.mark.parametrize(
    ("rows", "facts", "expected"),
    [
        ([], [FACT], ["new: charge.succeeded (snapshot)"]),
        ([ROW], [], ["gone: charge.succeeded (snapshot)"]),
        ([ROW._replace(retired=True)], [FACT], ["back: charge.succeeded (snapshot)"]),
        ([ROW._replace(summary="")], [FACT], ["no summary: charge.succeeded"]),
        (
            [ROW],
            [FACT._replace(cells={"object": "refund", "data": "yes"})],
            [
                "changed: charge.succeeded: data is 'yes' in the SDK, '-' here",
                "changed: charge.succeeded: object is 'refund' in the SDK, 'charge' here",
            ],
        ),
        (
            [ROW._replace(resources=("stripe.Llama",))],
            [FACT._replace(cells={})],
            ["no such class: charge.succeeded: stripe.Llama"],
        ),
        (
            [ROW._replace(object_name="llama")],
            [FACT._replace(cells={})],
            ["other object: charge.succeeded: stripe.Charge is 'charge', not 'llama'"],
        ),
    ],
    ids=["new", "gone", "back", "summary", "changed", "class", "object"],
)
def test_every_difference_is_listed(
    rows: list[Row], facts: list[Fact], expected: list[str]
) -> None:
    """One line each, with the type it is about."""
    assert expected == findings(rows, facts)


def test_a_new_type_is_added_without_summary() -> None:
    """So that the generator refuses it until a person has written one."""
    assert (ROW._replace(summary=""),) == refreshed([], [FACT])


def test_a_known_type_keeps_what_the_sdk_does_not_say() -> None:
    """Summary and flags were reviewed; the class it names is the SDK's."""
    row = ROW._replace(selection=True, resources=("stripe.Refund",))
    assert (ROW._replace(selection=True),) == refreshed([row], [FACT])


def test_a_type_that_is_gone_stays_for_a_person_to_decide() -> None:
    """It may be retired, and then its class stays."""
    assert (ROW,) == refreshed([ROW], [])


def test_an_override_corrects_one_fact() -> None:
    """Other cells and other types stay as the SDK has them."""
    other = FACT._replace(type="charge.failed")
    corrected = FACT._replace(cells={**CELLS, "resource": "stripe.Refund"})
    assert [corrected, other] == overrides.apply([OVERRIDE], [FACT, other])


def test_an_override_that_changes_nothing_is_an_error() -> None:
    """The SDK has caught up; a stale correction would hide its next change."""
    override = OVERRIDE._replace(cells={"resource": "stripe.Charge"})
    with pytest.raises(OverrideError, match=r"the SDK itself says resource 'stripe\.Charge' now"):
        overrides.apply([override], [FACT])


def test_an_override_of_an_unknown_type_is_an_error() -> None:
    """The type is gone, or misspelt."""
    with pytest.raises(OverrideError, match="llama: the SDK has no such type"):
        overrides.apply([OVERRIDE._replace(type="llama")], [FACT])


@pytest.mark.parametrize(
    "text",
    [
        'type = "a"\nset = { resource = "stripe.A" }',
        'type = "a"\nset = { resource = "stripe.A" }\nreason = ""',
        'type = "a"\nset = {}\nreason = "why"',
        'type = "a"\nreason = "why"',
        'type = "a"\nset = { resource = "stripe.A" }\nreason = "why"\nother = 1',
    ],
)
def test_an_incomplete_override_is_refused(tmp_path: Path, text: str) -> None:
    """Every correction says what it sets and why, and nothing else."""
    path = tmp_path / "overrides.toml"
    path.write_text(f"[[override]]\n{text}\n")
    with pytest.raises(OverrideError, match="an override has type, reason and set"):
        overrides.load(path)
