"""What users of the contracts rely on: few needs, any runner, every row of the table."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from stripe_events.storage import MemoryStore
from stripe_events.storage import _protocols as protocols
from stripe_events.storage._table import TRANSITIONS
from stripe_events.testing import (
    EventStoreContract,
    InboxStoreContract,
    LedgerStoreContract,
    StoreContract,
)
from stripe_events.testing._contract import scenes, stepping
from tests.stores import broken_stores
from tests.stores.broken_runs import BrokenContract, cases

if TYPE_CHECKING:
    import pytest


class Only:
    """A store that has the verbs of one protocol and nothing else."""

    def __init__(self, protocol: type) -> None:
        """Take the protocol."""
        self._verbs = {name for name in dir(protocol) if not name.startswith("_")}
        self._store = MemoryStore()

    def __getattr__(self, name: str) -> Any:
        if name not in self._verbs:
            raise AttributeError(name)
        return getattr(self._store, name)


class TestByTheRealClock(StoreContract):
    """A contract that was told only how to make a store skips what it cannot do."""

    def make_store(self) -> MemoryStore:
        """Give an empty store."""
        return MemoryStore()


class TestEventStoreAlone(EventStoreContract):
    """The cases of EventStore use its verbs only."""

    def make_store(self) -> Only:
        """Give an empty store."""
        return Only(protocols.EventStore)


class TestInboxStoreAlone(InboxStoreContract):
    """The cases of InboxStore use its verbs only."""

    def make_store(self) -> Only:
        """Give an empty store."""
        return Only(protocols.InboxStore)


class TestLedgerStoreAlone(LedgerStoreContract):
    """The cases of LedgerStore use its verbs only."""

    def make_store(self) -> Only:
        """Give an empty store."""
        return Only(protocols.LedgerStore)


def test_every_row_of_the_table_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cases of steps go through the whole table, each row once."""
    played: list[Any] = []
    for module in (scenes, stepping):
        monkeypatch.setattr(module, "play", lambda _, row: played.append(row))
    contract = BrokenContract(broken_stores.Store)
    for name in cases(contract):
        if name.startswith("test_steps"):
            getattr(contract, name)()
    assert sorted(TRANSITIONS) == sorted(played)


def test_unittest_runs_a_contract_without_pytest() -> None:
    """Any runner does that collects test methods; nothing of pytest is loaded."""
    program = """
        import sys, unittest
        from stripe_events.storage import MemoryStore
        from stripe_events.testing import StoreContract

        class MemoryStoreTest(StoreContract, unittest.TestCase):
            def make_store(self):
                return MemoryStore()

        result = unittest.main(exit=False).result
        assert result.wasSuccessful() and result.testsRun > 150 and result.skipped, result
        assert not {"pytest", "_pytest"} & set(sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr


def test_signing_loads_no_contract() -> None:
    """Tests that only sign payloads load neither the contracts nor a store."""
    program = """
        import sys
        from stripe_events.testing import sign
        assert not [name for name in sys.modules if "_contract" in name or "storage" in name]
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
