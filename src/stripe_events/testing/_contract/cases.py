"""
How a case is written: a method that is given a store, and words for what must hold.

A case takes the test's place: runners find a ``test_`` method without arguments. What it
raises says in words which promise is broken, for nothing rewrites assertions here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from unittest import SkipTest

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.testing._contract.driven import Driven
    from stripe_events.testing._contract.hooks import Contract

T = TypeVar("T")
ContractT = TypeVar("ContractT", bound="Contract")


def case(body: Callable[[ContractT, Driven], None]) -> Callable[[ContractT], None]:
    """Make a test of a method that takes a fresh store; its docstring is the promise."""

    def test(self: ContractT) -> None:
        with self.opened() as store:
            try:
                body(self, store)
            except SkipTest:
                raise
            except Exception as error:
                why = str(error) if isinstance(error, AssertionError) else repr(error)
                raise AssertionError(f"{body.__doc__}\nThis does not hold: {why}") from error

    # Not by functools.wraps: pytest would follow it and look for a fixture `store`.
    test.__name__, test.__qualname__ = body.__name__, body.__qualname__
    test.__doc__, test.__module__ = body.__doc__, body.__module__
    return test


def check(expected: object, actual: object, what: str) -> None:
    """
    Insist that two values are equal.

    Raises:
        AssertionError: they differ.
    """
    if expected != actual:
        raise AssertionError(_told(what, repr(expected), repr(actual)))


def check_that(holds: bool, what: str, actual: object) -> None:  # noqa: FBT001 - it is the subject
    """
    Insist on what is no equality.

    Raises:
        AssertionError: it does not hold.
    """
    if not holds:
        raise AssertionError(f"{what}\n  actual:   {actual!r}")


def check_type(expected: type[T], actual: object, what: str) -> T:
    """
    Insist on the type of a result, and give it.

    Raises:
        AssertionError: it is of another type.
    """
    if not isinstance(actual, expected):
        raise AssertionError(_told(what, expected.__name__, repr(actual)))  # noqa: TRY004
    return actual


def check_raises(expected: type[Exception], what: str, call: Callable[[], Any]) -> Exception:
    """
    Insist that a call raises, and give the error.

    Raises:
        AssertionError: it gave something, or raised another error.
    """
    try:
        given = call()
    except expected as error:
        return error
    except Exception as error:
        raise AssertionError(_told(what, f"{expected.__name__} raised", repr(error))) from error
    raise AssertionError(_told(what, f"{expected.__name__} raised", repr(given)))


def _told(what: str, expected: str, actual: str) -> str:
    return f"{what}\n  expected: {expected}\n  actual:   {actual}"
