"""The reviewed data file is read and written without loss, and mistakes in it are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tools import catalogue_file
from tools.catalogue_file import Catalogue, CatalogueError, Row
from tools.naming import class_name, family, link

if TYPE_CHECKING:
    from pathlib import Path

SNAPSHOT = Row(
    type="charge.succeeded",
    kind="snapshot",
    class_name="ChargeSucceeded",
    resources=("stripe.Charge",),
    event_class=None,
    object_name="charge",
    retired=False,
    selection=True,
    data=False,
    summary="A charge succeeded.",
)
THIN = SNAPSHOT._replace(
    type="v1.charge.succeeded",
    kind="thin",
    class_name="V1ChargeSucceeded",
    event_class="stripe.events.V1ChargeSucceededEvent",
    selection=False,
    data=True,
)


def test_the_project_file_survives_reading_and_writing() -> None:
    """Byte for byte, so that a refresh changes only the rows it means to change."""
    text = catalogue_file.CATALOGUE.read_bytes().decode()
    assert text == catalogue_file.dump(catalogue_file.load())


def test_rows_survive_writing_and_reading() -> None:
    """Every cell, the empty ones too; rows come out sorted."""
    bare = THIN._replace(resources=(), object_name=None, type="v1.a", class_name="V1A")
    many = SNAPSHOT._replace(resources=("stripe.A", "stripe.B"), retired=True, type="zz")
    text = catalogue_file.dump(Catalogue("1.2.3", (THIN, bare, many, SNAPSHOT)))
    expected = Catalogue("1.2.3", (SNAPSHOT, many, bare, THIN))
    assert expected == catalogue_file.parse(text)


def test_a_row_without_summary_survives_for_review() -> None:
    """A refresh writes such rows; only the generator refuses them."""
    row = SNAPSHOT._replace(summary="")
    text = catalogue_file.dump(Catalogue("1", (row,)))
    assert (row,) == catalogue_file.parse(text).rows


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"summary": ""}, "charge.succeeded: no summary"),
        ({"summary": "lower case."}, "one plain sentence"),
        ({"summary": "No full stop"}, "one plain sentence"),
        ({"summary": 'A "quoted" word.'}, "one plain sentence"),
        ({"summary": "A back\\slash."}, "one plain sentence"),
        ({"summary": "A charge" + "!" * 90 + "."}, "over 96 characters"),
        ({"class_name": "chargeSucceeded"}, "bad class name 'chargeSucceeded'"),
        ({"class_name": "Charge-Succeeded"}, "bad class name"),
        ({"class_name": "None"}, "bad class name"),
        ({"class_name": ""}, "bad class name"),
        ({"kind": "thick"}, "unknown kind 'thick'"),
        ({"resources": ()}, "no resource class"),
        ({"resources": ("Charge",)}, "must be named as stripe.X"),
        ({"event_class": "stripe.events.X"}, "only for them"),
        ({"kind": "thin"}, "must be named for thin types"),
    ],
)
def test_a_bad_row_is_refused(change: dict[str, Any], problem: str) -> None:
    """Nothing good could be generated from it."""
    with pytest.raises(CatalogueError, match=problem):
        catalogue_file.validate((SNAPSHOT._replace(**change),))


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ((SNAPSHOT, SNAPSHOT), "type charge.succeeded is there 2 times"),
        (
            (SNAPSHOT, SNAPSHOT._replace(type="charge_succeeded")),
            "class ChargeSucceeded is there 2",
        ),
        ((THIN, SNAPSHOT), "not sorted"),
    ],
)
def test_rows_that_do_not_go_together_are_refused(rows: tuple[Row, ...], problem: str) -> None:
    """One class per type, in a form that gives small diffs."""
    with pytest.raises(CatalogueError, match=problem):
        catalogue_file.validate(rows)


def test_good_rows_are_accepted() -> None:
    """The rows that the bad ones above are made from."""
    catalogue_file.validate((SNAPSHOT, THIN))


def test_all_problems_are_told_at_once() -> None:
    """Whoever adds ten types reads one error."""
    bad = (SNAPSHOT._replace(summary="", class_name="x"), THIN._replace(summary=""))
    with pytest.raises(CatalogueError) as caught:
        catalogue_file.validate(bad)
    assert 3 == len(str(caught.value).splitlines())


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("# stripe 1", "type", "line 1 must be"),
        ("type\tkind", "kind\ttype", "line 2 must name the columns"),
        ("\tA charge", " A charge", "line 3 has 9 cells instead of 10"),
        ("\tyes\t", "\ttrue\t", "line 3: a flag is yes or -, not 'true'"),
    ],
)
def test_a_file_of_another_form_is_refused(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    """With the line that it is wrong in."""
    path = tmp_path / "catalogue.tsv"
    text = catalogue_file.dump(Catalogue("1", (SNAPSHOT,)))
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(CatalogueError, match=problem):
        catalogue_file.load(path)


def test_class_names_are_those_of_the_sdk() -> None:
    """Its rule for brackets included, so that both libraries' names are one to learn."""
    assert [
        "CustomerSubscriptionDeleted",
        "V2CoreAccountIncludingConfigurationCustomerUpdated",
    ] == [
        class_name("customer.subscription.deleted"),
        class_name("v2.core.account[configuration.customer].updated"),
    ]


def test_families_are_the_first_segments() -> None:
    """One of a snapshot type, two of a thin one, without brackets."""
    assert ["_customer", "_v1_charge", "_v2_core"] == [
        family("customer.subscription.deleted", "snapshot"),
        family("v1.charge.succeeded", "thin"),
        family("v2.core[x].updated", "thin"),
    ]


def test_links_point_at_the_type() -> None:
    """At the list as a whole for a retired type; brackets are quoted."""
    assert [
        "https://docs.stripe.com/api/events/types#event_types-charge.failed",
        "https://docs.stripe.com/api/events/types",
        "https://docs.stripe.com/api/v2/core/events/event-types#v2_event_types-v2.a%5Bb%5D.c",
    ] == [
        link("charge.failed", "snapshot", retired=False),
        link("ping", "snapshot", retired=True),
        link("v2.a[b].c", "thin", retired=False),
    ]
