"""Events as values: compared, hashed, printed, copied, pickled."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

import pytest

from stripe_events import Event, EventNotification, UnknownEvent, UnknownNotification, parse
from stripe_events.events import ChargeRefunded, ChargeSucceeded, CustomerSubscriptionUpdated
from stripe_events.notifications import V1ChargeSucceeded
from tests.unit.deliveries import snapshot, thin

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import AnyEvent

T = TypeVar("T")

PAYLOADS = [
    snapshot(),
    snapshot("charge.vanished"),
    snapshot(created=None),
    thin(),
    thin("v9.charge.vanished"),
    thin(created=None),
]


def updated(**data: Any) -> CustomerSubscriptionUpdated:
    """Give a subscription's update, with whatever its data has besides."""
    data = {"object": {"id": "sub_1", "object": "subscription", "status": "active"}, **data}
    event = parse(snapshot("customer.subscription.updated", data=data))
    assert isinstance(event, CustomerSubscriptionUpdated)
    return event


@pytest.mark.parametrize("payload", PAYLOADS)
def test_events_compare_by_payload(payload: dict[str, Any]) -> None:
    """Two parsings of one payload are equal and one member of a set."""
    one, two = parse(payload), parse(copy.deepcopy(payload))
    assert (one, 1) == (two, len({one, two}))


def test_events_of_other_payloads_are_not_equal() -> None:
    """Neither those of another id, nor a later state of the same id."""
    events = [parse(snapshot()), parse(snapshot(id="evt_2")), parse(snapshot(livemode=True))]
    assert 3 == len(set(events))


def test_events_of_other_classes_are_not_equal() -> None:
    """The same payload read by two versions is two things until it is parsed again."""
    known = parse(snapshot())
    assert isinstance(known, ChargeSucceeded)
    fields = [getattr(known, field.name) for field in dataclasses.fields(known)]
    assert known != UnknownEvent(*fields)
    assert known != known.payload


def test_the_same_event_twice_has_one_hash() -> None:
    """The hash is of the id, so that a delivery and its repetition meet."""
    assert hash(parse(snapshot(pending_webhooks=1))) == hash(parse(snapshot(pending_webhooks=0)))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (snapshot(), "<ChargeSucceeded evt_1 charge.succeeded test 2025-10-09T08:53:20+00:00>"),
        (
            snapshot("charge.vanished", livemode=True),
            "<UnknownEvent evt_1 charge.vanished live 2025-10-09T08:53:20+00:00>",
        ),
        (
            thin(),
            "<V1ChargeSucceeded evt_1 v1.charge.succeeded test 2025-10-09T08:53:20.123456+00:00>",
        ),
    ],
)
def test_an_event_prints_what_identifies_it(payload: dict[str, Any], expected: str) -> None:
    """Never what is in it: logs are read by many."""
    assert [expected] * 2 == [repr(parse(payload)), str(parse(payload))]


def test_the_data_of_an_event_prints_no_values() -> None:
    """Its class and id are enough to find it."""
    assert "<EventData charge ch_1>" == repr(getattr(parse(snapshot()), "data", None))


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_event_survives_pickling(payload: dict[str, Any], protocol: int) -> None:
    """It comes back as the same class, equal, with the same time even if the payload has none."""
    event = parse(payload)
    loaded = pickle.loads(pickle.dumps(event, protocol))
    assert (event, type(event), event.created) == (loaded, type(loaded), loaded.created)


def test_an_unknown_event_of_yesterday_is_typed_today() -> None:
    """A pickle holds the payload, and is parsed again on load."""
    known = parse(snapshot())
    assert isinstance(known, ChargeSucceeded)
    fields = [getattr(known, field.name) for field in dataclasses.fields(known)]
    assert known == pickle.loads(pickle.dumps(UnknownEvent(*fields)))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_copy_of_an_event_is_the_event(payload: dict[str, Any]) -> None:
    """It cannot change, so there is nothing to copy."""
    event = parse(payload)
    assert event is copy.copy(event)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_deep_copy_shares_nothing(payload: dict[str, Any]) -> None:
    """Whoever changes the copy's payload leaves the original as it is."""
    event = parse(payload)
    duplicate = copy.deepcopy(event)
    assert (event, event.created) == (duplicate, duplicate.created)
    assert event.payload is not duplicate.payload


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_the_data_of_an_event_can_be_copied_by_itself(duplicate: Callable[[Any], Any]) -> None:
    """A queue may be given ``event.data`` alone, looked into or not."""
    data = updated(previous_attributes={"status": "trialing"}).data
    copied = duplicate(data)
    copied = pickle.loads(copied) if isinstance(copied, bytes) else copied
    assert ("sub_1", "trialing") == (copied.object.id, copied.previous.status)
    assert {"status": "trialing"} == copied.previous_attributes


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("field", ["id", "payload", "created"])
def test_an_event_cannot_be_changed(payload: dict[str, Any], field: str) -> None:
    """Handlers of one delivery share it."""
    event = parse(payload)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(event, field, "x")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_field_of_an_event_can_be_deleted(payload: dict[str, Any]) -> None:
    """As of any frozen dataclass."""
    event = parse(payload)
    with pytest.raises(dataclasses.FrozenInstanceError):
        del event.id
    assert payload["id"] == event.id


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (("evt_1",), {}),
        (range(11), {}),
        (("evt_1",), {"id": "evt_1"}),
        (range(9), {"paylod": {}}),
    ],
)
def test_an_event_is_made_with_each_field_once(values: Any, named: dict[str, Any]) -> None:
    """The message names the fields."""
    with pytest.raises(TypeError, match="takes id, created, livemode, account, context"):
        Event(*values, **named)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_event_takes_nothing_besides(payload: dict[str, Any]) -> None:
    """It has slots and no dictionary of its own, in every subclass."""
    assert not hasattr(parse(payload), "__dict__")


