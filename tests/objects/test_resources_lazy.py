"""Values converted as they are read: what the dict lets out, threads, and the self-test."""

from __future__ import annotations

import contextlib
import copy
import json
import operator
import pickle
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from stripe_events import _resources
from stripe_events._resources._recognition import recognised_conversion
from stripe_events._resources._values import NOTHING_DONE, LazyValues
from tests.objects.payloads import charge, invoice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # to_dict, before stripe 15

OBJECTS_ARE_DICTS = issubclass(stripe.StripeObject, dict)
needs_lazy_values = pytest.mark.skipif(
    OBJECTS_ARE_DICTS, reason="before stripe 15 a StripeObject is a dict itself"
)


class _Doubling:
    """A shape for tests: containers become tuples of their kind, ``n`` is doubled."""

    encoded = frozenset({"n"})

    def __init__(self) -> None:
        self.converted: list[str] = []

    def convert(self, key: str, value: Any, requestor: Any) -> Any:
        self.converted.append(key)
        return value * 2 if key in self.encoded else (type(value).__name__, requestor)


def _values(shape: Any = None) -> Any:
    values = LazyValues({"a": {"b": 1}, "l": [1], "n": 4, "s": "text"})
    values.done, values.requestor, values.shape = NOTHING_DONE, "r", shape or _Doubling()
    return values


CONVERTED = {"a": ("dict", "r"), "l": ("list", "r"), "n": 8, "s": "text"}


def _keywords(**given: Any) -> dict[str, Any]:
    return given


