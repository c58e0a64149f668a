"""Run a contract, and tell which cases fail and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from unittest import SkipTest
from unittest.mock import patch

from stripe_events.testing import StoreContract
from stripe_events.testing._contract import watching
from tests.stores.clock import Clock

if TYPE_CHECKING:
    from stripe_events.testing._contract.hooks import Contract
    from tests.stores.broken_stores import Store


class Failures(NamedTuple):
    """The names of cases that a check has ended, and of those that met another error."""

    told: set[str]
    crashed: set[str]


class BrokenContract(StoreContract):
    """All cases for a class of stores in memory."""

    def __init__(self, kind: type[Store]) -> None:
        """Take the class."""
        self.kind = kind

    def make_store(self) -> Store:
        """Give an empty store."""
        self.clock = Clock()
        return self.kind(clock=self.clock)

    def advance(self, store: Store, seconds: float) -> None:
        """Move the clock."""
        self.clock.now += seconds

    def break_database(self, store: Store) -> None:
        """Let it be down."""
        store.down = True

    def repair_database(self, store: Store) -> None:
        """Let it be up again."""
        store.down = False


def cases(contract: Contract) -> list[str]:
    """Give the names of all cases."""
    return [name for name in dir(contract) if name.startswith("test_")]


def failures(contract: Contract) -> Failures:
    """Run all cases, and sort those that fail by how they do."""
    found = Failures(set(), set())
    for name in cases(contract):
        try:
            # These stores wake at once or never.
            with patch.object(watching, "HEARD", 0.1), patch.object(watching, "SECOND", 0.1):
                getattr(contract, name)()
        except SkipTest:
            pass
        except AssertionError as error:
            told = isinstance(error.__cause__, AssertionError)
            (found.told if told else found.crashed).add(name)
    return found
