"""What ``on`` accepts as the events a handler is for, and what it says to the rest."""

from __future__ import annotations

from typing import Any, TypeVar, Union, cast

import pytest

from stripe_events import Context, Event, EventHandler, EventNotification, UnknownEvent
from stripe_events._selectors import handled_classes, select
from stripe_events.errors import UnknownEventType, UsageError
from stripe_events.events import (
    ChargeCaptured,
    ChargeExpired,
    ChargeFailed,
    ChargePending,
    ChargeRefunded,
    ChargeSucceeded,
    ChargeUpdated,
    InvoicePaid,
)
from stripe_events.notifications import V1ChargeSucceeded

EIGHT = (
    ChargeCaptured,
    ChargeExpired,
    ChargeFailed,
    ChargePending,
    ChargeRefunded,
    ChargeSucceeded,
    ChargeUpdated,
    InvoicePaid,
)
E = TypeVar("E")


@pytest.mark.parametrize("count", range(1, 9))
def test_up_to_eight_classes_are_selected_at_once(count: int) -> None:
    """A handler is for the types of all of them, and for no other."""
    selector = select(EIGHT[:count], "snapshot")
    assert ({cls.type for cls in EIGHT[:count]}, set()) == (selector.snapshot, selector.thin)
    assert [cls in EIGHT[:count] for cls in EIGHT] == [
        selector.selects("snapshot", cls.type) for cls in EIGHT
    ]


def test_thin_classes_select_thin_events() -> None:
    """The classes say the kind, whatever ``kind`` says."""
    selector = select((V1ChargeSucceeded,), "snapshot")
    assert [True, False] == [
        selector.selects(kind, "v1.charge.succeeded") for kind in ("thin", "snapshot")
    ]


def test_names_select_exactly_what_they_name() -> None:
    """No name is a prefix of what it selects."""
    selector = select(("charge.refund.updated", "charge.refunded"), "snapshot")
    assert [True, True, False, False] == [
        selector.selects("snapshot", type_)
        for type_ in ("charge.refunded", "charge.refund.updated", "charge.refund", "charge")
    ]


@pytest.mark.parametrize(
    ("pattern", "selected", "refused"),
    [
        ("charge.*", ["charge.succeeded", "charge.dispute.created", "charge."], ["charge", "a.b"]),
        ("*.deleted", ["plan.deleted", "customer.source.deleted"], ["plan.deleted.x"]),
        (
            "issuing_*.created",
            ["issuing_card.created"],
            ["issuing.created", "issuing_card.updated"],
        ),
        ("customer.*.created", ["customer.source.created"], ["customer.created", "customer..x"]),
        ("*", ["charge.succeeded", "added.tomorrow"], []),
        ("**", ["charge.succeeded"], []),
        ("charge.succeeded*", ["charge.succeeded", "charge.succeeded_later"], ["charge.failed"]),
    ],
)
def test_a_pattern_selects_types_of_today_and_tomorrow(
    pattern: str, selected: list[str], refused: list[str]
) -> None:
    """``*`` stands for any run of characters, dots included, also none."""
    selector = select((pattern,), "snapshot")
    assert selected == [t for t in selected + refused if selector.selects("snapshot", t)]


@pytest.mark.parametrize("name", ["charge?succeeded", "charge.s[u]cceeded", "charge.+", "CHARGE.*"])
def test_only_the_star_is_special(name: str) -> None:
    """Nothing of a regular expression or of a shell's patterns, and case counts."""
    with pytest.raises(UnknownEventType):
        select((name,), "snapshot")


def test_brackets_in_thin_types_stand_for_themselves() -> None:
    """Also beside a star."""
    name = "v2.core.account[requirements].updated"
    for each in (name, "v2.core.account[requirements].*"):
        selector = select((each,), "thin")
        assert [True, False] == [
            selector.selects("thin", type_) for type_ in (name, "v2.core.accountr.updated")
        ]