def _by_update(values: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    plain.update(values)
    return plain


def _by_popitem(values: Any) -> dict[str, Any]:
    return dict(reversed([values.popitem() for _ in range(len(values))]))


@pytest.mark.parametrize(
    "way_out",
    [
        dict,
        copy.copy,
        copy.deepcopy,
        _by_update,
        _by_popitem,
        LazyValues.copy,
        lambda values: {**values},
        lambda values: _keywords(**values),
        lambda values: values | {},
        lambda values: {} | values,
        lambda values: dict(values.items()),
        lambda values: dict(zip(values.keys(), values.values(), strict=True)),
        lambda values: {key: values[key] for key in values},
        lambda values: {key: values.get(key) for key in values},
        lambda values: {key: values.pop(key) for key in list(values)},
        lambda values: {key: values.setdefault(key, 0) for key in values},
        lambda values: {key: values.keys().mapping[key] for key in values},
        lambda values: pickle.loads(pickle.dumps(values)),
        lambda values: eval(repr(values)),
        dict.copy,
        lambda values: operator.ior({}, values),
    ],
)
def test_no_way_out_of_the_dict_gives_a_raw_value(way_out: Callable[[Any], Any]) -> None:
    """Python's methods and C's short cuts alike give plain dicts of converted values."""
    out = way_out(_values())

    assert CONVERTED == out
    assert list(CONVERTED) == list(out)
    assert dict is type(out)


def test_json_of_the_dict_has_converted_values() -> None:
    """The encoder, in C or Python, asks for items."""
    expected = json.dumps(CONVERTED)

    assert expected == json.dumps(_values())
    assert json.loads(expected) == json.loads(json.dumps(_values(), indent=1, sort_keys=True))


def test_keys_are_there_from_the_start_and_cost_nothing() -> None:
    """Looking at keys converts no value."""
    shape = _Doubling()
    values = _values(shape)

    assert ["a", "l", "n", "s"] == list(values) == list(values.keys())
    assert ["s", "n", "l", "a"] == list(reversed(values))
    assert 4 == len(values)
    assert "a" in values
    assert "zzz" not in values
    assert [] == shape.converted


def test_a_value_is_converted_once() -> None:
    """The second reading gives the first one's result."""
    shape = _Doubling()
    values = _values(shape)

    assert values["a"] is values["a"] is values.get("a")
    assert CONVERTED == values.copy()
    assert sorted(["a", "l", "n"]) == sorted(shape.converted)


@pytest.mark.parametrize(
    "assign",
    [
        lambda values, new: operator.setitem(values, "a", new),
        lambda values, new: values.update({"a": new}),
        lambda values, new: values.update(a=new),
        lambda values, new: values.update([("a", new)]),
        lambda values, new: operator.ior(values, {"a": new}),
        lambda values, new: (values.pop("a"), values.setdefault("a", new)),
        lambda values, new: (values.clear(), operator.setitem(values, "a", new)),
        lambda values, new: (operator.delitem(values, "a"), operator.setitem(values, "a", new)),
    ],
)
def test_what_is_assigned_is_not_converted(assign: Callable[[Any, Any], Any]) -> None:
    """As in the SDK, a dict that a user assigns stays that dict."""
    values, new = _values(), {"plain": [1]}

    assign(values, new)

    assert values["a"] is new
    assert new == dict(values)["a"]


def test_a_missing_key_is_a_key_error() -> None:
    """Absence is what it is for a dict."""
    values = _values()

    assert values.get("zzz") is None
    assert 1 == values.get("zzz", 1)
    assert 2 == values.pop("zzz", 2)
    with pytest.raises(KeyError, match=r"^'zzz'$"):
        values["zzz"]
    with pytest.raises(KeyError, match=r"^'zzz'$"):
        values.pop("zzz")


def test_equality_is_of_converted_values_on_both_sides() -> None:
    """Two lazy dicts, and a lazy and a plain one, compare by what they would give."""
    assert CONVERTED == _values()
    assert _values() == CONVERTED
    assert _values() == _values()
    assert (_values() != CONVERTED) is False
    assert _values() != {**CONVERTED, "n": 4}
    assert {**CONVERTED, "n": 4} != _values()


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Let threads be interrupted as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def _at_once(*works: Callable[[], Any]) -> list[Any]:
    barrier, results = threading.Barrier(len(works)), [None] * len(works)

    def run(index: int) -> None:
        barrier.wait()
        results[index] = works[index]()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.usefixtures("hasty_threads")
def test_threads_that_read_at_once_get_the_same_object() -> None:
    """A child that two handlers read is one object: what one assigns, the other sees."""
    for _ in range(50):
        obj = _resources.build(charge())
        readings = [partial(getattr, obj, "payment_method_details")] * 6

        assert 1 == len({id(child) for child in _at_once(*readings)})


@pytest.mark.usefixtures("hasty_threads")
def test_an_assignment_is_not_undone_by_a_reading_at_the_same_time() -> None:
    """Whichever comes first, the assigned value stays."""
    for _ in range(300):
        obj, new = _resources.build({"metadata": {"a": "b"}}), {"mine": "1"}

        _at_once(partial(setattr, obj, "metadata", new), *_readings(obj))

        assert obj.metadata is new


@pytest.mark.usefixtures("hasty_threads")
@pytest.mark.parametrize(
    "remove",
    [
        lambda values: operator.delitem(values, "a"),
        lambda values: values.clear(),
        lambda values: values.pop("a"),
    ],
)
def test_a_deletion_is_not_undone_by_a_reading_at_the_same_time(
    remove: Callable[[Any], Any],
) -> None:
    """A deleted value does not come back when its conversion ends."""
    for _ in range(300):
        values = _values()

        _at_once(partial(remove, values), *[partial(values.get, "a")] * 4)

        assert "a" not in values


def _readings(obj: Any) -> list[Callable[[], Any]]:
    return [partial(getattr, obj, "metadata", None)] * 4


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda values: operator.delitem(values, "a"), None),
        (lambda values: values.clear(), None),
        (lambda values: values.pop("l"), ("dict", "r")),
        (lambda values: operator.setitem(values, "a", "new"), "new"),
        (lambda values: values.update(a={}), {}),
    ],
)
def test_a_change_during_a_conversion_stands(change: Callable[[Any], Any], expected: Any) -> None:
    """What another thread does while a value is being converted is not undone."""

    class Interrupted(_Doubling):
        def convert(self, key: str, value: Any, requestor: Any) -> Any:
            converted = super().convert(key, value, requestor)
            if key == "a" and self.converted == ["a"]:
                change(values)
            return converted

    values = _values(Interrupted())

    assert expected == values.get("a")
    assert expected == values.get("a")


