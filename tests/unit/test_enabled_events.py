"""Which types an endpoint has to be subscribed to for the handlers of a router."""

from __future__ import annotations

import pytest

from stripe_events import EventRouter, catalogue
from stripe_events.events import ChargeSucceeded, InvoicePaid
from stripe_events.notifications import V1ChargeSucceeded

SNAPSHOTS = catalogue.entries(kind="snapshot")
REQUIRED = sorted(entry.type for entry in SNAPSHOTS if entry.selection_required)
RETIRED = sorted(entry.type for entry in SNAPSHOTS if entry.retired)
CURRENT = sorted(entry.type for entry in SNAPSHOTS if not entry.retired)


@pytest.fixture
def router() -> EventRouter:
    """Give an empty router; it needs no secrets to be asked."""
    return EventRouter()


def test_nothing_is_needed_for_nothing(router: EventRouter) -> None:
    """Neither for snapshot events nor for thin ones."""
    assert [] == router.enabled_events() == router.enabled_events("thin")


def test_types_are_sorted_and_given_once(router: EventRouter) -> None:
    """Whatever the order and number of handlers."""
    router.on(InvoicePaid, ChargeSucceeded, name="a")(print)
    router.on("charge.s*", name="b", livemode=True)(print)
    assert ["charge.succeeded", "invoice.paid"] == router.enabled_events()


def test_each_kind_is_asked_for_by_itself(router: EventRouter) -> None:
    """An endpoint takes one of them."""
    router.on(ChargeSucceeded, name="a")(print)
    router.on(V1ChargeSucceeded, name="b")(print)
    router.on("v1.charge.fail*", name="c", kind="thin")(print)
    assert ["charge.succeeded"] == router.enabled_events("snapshot")
    assert ["v1.charge.failed", "v1.charge.succeeded"] == router.enabled_events("thin")


def test_unlisted_types_are_asked_for(router: EventRouter) -> None:
    """Stripe may know them, though this release does not."""
    router.on("added.tomorrow", unlisted=True)(print)
    assert (["added.tomorrow"], []) == (router.enabled_events(), router.enabled_events("thin"))


def test_retired_types_are_left_out(router: EventRouter) -> None:
    """Stripe refuses a subscription to them; handlers may keep them for replays."""
    assert RETIRED
    router.on(*RETIRED, "charge.succeeded")(print)
    assert ["charge.succeeded"] == router.enabled_events()


def test_a_star_as_pattern_names_every_current_type(router: EventRouter) -> None:
    """Also those that a subscription to everything leaves out."""
    router.on("*")(print)
    assert CURRENT == router.enabled_events()


def test_any_event_is_a_subscription_to_everything(router: EventRouter) -> None:
    """No type need be named besides, as it is covered."""
    router.on_any(print)
    router.on(ChargeSucceeded, name="a")(print)
    assert ["*"] == router.enabled_events()


def test_types_that_must_be_selected_follow_the_star(router: EventRouter) -> None:
    """Everything does not cover them: Stripe sends them only to who names them."""
    assert REQUIRED
    router.on_any(print)
    router.on(*REQUIRED, "charge.succeeded", name="a")(print)
    assert ["*", *REQUIRED] == router.enabled_events()


def test_types_this_release_does_not_know_follow_the_star(router: EventRouter) -> None:
    """Whether everything covers them cannot be known, and naming them does no harm."""
    router.on_any(print)
    router.on("added.tomorrow", unlisted=True, name="a")(print)
    assert ["*", "added.tomorrow"] == router.enabled_events()


def test_a_fallback_asks_for_nothing(router: EventRouter) -> None:
    """It takes what comes; it does not make more come."""
    router.fallback(print)
    assert [] == router.enabled_events()


def test_included_routers_count(router: EventRouter) -> None:
    """Their handlers get the same deliveries."""
    inner = EventRouter()
    inner.on(ChargeSucceeded)(print)
    router.include(inner)
    assert ["charge.succeeded"] == router.enabled_events()
