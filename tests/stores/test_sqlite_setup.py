"""How the file of an SQLite ledger is found, made and brought up to date."""

from __future__ import annotations

import os
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage import SQLiteStore
from stripe_events.storage._sqlite._schema import STEPS, Identity, prepare
from tests.stores.sqlite_files import SUCCEEDED, claim, end_of, in_child, query, state


@pytest.mark.parametrize("path", [":memory:", "", Path(":memory:")])
def test_a_database_in_memory_is_refused(path: str | Path) -> None:
    """Each connection would have its own, so another store is named."""
    with pytest.raises(ConfigurationError, match="MemoryStore"):
        SQLiteStore(path)


@pytest.mark.parametrize("synchronous", ["OFF", "full", "EXTRA; DROP TABLE x"])
def test_a_weaker_synchronous_is_refused(synchronous: str) -> None:
    """Only the two settings whose promises are written down can be chosen."""
    with pytest.raises(ConfigurationError, match="synchronous"):
        SQLiteStore("a.db", synchronous=synchronous)  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_a_busy_timeout_is_a_number_of_seconds(seconds: float) -> None:
    """A wait is not negative, and ends."""
    with pytest.raises(ConfigurationError, match="busy_timeout"):
        SQLiteStore("a.db", busy_timeout=seconds)


def test_nothing_is_made_before_the_first_use(tmp_path: Path) -> None:
    """A store can be made where the file must not be yet."""
    with closing(SQLiteStore(tmp_path / "a.db")) as store:
        assert [] == list(tmp_path.iterdir())
        claim(store)
        assert (tmp_path / "a.db").exists()


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    """The error names the file, and says that the directory must exist."""
    path = tmp_path / "absent" / "a.db"
    with pytest.raises(StoreError, match=r"absent/a\.db: .*directory must exist"):
        claim(SQLiteStore(path))


def test_a_relative_path_is_that_of_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that goes elsewhere keeps its ledger."""
    monkeypatch.chdir(tmp_path)
    with closing(SQLiteStore("a.db")) as store:
        monkeypatch.chdir("/")
        claim(store)
    assert (tmp_path / "a.db").exists()


@pytest.mark.parametrize(("name", "number"), [("FULL", 2), ("NORMAL", 1)])
def test_each_connection_is_set_up_as_promised(tmp_path: Path, name: str, number: int) -> None:
    """Write-ahead log and ``synchronous`` are read back from SQLite itself."""
    with closing(SQLiteStore(tmp_path / "a.db", synchronous=name)) as store:  # type: ignore[arg-type]
        with store.transaction(claim(store), lambda: SUCCEEDED) as inside:
            found = [inside.execute("PRAGMA synchronous").fetchone()]
        with store._connections.one() as connection:
            found += connection.execute("PRAGMA synchronous").fetchall()
            found += connection.execute("PRAGMA secure_delete").fetchall()
            found += connection.execute("PRAGMA journal_mode").fetchall()
    assert [(number,), (number,), (1,), ("wal",)] == found


def test_the_file_of_an_application_is_joined(tmp_path: Path) -> None:
    """Its tables and its ``user_version`` stay as they are."""
    path = tmp_path / "a.db"
    query(path, "CREATE TABLE accounts (id)")
    query(path, "PRAGMA user_version = 7")
    with closing(SQLiteStore(path)) as store:
        claim(store)
    assert [(7,)] == query(path, "PRAGMA user_version")
    names = [name for (name,) in query(path, "SELECT name FROM sqlite_master WHERE sql <> ''")]
    assert ["accounts"] == [name for name in names if not name.startswith("stripe_events_")]


def test_threads_that_come_first_together_make_one_ledger(tmp_path: Path) -> None:
    """Stores of their own, as processes would have them, agree on it."""
    stores = [SQLiteStore(tmp_path / "a.db") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(claim, stores, [f"evt_{number}" for number in range(8)]))
    for store in stores:
        store.close()
    assert [(8,)] == query(tmp_path / "a.db", "SELECT count(*) FROM stripe_events_events")
    assert [(1,)] == query(tmp_path / "a.db", "SELECT count(*) FROM stripe_events_meta")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_processes_that_come_first_together_make_one_ledger(tmp_path: Path) -> None:
    """All of them record, and the file is made once."""
    go, start = os.pipe()

    def record() -> None:
        os.close(start)
        os.read(go, 1)
        claim(SQLiteStore(tmp_path / "a.db", busy_timeout=30.0), f"evt_{os.getpid()}")

    children = [in_child(record) for _ in range(8)]
    os.close(start)
    assert [0] * 8 == [end_of(pid) for pid in children]
    os.close(go)
    assert [(8,)] == query(tmp_path / "a.db", "SELECT count(*) FROM stripe_events_events")
    assert [(1,)] == query(tmp_path / "a.db", "SELECT count(*) FROM stripe_events_meta")


def test_an_older_ledger_is_migrated(tmp_path: Path) -> None:
    """What it holds is kept, and each step is taken once."""
    path = tmp_path / "a.db"
    with closing(SQLiteStore(path)) as store:
        claim(store)
        before = store._ledger()
    steps = (*STEPS, ("CREATE TABLE stripe_events_next (a)",))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert Identity(before, 2) == prepare(connection, steps)
        assert Identity(before, 2) == prepare(connection, steps)
        assert [] == connection.execute("SELECT * FROM stripe_events_next").fetchall()
    assert [(1,)] == query(path, "SELECT count(*) FROM stripe_events_events")


def test_a_migration_that_fails_leaves_the_older_version(tmp_path: Path) -> None:
    """A step is taken whole, with the version, or not at all."""
    steps = (("CREATE TABLE stripe_events_a (a)", "CREATE TABLE stripe_events_a (a)"),)
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            prepare(connection, steps)
        assert [] == connection.execute("SELECT name FROM sqlite_master").fetchall()


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    """Older code does not write what it cannot understand."""
    path = tmp_path / "a.db"
    with closing(SQLiteStore(path)) as store:
        claim(store)
    query(path, "UPDATE stripe_events_meta SET version = 99")
    with pytest.raises(StoreError, match=r"a\.db: its ledger is of version 99.*update"):
        claim(SQLiteStore(path), "evt_2")


def test_a_closed_store_can_be_used_again(tmp_path: Path) -> None:
    """Closing lets go of the connections, and of the two files beside the ledger."""
    store = SQLiteStore(tmp_path / "a.db")
    claim(store)
    store.close()
    assert ["a.db"] == [path.name for path in tmp_path.iterdir()]
    assert "claimed" == state(store)
    store.close()
