"""What a resource was before: the same class, holding only the old values."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import stripe

from stripe_events._resources import build, build_previous
from tests.objects.payloads import RESOURCES, charge, invoice

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # to_dict, before stripe 15


def test_it_has_the_class_of_the_resource() -> None:
    """A handler that is typed for a charge gets a charge."""
    previous = build_previous(charge(), {"status": "pending"})

    assert isinstance(previous, stripe.Charge)
    assert "Charge" == type(previous).__name__


@pytest.mark.parametrize("resource", RESOURCES)
def test_it_has_the_class_of_every_resource(resource: str) -> None:
    """Known, unknown, without ``object`` or odd: the class is that of ``build``."""
    current = RESOURCES[resource]()

    assert isinstance(build_previous(current, {}), type(build(current)))


def test_it_holds_the_old_values_as_objects_of_the_sdk() -> None:
    """Old values are converted by the rules of the resource's class."""
    old = {"status": "open", "lines": {"object": "list", "data": [{"id": "il_1", "amount": 5}]}}
    previous = build_previous(invoice(), old)

    assert "open" == previous.status
    assert isinstance(previous.lines, stripe.ListObject)
    assert 5 == previous.lines.data[0].amount
    assert old == previous.to_dict()


def test_an_attribute_that_did_not_change_is_refused_with_advice() -> None:
    """The error names the question to ask first."""
    previous = build_previous(charge(), {"amount": 100})

    with pytest.raises(
        AttributeError, match=r"'status' did not change .*event\.changed\('status'\)"
    ):
        _ = previous.status


def test_an_attribute_that_did_not_change_can_be_asked_for() -> None:
    """``hasattr`` and ``getattr`` with a default work as ever."""
    previous = build_previous(charge(), {"amount": None})

    assert hasattr(previous, "amount")
    assert not hasattr(previous, "status")
    assert "unchanged" == getattr(previous, "status", "unchanged")
    assert previous.amount is None


def test_a_private_attribute_is_refused_without_advice() -> None:
    """Protocols that look for private names get the plain error."""
    previous = build_previous(charge(), {"amount": 100})

    with pytest.raises(AttributeError, match=r"^_repr_html_$"):
        _ = previous._repr_html_


def test_children_give_the_errors_of_the_sdk() -> None:
    """Only the first level speaks of ``event.changed``: that is all it can answer."""
    previous = build_previous(charge(), {"metadata": {"a": "b"}})

    with pytest.raises(AttributeError) as caught:
        _ = previous.metadata.other

    assert "changed" not in str(caught.value)


def _pickled(obj: Any) -> Any:
    return pickle.loads(pickle.dumps(obj))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, _pickled])
def test_a_copy_is_one_of_the_same_kind(duplicate: Any) -> None:
    """Copies and pickles are equal, have the class, and give the same advice."""
    previous = build_previous(charge(), {"amount": 100, "description": "", "metadata": {"a": "b"}})
    copied = duplicate(previous)

    assert previous == copied
    assert copied == previous
    assert previous is not copied
    assert type(previous) is type(copied)
    assert {"amount": 100, "description": "", "metadata": {"a": "b"}} == copied.to_dict()
    with pytest.raises(AttributeError, match="did not change"):
        _ = copied.status


def test_a_deep_copy_shares_nothing() -> None:
    """A change in the copy is not seen in the original."""
    previous = build_previous(charge(), {"metadata": {"a": "b"}})

    copy.deepcopy(previous).metadata.a = "c"

    assert "b" == previous.metadata.a


def test_old_values_alone_decide_on_equality() -> None:
    """Equal old values are equal whenever they were built; others are not."""
    first = build_previous(charge(), {"amount": 1, "outcome": {"type": "authorized"}})

    assert first == build_previous(charge(), {"amount": 1, "outcome": {"type": "authorized"}})
    assert first != build_previous(charge(), {"amount": 1, "outcome": {"type": "blocked"}})


def test_nothing_done_to_it_reaches_the_payload() -> None:
    """The old values in the payload stay as they came."""
    old: dict[str, Any] = {"amount": 1, "metadata": {"a": {"b": "c"}}, "rows": [[1]]}
    previous = build_previous(charge(), old)

    previous.metadata.a.b = "d"
    previous.rows[0].append(2)
    previous.amount = 2

    assert {"amount": 1, "metadata": {"a": {"b": "c"}}, "rows": [[1]]} == old


def test_an_old_value_named_object_does_not_choose_the_class() -> None:
    """The class is the current resource's, also if ``object`` itself is among the old values."""
    previous = build_previous(charge(), {"object": "refund"})

    assert isinstance(previous, stripe.Charge)
    assert "refund" == previous.object
