"""
How a case is written: a method that is given a store.

A case takes the test's place: runners find a ``test_`` method without arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from unittest import SkipTest

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.testing._contract.driven import Driven
    from stripe_events.testing._contract.hooks import Contract

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