@needs_lazy_values
def test_the_self_test_recognises_the_installed_stripe() -> None:
    """Stripe 15 and newer are known: if a release is not, everything still works, slower."""
    assert recognised_conversion() is not None
    assert LazyValues is type(_resources.build(charge())._data)


@needs_lazy_values
def test_lines_that_nobody_reads_are_not_converted() -> None:
    """Reading one line of an invoice converts what is inside that line only."""
    lines = _resources.build(invoice()).lines.data

    assert {"price": "price_1", "product": "prod_1"} == lines[3].pricing.price_details.to_dict()
    assert [3] == [number for number, line in enumerate(lines) if line._data.done]


@pytest.mark.skipif(not OBJECTS_ARE_DICTS, reason="only before stripe 15")
def test_the_self_test_refuses_objects_that_are_dicts() -> None:
    """Before stripe 15 objects are built by the public constructor."""
    assert recognised_conversion() is None


def _consult_a_new_name(original: Any) -> Any:
    def refresh(self: Any, **options: Any) -> None:
        original(self, **options)
        with contextlib.suppress(AttributeError):
            self._rules_of_a_later_release.apply()

    return refresh


def _add_an_attribute(original: Any) -> Any:
    def make(self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        vars(self)["_tags"] = ()

    return make


def _replace(key: str, value: Any) -> Callable[[Any], Any]:
    def change(original: Any) -> Any:
        def refresh(self: Any, **options: Any) -> None:
            original(self, **options)
            if key in self._data:
                self._data[key] = value

        return refresh

    return change


@needs_lazy_values
@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("_refresh_from", _consult_a_new_name),
        ("_refresh_from", _replace("url", None)),
        ("_refresh_from", _replace("exact", 1.5)),
        ("__init__", _add_an_attribute),
        ("_get_inner_class_type", lambda original: lambda self, name, extra: original(self, name)),
    ],
)
def test_the_self_test_refuses_changed_internals(
    method: str, change: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a later stripe might do leads to the public constructor, not to wrong objects."""
    monkeypatch.setattr(stripe.StripeObject, method, change(getattr(stripe.StripeObject, method)))

    assert recognised_conversion() is None


@needs_lazy_values
def test_a_class_that_is_made_in_its_own_way_is_left_to_the_sdk() -> None:
    """Errors fill in what the API leaves out: lazily built, they would lack it."""
    conversion = recognised_conversion()
    assert conversion is not None
    expected = stripe.ErrorObject.construct_from({"code": "card_declined"}, None)

    assert expected == conversion.build_as(stripe.ErrorObject, {"code": "card_declined"})
    assert expected.decline_code is None


@needs_lazy_values
def test_the_self_test_refuses_a_missing_internal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is gone is no reason to fail."""
    monkeypatch.delattr(stripe.StripeObject, "_coerce_field_value")

    assert recognised_conversion() is None


def test_without_recognition_the_public_constructor_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of stripe 12 to 14 gives equal objects on every release."""
    before = _resources.build(charge()), _resources.build_previous(charge(), {"amount": 1})
    monkeypatch.setattr(_resources, "_chosen", _resources._PublicConstructor())

    assert before[0] == _resources.build(charge())
    assert before[1] == _resources.build_previous(charge(), {"amount": 1})


def test_the_choice_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that look at their first object at once share one choice."""
    monkeypatch.setattr(_resources, "_chosen", None)

    chosen = _at_once(*[_resources._builder] * 4)

    assert 1 == len({id(builder) for builder in chosen})
