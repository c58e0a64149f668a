"""What SQLite refuses is a StoreError that says what to do, and the next verb may succeed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stripe_events.errors import StoreError
from stripe_events.storage import SQLiteStore
from tests.stores.sqlite_files import SUCCEEDED, arrival, claim, end_of, in_child, query, state

if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDS_FORK = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a place for a file."""
    return tmp_path / "a.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    """Give a store that does not wait."""
    with closing(SQLiteStore(path, synchronous="NORMAL", busy_timeout=0.0)) as store:
        yield store


def test_a_locked_file_is_told_and_recovered_from(store: SQLiteStore, path: Path) -> None:
    """Each writing verb fails while another connection writes, and succeeds afterwards."""
    event = claim(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"it is locked.*busy_timeout") as caught:
            store.finish(event, SUCCEEDED)
        with pytest.raises(StoreError, match="it is locked"):
            store.accept(arrival("evt_2"), 60.0)
        block = store.transaction(event, lambda: SUCCEEDED)
        with pytest.raises(StoreError, match="it is locked"):
            block.__enter__()
        assert "claimed" == state(store)
        other.execute("ROLLBACK")
    assert isinstance(caught.value.__cause__, Exception)
    store.finish(event, SUCCEEDED)
    assert "done" == state(store)


def test_a_file_that_is_locked_at_the_first_use_is_told(store: SQLiteStore, path: Path) -> None:
    """The tables cannot be made then, and are made later."""
    query(path, "CREATE TABLE accounts (id)")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="it is locked"):
            claim(store)
        other.execute("ROLLBACK")
    claim(store)


def test_something_else_than_a_database_is_told(store: SQLiteStore, path: Path) -> None:
    """It is not written over."""
    path.write_bytes(b"a text that is no database" * 100)
    with pytest.raises(StoreError, match="it is no SQLite database"):
        claim(store)
    assert path.read_bytes().startswith(b"a text")


def test_a_damaged_file_is_told(store: SQLiteStore, path: Path) -> None:
    """Its pages are overwritten with rubbish."""
    claim(store)
    store.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(StoreError, match="it is damaged: restore a backup"):
        state(store)


def test_a_directory_is_told(store: SQLiteStore, path: Path) -> None:
    """And what takes its place is used."""
    path.mkdir()
    with pytest.raises(StoreError, match="it cannot be opened"):
        claim(store)
    path.rmdir()
    claim(store)


@NEEDS_FORK
def test_a_file_that_may_not_be_written_is_told() -> None:
    """By a child that is not root, to whom its own folder is closed."""
    folder = Path(tempfile.mkdtemp())
    path = folder / "a.db"
    try:
        with closing(SQLiteStore(path)) as store:
            claim(store)
        path.chmod(0o444)
        folder.chmod(0o555)

        def read_only() -> None:
            if os.getuid() == 0:
                os.setuid(65_534)
            with pytest.raises(StoreError, match=r"must be allowed to write|may not write it"):
                claim(SQLiteStore(path), "evt_2")

        assert 0 == end_of(in_child(read_only))
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@NEEDS_FORK
def test_a_full_disk_is_told_and_recovered_from(store: SQLiteStore) -> None:
    """Files of a child may grow no further for a while: the event is recorded afterwards."""
    claim(store)
    large = arrival("evt_2")._replace(payload=b"x" * 200_000)

    def child() -> None:
        import resource

        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        with pytest.raises(StoreError, match="full"):
            store.accept(large, 60.0)
        assert None is store.get("default", "evt_2")
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        store.accept(large, 60.0)

    assert 0 == end_of(in_child(child))
    assert "claimed" == state(store, "evt_2")


def test_a_connection_that_is_broken_is_not_used_again(store: SQLiteStore) -> None:
    """One verb may fail by it; the next one opens another."""
    claim(store)
    (connection,) = store._connections._idle
    connection.close()
    with pytest.raises(StoreError, match="closed database"):
        state(store)
    assert "claimed" == state(store)


def test_a_text_that_has_no_bytes_is_told(store: SQLiteStore) -> None:
    """JSON can spell half a character; SQLite cannot keep it."""
    with pytest.raises(StoreError, match="no UTF-8 form"):
        store.accept(arrival()._replace(account="\ud800"), 60.0)
    claim(store)


def test_a_file_that_took_the_place_keeps_its_log(store: SQLiteStore, path: Path) -> None:
    """The old one's connections write no more, and do not delete what belongs to the new one."""
    claim(store)
    for name in ("a.db", "a.db-wal", "a.db-shm"):
        path.with_name(name).rename(path.with_name(f"old-{name}"))
    with closing(SQLiteStore(path, synchronous="NORMAL")) as other:
        claim(other, "evt_2")
        store.close()
        assert path.with_name("a.db-wal").exists()
        assert "claimed" == state(store, "evt_2")
        assert None is store.get("default", "evt_1")
