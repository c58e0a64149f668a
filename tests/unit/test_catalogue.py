"""The catalogue and the generated classes agree, and are loaded no sooner than they are used."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any, get_args

import pytest

from stripe_events import catalogue, events, notifications
from stripe_events._event import Event, EventNotification
from stripe_events._event_classes import event_class, notification_class
from stripe_events._event_index import SNAPSHOT_CLASSES, THIN_CLASSES
from stripe_events.errors import UnknownEventType

PACKAGES = {"snapshot": events, "thin": notifications}
BASES = {"snapshot": Event, "thin": EventNotification}
PREFIXES = ("stripe_events.events._", "stripe_events.notifications._")


def loaded_after(code: str) -> set[str]:
    """Give the modules that a fresh interpreter has loaded after running some code."""
    script = f"import json, sys\n{code}\nprint(json.dumps(list(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return set(json.loads(out.stdout))


def families(modules: set[str]) -> set[str]:
    """Give those of some modules that hold generated classes."""
    return {name for name in modules if name.startswith(PREFIXES)}


def base_arguments(entry: catalogue.Entry) -> list[str | None]:
    """Give what an entry's class puts into the brackets after its base, as text."""
    found: Any = getattr(PACKAGES[entry.kind], entry.class_name)
    arguments = get_args(found.__orig_bases__[0])
    return [None if each is type(None) else each.__forward_arg__ for each in arguments]


def test_every_known_type_is_listed() -> None:
    """275 current snapshot types, 19 retired ones, 326 thin ones."""
    counts = Counter((entry.kind, entry.retired) for entry in catalogue.entries())
    assert {("snapshot", False): 275, ("snapshot", True): 19, ("thin", False): 326} == counts


def test_literals_hold_the_types_of_their_kind() -> None:
    """``EventType`` and ``ThinEventType`` are what ``entries`` lists."""
    snapshots = tuple(entry.type for entry in catalogue.entries(kind="snapshot"))
    thins = tuple(entry.type for entry in catalogue.entries(kind="thin"))
    assert (snapshots, thins) == (get_args(catalogue.EventType), get_args(catalogue.ThinEventType))


def test_the_index_and_the_catalogue_list_the_same_types() -> None:
    """What the parser recognises is what can be looked up."""
    assert [entry.type for entry in catalogue.entries()] == [*SNAPSHOT_CLASSES, *THIN_CLASSES]


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.type)
def test_every_type_has_its_class(entry: catalogue.Entry) -> None:
    """The class is a bare subclass of its base, says its type, and is found by it."""
    found = getattr(PACKAGES[entry.kind], entry.class_name)
    by_type = event_class if entry.kind == "snapshot" else notification_class
    assert ((BASES[entry.kind],), entry.type, ()) == (
        found.__bases__,
        found.type,
        vars(found)["__slots__"],
    )
    assert found is by_type(entry.type)
    assert entry.summary in (found.__doc__ or "")


@pytest.mark.parametrize("entry", catalogue.entries(kind="snapshot"), ids=lambda entry: entry.type)
def test_snapshot_classes_name_their_resources(entry: catalogue.Entry) -> None:
    """What the type checkers take for ``data.object`` is what the catalogue says."""
    assert [" | ".join(entry.resources)] == base_arguments(entry)


@pytest.mark.parametrize("entry", catalogue.entries(kind="thin"), ids=lambda entry: entry.type)
def test_thin_classes_name_what_can_be_fetched(entry: catalogue.Entry) -> None:
    """The related object's class, None where there is none, and that of the fetched event."""
    assert [" | ".join(entry.resources) or None, entry.fetched_event] == base_arguments(entry)


@pytest.mark.parametrize("package", [events, notifications], ids=lambda package: package.__name__)
def test_all_and_dir_are_the_classes(package: Any) -> None:
    """``__all__`` is sorted and complete, and ``dir`` shows the same before anything is loaded."""
    kind = "snapshot" if package is events else "thin"
    classes = sorted(entry.class_name for entry in catalogue.entries(kind=kind))
    assert (classes, classes) == (package.__all__, dir(package))


@pytest.mark.parametrize("package", [events, notifications], ids=lambda package: package.__name__)
def test_a_misspelt_class_is_an_attribute_error(package: Any) -> None:
    """As for any module, and named."""
    with pytest.raises(AttributeError, match="no attribute 'ChargeSuceeded'"):
        _ = package.ChargeSuceeded


def test_unknown_types_have_no_class() -> None:
    """The parser makes an unknown event of them; a type is of one kind only."""
    found = [event_class("llama.created"), event_class("v1.charge.succeeded")]
    assert [None] * 3 == [*found, notification_class("charge.succeeded")]


@pytest.mark.parametrize("package", ["events", "notifications", "catalogue"])
def test_importing_loads_no_classes_and_no_stripe(package: str) -> None:
    """Naming a package costs its index alone."""
    loaded = loaded_after(f"import stripe_events.{package}")
    assert (set(), False) == (families(loaded), "stripe" in loaded)


