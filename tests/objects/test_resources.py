"""What ``build`` gives cannot be told from what the SDK builds from the same bytes."""

from __future__ import annotations

import copy
import json
import pickle
import re
import subprocess
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
import stripe
from hypothesis import assume, given
from hypothesis import strategies as st

from stripe_events import _resources
from tests.objects.payloads import RESOURCES, charge, invoice, subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    Build = Callable[[dict[str, Any]], Any]

pytestmark = pytest.mark.filterwarnings(
    # The SDK's own hints at its future; what is asked here must be the same until then.
    "ignore::DeprecationWarning"
)


def _assign(obj: Any) -> Any:
    obj.metadata = {"a": {"b": 1}}
    obj.new = "x"
    return obj.to_dict(), type(obj.metadata), sorted(obj._unsaved_values), obj.serialize(None)


def _delete(obj: Any) -> Any:
    del obj.metadata
    return obj.to_dict(), hasattr(obj, "metadata"), obj.metadata


def _update(obj: Any) -> Any:
    obj.update({"added": {"b": [1]}, "id": "new"})
    return obj.to_dict(), type(obj.added), sorted(obj._unsaved_values)


def _refresh(obj: Any, *, partial: bool) -> Any:
    obj.refresh_from({"id": "new", "nested": {"object": "charge"}}, partial=partial)
    return obj.to_dict(), type(obj.nested), sorted(obj._transient_values), obj.serialize(None)


def _options(obj: Any) -> Any:
    return obj.api_key, obj.stripe_account, obj.stripe_version, obj.last_response


def _change_key(obj: Any) -> Any:
    before = obj.api_key
    obj.api_key = "sk_test_other"
    return before, obj.api_key, obj.to_dict()


def _present(obj: Any) -> Any:
    names = ("id", "object", "items", "get", "keys", "values", "metadata", "api_key", "zzz")
    return [(name in obj, hasattr(obj, name)) for name in names]


