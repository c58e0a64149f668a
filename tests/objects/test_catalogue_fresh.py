"""The catalogue says what the newest stripe-python says."""

from __future__ import annotations

import re

import pytest

from tools import catalogue_file, overrides, refresh, sdk

CATALOGUE = catalogue_file.load()


def release(text: str) -> tuple[int, ...]:
    """Give the numbers of a release, to compare by."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


pytestmark = pytest.mark.skipif(
    release(sdk.installed_version()) < release(CATALOGUE.stripe_version),
    reason=f"the catalogue is that of stripe {CATALOGUE.stripe_version}",
)


def test_the_catalogue_agrees_with_the_installed_stripe() -> None:
    """New, gone and changed types; ``python -m tools.refresh --write`` takes them over."""
    facts = overrides.apply(overrides.load(), sdk.facts())
    assert [] == refresh.findings(CATALOGUE.rows, facts)


def test_thin_types_are_those_that_the_sdk_dispatches() -> None:
    """Read from its sources, they are the keys of the table that it uses itself."""
    from stripe.events import _event_classes

    # The table is private and of this release; what is read by us must not miss a type.
    table = vars(_event_classes)["_V2_EVENT_NOTIFICATION_CLASS_LOOKUP"]
    assert sorted(table) == sorted(fact.type for fact in sdk.thin_facts())
