"""The tree of errors: its shape, and errors that carry more than a message."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import TYPE_CHECKING

import pytest

from stripe_events import errors
from stripe_events.errors import (
    AsyncStoreError,
    DuplicateHandler,
    ExpiredSignature,
    HandlerError,
    MalformedPayload,
    Permanent,
    RetryLater,
    SignatureError,
    StripeEventsError,
    UnknownEventType,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def all_errors() -> list[type[Exception]]:
    """Give every error class of the module."""
    return [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if is_ours(cls)]


def is_ours(cls: type) -> bool:
    """Tell whether the module defines this class."""
    return cls.__module__ == errors.__name__


def failures() -> HandlerError:
    """Give the error of a delivery in which three handlers failed."""
    failed = [ValueError("a"), KeyError("b"), Permanent("c")]
    return HandlerError("3 failed", failed, ["one", "two", "three"])


def test_every_error_has_the_one_base() -> None:
    """One ``except StripeEventsError`` catches all that the library defines."""
    assert [] == [cls for cls in all_errors() if not issubclass(cls, StripeEventsError)]


def test_every_error_is_public_where_it_is_defined() -> None:
    """Whoever can be raised can be named."""
    assert sorted(errors.__all__) == [cls.__name__ for cls in all_errors()]


@pytest.mark.parametrize(
    ("ours", "builtin"),
    [
        (UnknownEventType, LookupError),
        (DuplicateHandler, ValueError),
        (AsyncStoreError, TypeError),
        (HandlerError, ExceptionGroup),
    ],
)
def test_some_errors_are_also_builtin_ones(ours: type, builtin: type) -> None:
    """Code that knows nothing of the library can catch them."""
    assert issubclass(ours, builtin)


def test_a_lookup_error_prints_as_written() -> None:
    """An UnknownEventType shows its message, not the repr that a KeyError shows."""
    assert "no such type" == str(UnknownEventType("no such type"))


@pytest.mark.parametrize("duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_signature_error_keeps_its_diagnosis(
    duplicate: Callable[[SignatureError], SignatureError],
) -> None:
    """Queues and pools of processes hand errors on by pickle."""
    error = duplicate(ExpiredSignature("too old", diagnosis="too_old"))
    assert (ExpiredSignature, "too old", "too_old") == (type(error), str(error), error.diagnosis)


def test_a_handler_error_names_the_failed_handlers_in_order() -> None:
    """``handlers`` and ``exceptions`` go together, index by index."""
    error = failures()
    assert [("one", ValueError), ("two", KeyError), ("three", Permanent)] == [
        (name, type(each)) for name, each in zip(error.handlers, error.exceptions, strict=True)
    ]


def test_a_handler_error_splits_with_its_names() -> None:
    """Each part knows which handlers it is about."""
    matching, rest = failures().split(ValueError)
    assert isinstance(matching, HandlerError)
    assert isinstance(rest, HandlerError)
    assert (("one",), ("two", "three")) == (matching.handlers, rest.handlers)


def test_a_handler_error_can_be_caught_by_parts() -> None:
    """``except*`` sees the failures of one kind, and the rest passes on."""
    caught: list[HandlerError] = []

    def fail() -> None:
        try:
            raise failures()
        except* KeyError as group:
            caught.append(group)

    with pytest.raises(HandlerError) as passed:
        fail()
    assert (("two",), ("one", "three")) == (caught[0].handlers, passed.value.handlers)


@pytest.mark.parametrize("duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_handler_error_keeps_failures_and_names(
    duplicate: Callable[[HandlerError], HandlerError],
) -> None:
    """A copy says the same as the original."""
    error = duplicate(failures())
    assert ("one", "two", "three") == error.handlers
    assert [ValueError, KeyError, Permanent] == [type(each) for each in error.exceptions]
    assert failures().message == error.message


def test_a_handler_error_needs_no_names() -> None:
    """Whoever raises one by hand may leave them out."""
    assert () == HandlerError("failed", [ValueError()]).handlers


@pytest.mark.parametrize("after", [-1, -0.001, float("inf"), float("nan")])
def test_retry_later_refuses_what_is_no_waiting_time(after: float) -> None:
    """A worker could not obey it."""
    with pytest.raises(ValueError, match="seconds from 0 up"):
        RetryLater(after)


def test_retry_later_says_how_long() -> None:
    """Without a reason the message is the time."""
    assert ["retry after 2.5 s", "bank closed"] == [
        str(RetryLater(2.5)),
        str(RetryLater(60, "bank closed")),
    ]


def test_retry_later_survives_pickling() -> None:
    """Its arguments, not its message, are what is kept."""
    error = pickle.loads(pickle.dumps(RetryLater(7, "bank closed")))
    assert (7, "bank closed", "bank closed") == (error.after, error.reason, str(error))


def test_faults_are_told_apart_by_class() -> None:
    """The sender's, the programmer's, ours and a handler's wish never mix."""
    bases = (
        errors.DeliveryError,
        errors.UsageError,
        errors.ProcessingError,
        errors.HandlerDirective,
    )
    mixed = [cls for cls in all_errors() if sum(issubclass(cls, base) for base in bases) > 1]
    assert [] == mixed
    assert [True, False] == [issubclass(MalformedPayload, base) for base in (bases[0], UsageError)]