@pytest.mark.parametrize(
    ("name", "kind", "nearest"),
    [
        ("charge.suceeded", "snapshot", "charge.succeeded"),
        ("invoice.payed", "snapshot", "invoice.paid"),
        ("v1.charge.suceeded", "thin", "v1.charge.succeeded"),
        ("charge.suceeded.*", "snapshot", "charge.succeeded"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest(name: str, kind: Any, nearest: str) -> None:
    """A slip of the pen must not become a handler that never runs."""
    with pytest.raises(UnknownEventType, match=f"{kind} .*the nearest: .*{nearest}"):
        select((name,), kind)


@pytest.mark.parametrize(
    ("name", "kind", "other"),
    [
        ("charge.succeeded", "thin", "snapshot"),
        ("v1.charge.succeeded", "snapshot", "thin"),
        ("v2.*", "snapshot", "thin"),
    ],
)
def test_a_name_of_the_other_kind_is_told_so(name: str, kind: Any, other: str) -> None:
    """A similar name is not what was meant: the kind was forgotten."""
    with pytest.raises(UnknownEventType, match=f"no {kind} event .*: say kind='{other}'"):
        select((name,), kind)


@pytest.mark.parametrize("unlisted", [False, True])
def test_there_are_two_kinds(unlisted: bool) -> None:
    """Any other would be taken for thin."""
    with pytest.raises(UsageError, match=r"kind= is 'snapshot' or 'thin', not 'fat'"):
        select(("charge.succeeded",), cast("Any", "fat"), unlisted=unlisted)


def test_one_unknown_name_among_known_ones_is_an_error() -> None:
    """Each name has to match something."""
    with pytest.raises(UnknownEventType, match=r"nonsense\.\*"):
        select(("charge.*", "nonsense.*"), "snapshot")


@pytest.mark.parametrize("kind", ["snapshot", "thin"])
def test_an_unlisted_name_is_taken_exactly(kind: Any) -> None:
    """For what Stripe has and this release does not know yet."""
    selector = select(("added.tomorrow",), kind, unlisted=True)
    assert [True, False] == [
        selector.selects(kind, type_) for type_ in ("added.tomorrow", "added.tomorrow.too")
    ]


def test_a_pattern_has_to_match_even_where_unlisted_names_may_not() -> None:
    """A pattern is no exact name: a slip in it would never show."""
    selector = select(("added.tomorrow", "charge.*"), "snapshot", unlisted=True)
    assert selector.selects("snapshot", "charge.succeeded")
    with pytest.raises(UnknownEventType, match="chrage"):
        select(("added.tomorrow", "chrage.*"), "snapshot", unlisted=True)


def test_one_handler_may_be_for_both_kinds() -> None:
    """A union of event classes is a union, whatever their kinds."""
    selector = select((ChargeSucceeded, V1ChargeSucceeded), "snapshot")
    assert ({"charge.succeeded"}, {"v1.charge.succeeded"}) == (selector.snapshot, selector.thin)
    assert [True, False, False, True] == [
        selector.selects("snapshot", "charge.succeeded"),
        selector.selects("thin", "charge.succeeded"),
        selector.selects("snapshot", "v1.charge.succeeded"),
        selector.selects("thin", "v1.charge.succeeded"),
    ]


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ((), "at least one event class"),
        ((Event,), "not the class of one event type"),
        ((EventNotification,), "not the class of one event type"),
        ((UnknownEvent,), "not the class of one event type"),
        ((int,), "<class 'int'> is not the class"),
        ((5,), "5 is not the class"),
        ((None,), "None is not the class"),
        ((ChargeSucceeded, "charge.failed"), "not both in one call"),
        (([ChargeSucceeded],), "not the class"),
        ((ChargeSucceeded | InvoicePaid,), "not the class"),
    ],
)
def test_what_names_no_type_is_refused(named: tuple[Any, ...], why: str) -> None:
    """The message says what to give instead."""
    with pytest.raises(UsageError, match=why):
        select(named, "snapshot")


class OnOne(EventHandler[ChargeSucceeded]):
    """A handler for one type."""

    def __call__(self, event: ChargeSucceeded, ctx: Context, /) -> None:
        """Do nothing."""


class OnTwo(EventHandler[ChargeSucceeded | InvoicePaid]):
    """A handler for two types."""

    def __call__(self, event: ChargeSucceeded | InvoicePaid, ctx: Context, /) -> None:
        """Do nothing."""


class OnTwoSpelledOut(EventHandler[Union[ChargeSucceeded, InvoicePaid]]):  # noqa: UP007 - as some write it
    """A handler for two types."""

    def __call__(self, event: ChargeSucceeded | InvoicePaid, ctx: Context, /) -> None:
        """Do nothing."""


class Derived(OnTwo):
    """A handler that takes its types over."""


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (OnOne, (ChargeSucceeded,)),
        (OnTwo, (ChargeSucceeded, InvoicePaid)),
        (OnTwoSpelledOut, (ChargeSucceeded, InvoicePaid)),
        (Derived, (ChargeSucceeded, InvoicePaid)),
    ],
)
def test_a_handler_class_says_what_it_is_for(cls: Any, expected: tuple[Any, ...]) -> None:
    """The parameter of its base is read, also when it is inherited."""
    assert expected == handled_classes(cls)


class Bare(EventHandler):  # type: ignore[type-arg]
    """A handler that does not say what it is for."""

    def __call__(self, event: Any, ctx: Context, /) -> None:
        """Do nothing."""


@pytest.mark.parametrize("cls", [Bare, int])
def test_a_handler_class_without_events_is_refused(cls: Any) -> None:
    """It would be for nothing."""
    with pytest.raises(UsageError, match=rf"{cls.__name__} names no events: .*EventHandler\["):
        handled_classes(cls)