def _tree(value: Any) -> Any:
    if isinstance(value, stripe.StripeObject):
        keys: Any = getattr(value, "_data", value).keys()
        state = sorted(vars(value)), value._unsaved_values, value._retrieve_params, value._previous
        return type(value), {key: _tree(_item(value, key)) for key in keys}, state
    if isinstance(value, dict):
        return dict, {key: _tree(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return list, [_tree(inner) for inner in value]
    return type(value), value


def _item(obj: Any, key: str) -> Any:
    return obj._data[key] if hasattr(obj, "_data") else dict.__getitem__(obj, key)


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "class": type,
    "every value, one by one": _tree,
    "to_dict": lambda obj: obj.to_dict(),
    "to_dict, not recursive": lambda obj: obj.to_dict(recursive=False),
    "to_dict for JSON": lambda obj: obj.to_dict(for_json=True),
    "to_dict_recursive": lambda obj: obj.to_dict_recursive(),
    "str": str,
    "repr": repr,
    "iteration": list,
    "dict": dict,
    "len": len,
    "reversed": lambda obj: list(reversed(obj)),
    "bool": bool,
    "in and hasattr": _present,
    "hash": hash,
    "a method of dicts": lambda obj: obj.get("id"),
    "items": lambda obj: list(obj.items()) if callable(obj.items) else obj.items,
    "a missing attribute": lambda obj: obj.not_there,
    "a missing key": lambda obj: obj["not_there"],
    "an attribute that moved": lambda obj: obj["payment_intent"],
    "a private attribute": lambda obj: obj._not_there,
    "pickle": lambda obj: pickle.loads(pickle.dumps(obj)),
    "tree of the pickle": lambda obj: type(pickle.loads(pickle.dumps(obj))),
    "copy": lambda obj: (type(copy.copy(obj)), copy.copy(obj)),
    "deepcopy": lambda obj: (type(copy.deepcopy(obj)), copy.deepcopy(obj)),
    "serialize": lambda obj: obj.serialize(None),
    "assignment": _assign,
    "assignment of an empty text": lambda obj: setattr(obj, "description", ""),
    "deletion": _delete,
    "update": _update,
    "refresh": lambda obj: _refresh(obj, partial=False),
    "partial refresh": lambda obj: _refresh(obj, partial=True),
    "options": _options,
    "another key": _change_key,
}


def _answer(question: Callable[[Any], Any], obj: Any) -> Any:
    try:
        answer = question(obj)
    except Exception as error:  # noqa: BLE001 - an error is an answer, too
        return type(error), _without_addresses(str(error))
    return _without_addresses(answer) if isinstance(answer, str) else answer


def _without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", text)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("resource", RESOURCES)
def test_it_answers_like_the_object_the_sdk_builds(
    resource: str, question: str, sdk_build: Build
) -> None:
    """Every question has the same answer, errors and their messages included."""
    ask = QUESTIONS[question]
    expected = _answer(ask, sdk_build(RESOURCES[resource]()))

    assert expected == _answer(ask, _resources.build(RESOURCES[resource]()))


@pytest.mark.parametrize("resource", RESOURCES)
def test_it_equals_the_object_of_the_sdk_from_both_sides(resource: str, sdk_build: Build) -> None:
    """Whichever side is asked, ``==`` and ``!=`` agree."""
    raw = RESOURCES[resource]()

    assert sdk_build(raw) == _resources.build(raw)
    assert _resources.build(raw) == sdk_build(raw)
    assert _resources.build(raw) == _resources.build(raw)
    assert (_resources.build(raw) != sdk_build(raw)) is False


@pytest.mark.parametrize("resource", RESOURCES)
def test_one_different_value_makes_it_unequal(resource: str, sdk_build: Build) -> None:
    """A difference anywhere is seen, from both sides."""
    other = {**RESOURCES[resource](), "differs": [{"here": 1}]}

    assert sdk_build(RESOURCES[resource]()) != _resources.build(other)
    assert _resources.build(other) != sdk_build(RESOURCES[resource]())


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("resource", RESOURCES)
def test_the_payload_stays_as_it_came(resource: str, question: str) -> None:
    """Nothing that is asked of an object or done to it changes what it was built from."""
    raw = RESOURCES[resource]()

    _answer(QUESTIONS[question], _resources.build(raw))

    assert RESOURCES[resource]() == raw


def test_changes_deep_inside_do_not_reach_the_payload() -> None:
    """Objects and lists at every level are new ones."""
    raw = charge()
    obj = _resources.build(raw)

    obj.billing_details.address.city = "Berlin"
    obj.refunds.data.append("more")
    obj.refunds.data[0].metadata["a"] = "b"
    del obj.payment_method_details.card["last4"]

    assert charge() == raw


def test_values_read_once_stay_the_same_objects() -> None:
    """A child is converted once: what is done to it is seen at the next reading."""
    obj = _resources.build(charge())

    obj.billing_details.email = "new@example.com"

    assert obj.billing_details is obj["billing_details"]
    assert "new@example.com" == obj.to_dict()["billing_details"]["email"]
    assert obj.refunds.data is obj.refunds.data


def test_lists_are_iterated_by_their_objects() -> None:
    """A list object gives its data, and has its length."""
    lines = _resources.build(invoice(3)).lines

    assert ["il_0", "il_1", "il_2"] == [line.id for line in lines]
    assert 3 == len(lines)
    assert list is type(lines.data)


def test_items_of_a_subscription_are_the_field_where_the_sdk_has_it_so(sdk_build: Build) -> None:
    """The field ``items`` is what it is in the SDK, which changed with stripe 15."""
    expected = sdk_build(subscription())
    actual = _resources.build(subscription())

    assert callable(expected.items) == callable(actual.items)
    assert expected["items"].data[0].price == actual["items"].data[0].price


def test_it_makes_requests_with_the_global_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object speaks to Stripe with ``stripe.api_key``, as it was when it was built."""
    monkeypatch.setattr(stripe, "api_key", "sk_test_global")
    obj = _resources.build(charge())
    monkeypatch.setattr(stripe, "api_key", None)

    assert "sk_test_global" == obj.api_key
    assert "sk_test_global" == obj.billing_details.api_key


def test_children_keep_the_options_of_the_whole_event(sdk_build: Build) -> None:
    """A new key on an object is not passed on to its children, read before or after."""
    answers: list[Any] = []
    for build in (sdk_build, _resources.build):
        obj = build(charge())
        obj.api_key = "sk_test_other"
        answers.append(obj.billing_details.api_key)

    assert answers[0] == answers[1]


def test_loading_the_module_does_not_import_stripe() -> None:
    """Only the first look at an object, or ``preload``, imports ``stripe``."""
    program = (
        "import sys; from stripe_events import _resources as r; a = 'stripe' in sys.modules; "
        "r.preload(); print(a, 'stripe' in sys.modules)"
    )

    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )

    assert "False True" == out.stdout.strip()


_KEYS = st.sampled_from(
    [
        *("id", "object", "data", "items", "get", "metadata", "url", "", "_private", "api_key"),
        *("next_page_url", "lines", "plan", "price", "refunds", "payment_method_details"),
        *("restrictions", "currency_options", "amount_decimal", "unit_amount_decimal"),
    ]
)
_NAMES = st.sampled_from(
    [
        *("list", "charge", "invoice", "line_item", "subscription", "plan", "price", "error"),
        *("promotion_code", "search_result", "v2.core.event", "v2.core.account", "unheard_of"),
    ]
)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_TREES = st.recursive(
    _SCALARS | _NAMES | st.sampled_from(["12", "12.50"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_KEYS, inner, max_size=6)
        | st.builds(
            lambda name, rest: {**rest, "object": name},
            _NAMES,
            st.dictionaries(_KEYS, inner, max_size=6),
        )
    ),
    max_leaves=30,
)


_OBJECTS = st.dictionaries(_KEYS, _TREES, max_size=8)


def _sdk_can_build(tree: dict[str, Any], sdk_build: Build) -> bool:
    # It fails at once where a field it knows has another type than it expects;
    # here such a field fails when it is read, and the others can be read.
    try:
        sdk_build(tree)
    except Exception:  # noqa: BLE001 - AttributeError, ValueError, decimal.InvalidOperation ...
        return False
    return True


@given(tree=_OBJECTS)
def test_any_json_object_becomes_what_the_sdk_makes_of_it(
    tree: dict[str, Any], sdk_build: Build
) -> None:
    """Whatever the SDK can build from, ``build`` gives the same of, value by value."""
    assume(_sdk_can_build(tree, sdk_build))
    original = copy.deepcopy(tree)

    assert _tree(sdk_build(tree)) == _tree(_resources.build(tree))
    assert original == tree


@pytest.mark.parametrize("question", ["to_dict", "str", "pickle", "deepcopy", "iteration", "items"])
@given(tree=_OBJECTS)
def test_any_json_object_answers_as_the_sdk_does(
    question: str, tree: dict[str, Any], sdk_build: Build
) -> None:
    """The ways out of an object agree: plain dict, JSON text, pickle, copy."""
    assume(_sdk_can_build(tree, sdk_build))
    ask = QUESTIONS[question]

    assert _answer(ask, sdk_build(tree)) == _answer(ask, _resources.build(tree))


def test_it_is_built_from_any_mapping(sdk_build: Build) -> None:
    """A payload need not be a plain dict at its top."""
    assert sdk_build(charge()) == _resources.build(types.MappingProxyType(charge()))


def test_made_up_charge_has_the_size_of_real_ones() -> None:
    """The sample is no toy: conversions are exercised at real breadth."""
    assert 2_000 < len(json.dumps(charge()))
    assert 100 == len(invoice()["lines"]["data"])