class OfResource(EventNotification[T, Any]):
    """A user's own generic, for annotations."""

    __slots__ = ()


def test_subclasses_of_a_notification_take_their_own_parameters() -> None:
    """The default of the second parameter is the base's alone."""
    assert (int, Any) == get_args(EventNotification[int])
    assert (int,) == get_args(OfResource[int])


@pytest.mark.parametrize("cls", [Event, EventNotification, ChargeSucceeded, UnknownNotification])
def test_annotations_of_events_can_be_resolved(cls: type[Any]) -> None:
    """Libraries that read annotations find no name that exists for type checkers only."""
    hints = get_type_hints(cls)
    assert (str, datetime) == (hints["id"], hints["created"])


def test_the_type_is_known_without_an_event() -> None:
    """A class tells its type; the unknown ones read it from their payload."""
    assert ("charge.succeeded", "v1.charge.succeeded") == (
        ChargeSucceeded.type,
        V1ChargeSucceeded.type,
    )
    assert ["charge.vanished", "v9.charge.vanished"] == [
        parse(snapshot("charge.vanished")).type,
        parse(thin("v9.charge.vanished")).type,
    ]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (snapshot(), "succeeded"),
        (snapshot("charge.refunded"), "refunded"),
        (snapshot("charge.vanished"), "unknown charge.vanished"),
        (thin(), "thin"),
        (thin("v9.charge.vanished"), "unknown thin v9.charge.vanished"),
    ],
)
def test_events_are_matched_by_class(payload: dict[str, Any], expected: str) -> None:
    """A ``match`` statement tells them apart."""
    assert expected == told_apart(parse(payload))


def told_apart(event: AnyEvent) -> str:
    """Name an event by its class."""
    match event:
        case ChargeSucceeded():
            return "succeeded"
        case ChargeRefunded():
            return "refunded"
        case UnknownEvent(payload={"type": str(type_)}):
            return f"unknown {type_}"
        case UnknownNotification():
            return f"unknown thin {event.type}"
        case EventNotification():
            return "thin"
        case Event():
            return "other"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_fields_are_in_the_order_that_type_checkers_see(payload: dict[str, Any]) -> None:
    """Positions mean the annotations in their order, in the constructor and in patterns."""
    event = parse(payload)
    fields = [name for name in type(event).__mro__[1].__annotations__ if name != "type"]
    assert fields == [field.name for field in dataclasses.fields(event)]
    assert fields == list(type(event).__match_args__)
    made = type(event)(*[getattr(event, name) for name in fields])
    assert (event, event.created, event.id) == (made, made.created, made.id)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_event_can_be_copied_with_changes(payload: dict[str, Any]) -> None:
    """As any dataclass can, with ``copy.replace`` too where Python has it."""
    event = parse(payload)
    replace = getattr(copy, "replace", dataclasses.replace)
    for changed in (replace(event, id="evt_2"), dataclasses.replace(event, id="evt_2")):
        assert ("evt_2", event.created, type(event)) == (changed.id, changed.created, type(changed))


def test_fields_are_made_once_for_each_class() -> None:
    """Printers and serialisers ask every object whether it is a dataclass."""
    event = parse(snapshot())
    assert dataclasses.fields(event)[0] is dataclasses.fields(event)[0]
    assert dataclasses.fields(parse(thin()))[0].name == "id"


def test_an_event_tells_what_changed() -> None:
    """Any of the names, and a null that became a value is a change too."""
    event = updated(previous_attributes={"status": "trialing", "trial_end": None})
    assert [True, True, True, False, True] == [
        event.changed("status"),
        event.changed("trial_end"),
        event.changed("items", "status"),
        event.changed("items"),
        event.changed(),
    ]


@pytest.mark.parametrize("data", [{}, {"previous_attributes": None}, {"previous_attributes": {}}])
def test_nothing_changed_without_previous_attributes(data: dict[str, Any]) -> None:
    """Absent, null and empty are the same."""
    event = updated(**data)
    assert [False, False] == [event.changed(), event.changed("status")]
    assert {} == event.data.previous_attributes


def test_a_resource_is_built_once() -> None:
    """All handlers of a delivery see the same object."""
    event = updated(previous_attributes={"status": "trialing"})
    assert event.data.object is event.data.object
    assert event.data.previous is event.data.previous
    assert ("active", "trialing") == (event.data.object.status, event.data.previous.status)


def test_reading_what_did_not_change_names_the_question_to_ask() -> None:
    """An old value that is not there must not look like None."""
    previous = updated(previous_attributes={"status": "trialing"}).data.previous
    with pytest.raises(AttributeError, match=r"event\.changed\("):
        _ = previous.items


def test_the_time_is_aware() -> None:
    """It can be compared with any other."""
    assert datetime(2025, 10, 9, tzinfo=UTC) < parse(snapshot()).created