def test_a_class_loads_its_own_family_only() -> None:
    """One handler does not pay for 600 classes."""
    loaded = loaded_after("from stripe_events.events import ChargeSucceeded")
    assert ({"stripe_events.events._charge"}, False) == (families(loaded), "stripe" in loaded)


def test_a_router_with_classes_needs_no_catalogue() -> None:
    """The index of classes does not pull in Literals and summaries."""
    loaded = loaded_after("from stripe_events import _event_classes, events; events.InvoicePaid")
    assert "stripe_events._catalogue_data" not in loaded


def test_lookup_gives_what_is_known() -> None:
    """Each field has its meaning, on one type that has something to say in many."""
    assert catalogue.Entry(
        type="reporting.report_type.updated",
        kind="snapshot",
        class_name="ReportingReportTypeUpdated",
        resources=("stripe.reporting.ReportType",),
        object_name="reporting.report_type",
        retired=False,
        selection_required=True,
        fetched_event=None,
        fetched_data=False,
        summary="New data is available for a type of report, usually once a day.",
    ) == catalogue.lookup("reporting.report_type.updated")


def test_lookup_gives_the_names_in_brackets_their_class() -> None:
    """Brackets read as stripe-python reads them."""
    entry = catalogue.lookup("v2.core.account[requirements].updated", kind="thin")
    assert "V2CoreAccountIncludingRequirementsUpdated" == entry.class_name


def test_snapshots_and_thin_twins_may_differ_in_their_object() -> None:
    """A correction of what the SDK's thin twin suggests has arrived in the catalogue."""
    snapshot = catalogue.lookup("billing.alert.triggered")
    thin = catalogue.lookup("v1.billing.alert.triggered")
    expected = [("stripe.billing.AlertTriggered",), ("stripe.billing.Alert",)]
    assert expected == [snapshot.resources, thin.resources]


def test_some_types_must_be_selected_by_name() -> None:
    """They do not reach an endpoint that is subscribed to everything."""
    assert [
        "identity.verification_session.redacted",
        "issuing_authorization.request",
        "reporting.report_type.updated",
    ] == [entry.type for entry in catalogue.entries() if entry.selection_required]


def test_retired_types_say_so() -> None:
    """Whoever reads a retired class's summary learns that it never comes."""
    phrase = "No longer sent by Stripe: "
    says = [entry.type for entry in catalogue.entries() if entry.summary.startswith(phrase)]
    assert [entry.type for entry in catalogue.entries() if entry.retired] == says


def test_an_unknown_type_is_told_with_the_nearest() -> None:
    """A misspelt type is found without leaving the error message."""
    with pytest.raises(
        UnknownEventType, match=r"'charge\.suceeded'; the nearest: charge\.succeeded"
    ):
        catalogue.lookup("charge.suceeded")


def test_a_type_of_the_other_kind_is_unknown() -> None:
    """``kind`` narrows down what is accepted and what is proposed."""
    with pytest.raises(UnknownEventType, match=r"no thin event type .* v1\.charge\.succeeded"):
        catalogue.lookup("charge.succeeded", kind="thin")


def test_a_type_that_is_near_nothing_is_told_alone() -> None:
    """No list of names where none is any help."""
    with pytest.raises(UnknownEventType, match=r"no event type is called 'qqqqqq'$"):
        catalogue.lookup("qqqqqq")


@pytest.mark.parametrize(
    ("pattern", "types"),
    [
        ("charge.succeeded", ("charge.succeeded",)),
        ("charge.dispute.c*", ("charge.dispute.closed", "charge.dispute.created")),
        ("*.hold.*", ("reserve.hold.created", "reserve.hold.updated")),
        (
            "topup*ed",
            tuple(f"topup.{w}ed" for w in ("cancel", "creat", "fail", "revers", "succeed")),
        ),
        ("ping*", ("ping",)),
        ("CHARGE.succeeded", ()),
        ("charge", ()),
        ("charge.succeede?", ()),
        ("charge.succeede[d]", ()),
        ("charge+succeeded", ()),
        ("", ()),
        ("v1.charge.succeeded", ()),
    ],
)
def test_only_the_asterisk_is_special(pattern: str, types: tuple[str, ...]) -> None:
    """It matches any run of characters, dots included; all else stands for itself."""
    assert types == catalogue.match_types(pattern)


def test_one_asterisk_matches_every_type_of_the_kind() -> None:
    """However often it is repeated."""
    thins = tuple(entry.type for entry in catalogue.entries(kind="thin"))
    assert [thins, thins] == [catalogue.match_types(each, "thin") for each in ("*", "**")]


def test_brackets_in_patterns_are_brackets() -> None:
    """As v2 types have them in their names."""
    assert ("v2.core.account[defaults].updated",) == catalogue.match_types(
        "v2.core.account[def*].updated", "thin"
    )
