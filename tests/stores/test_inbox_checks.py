"""What an inbox acknowledges must not be lost by a setting that nobody has accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events import ConfigurationError
from stripe_events.storage import CheckedStore, MemoryStore, SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path


def test_full_serves_an_inbox(tmp_path: Path) -> None:
    """The default keeps what it acknowledges; the check opens no file."""
    store: CheckedStore = SQLiteStore(tmp_path / "ledger.db")
    store.check_inbox()
    assert [] == list(tmp_path.iterdir())


def test_normal_is_refused_for_an_inbox(tmp_path: Path) -> None:
    """It loses the last moments at a power loss: the message names both ways out."""
    store = SQLiteStore(tmp_path / "ledger.db", synchronous="NORMAL")
    with pytest.raises(ConfigurationError) as refused:
        store.check_inbox()
    assert 'synchronous="FULL"' in str(refused.value)
    assert 'accept_loss=("synchronous",)' in str(refused.value)


def test_a_loss_that_was_accepted_is_no_reason(tmp_path: Path) -> None:
    """Whoever names the loss gets NORMAL with an inbox."""
    path = tmp_path / "ledger.db"
    SQLiteStore(path, synchronous="NORMAL", accept_loss=("synchronous",)).check_inbox()


def test_a_loss_of_another_name_means_nothing(tmp_path: Path) -> None:
    """A typo is no consent."""
    with pytest.raises(ConfigurationError, match="accept_loss takes synchronous, not synchronos"):
        SQLiteStore(tmp_path / "ledger.db", accept_loss=("synchronos",))  # type: ignore[arg-type]


def test_a_store_in_memory_has_nothing_to_refuse() -> None:
    """It is for tests, and says so itself."""
    assert not hasattr(MemoryStore(), "check_inbox")
