"""Nothing but the end of a transaction() block commits or rolls back what it writes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.errors import UsageError
from stripe_events.storage import SQLiteStore
from tests.stores.sqlite_files import SUCCEEDED, claim, query, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file with a table of the application's."""
    query(tmp_path / "a.db", "CREATE TABLE effects (text TEXT UNIQUE)")
    return tmp_path / "a.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    """Give a store on it."""
    with closing(SQLiteStore(path, synchronous="NORMAL", busy_timeout=0.1)) as store:
        yield store


def _enter(connection: sqlite3.Connection) -> None:
    with connection:
        raise AssertionError


ENDINGS: dict[str, Callable[[sqlite3.Connection], Any]] = {
    "commit()": lambda connection: connection.commit(),
    "rollback()": lambda connection: connection.rollback(),
    "close()": lambda connection: connection.close(),
    "executescript()": lambda connection: connection.executescript("SELECT 1"),
    "cursor.executescript()": lambda connection: connection.cursor().executescript("SELECT 1"),
    "with connection": _enter,
    "set_authorizer()": lambda connection: connection.set_authorizer(None),
    "BEGIN": lambda connection: connection.execute("BEGIN"),
    "COMMIT": lambda connection: connection.execute("COMMIT"),
    "END": lambda connection: connection.execute("/* over */ end transaction"),
    "ROLLBACK": lambda connection: connection.cursor().execute("ROLLBACK"),
    "executemany": lambda connection: connection.executemany("COMMIT", [()]),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_would_end_the_transaction_is_refused(
    store: SQLiteStore, path: Path, ending: str
) -> None:
    """The error says why; whoever swallows it has committed nothing, and may go on."""
    with store.transaction(claim(store), lambda: SUCCEEDED) as connection:
        connection.execute("INSERT INTO effects VALUES ('before')")
        with pytest.raises(UsageError, match="committed together when the block ends"):
            ENDINGS[ending](connection)
        assert [] == query(path, "SELECT * FROM effects")
        connection.execute("INSERT INTO effects VALUES ('after')")
    assert [("before",), ("after",)] == query(path, "SELECT * FROM effects")
    assert "done" == state(store)


@pytest.mark.parametrize("attribute", ["isolation_level", "autocommit"])
def test_attributes_that_would_commit_do_not(
    store: SQLiteStore, path: Path, attribute: str
) -> None:
    """The driver commits when they are set; SQLite is told to refuse that."""
    if not hasattr(sqlite3.Connection, attribute):
        pytest.skip("this Python does not have it")
    with store.transaction(claim(store), lambda: SUCCEEDED) as connection:
        connection.execute("INSERT INTO effects VALUES ('before')")
        with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
            setattr(connection, attribute, None if attribute == "isolation_level" else True)
        assert [] == query(path, "SELECT * FROM effects")
    assert [("before",)] == query(path, "SELECT * FROM effects")


@pytest.mark.parametrize(
    "use",
    [
        *(ENDINGS[name] for name in ("commit()", "close()", "with connection", "COMMIT")),
        lambda connection: connection.execute("SELECT 1"),
        lambda connection: connection.executemany("SELECT ?", [(1,)]),
        lambda connection: connection.cursor(),
    ],
)
def test_after_the_block_the_connection_cannot_be_used(store: SQLiteStore, use: Any) -> None:
    """What was written there would belong to no transaction."""
    with store.transaction(claim(store), lambda: SUCCEEDED) as connection:
        cursor = connection.cursor()
    with pytest.raises(UsageError, match="block of this connection is over"):
        use(connection)
    with pytest.raises(UsageError, match="block of this connection is over"):
        cursor.execute("SELECT 1")


def test_savepoints_are_the_blocks_own(store: SQLiteStore, path: Path) -> None:
    """Part of a block can be taken back."""
    with store.transaction(claim(store), lambda: SUCCEEDED) as connection:
        connection.execute("INSERT INTO effects VALUES ('kept')")
        connection.execute("SAVEPOINT a")
        connection.execute("INSERT INTO effects VALUES ('taken back')")
        connection.execute("ROLLBACK TO a")
        connection.execute("RELEASE a")
    assert [("kept",)] == query(path, "SELECT * FROM effects")


def test_a_savepoint_that_is_left_open_is_committed(store: SQLiteStore, path: Path) -> None:
    """The commit is of the whole transaction."""
    with store.transaction(claim(store), lambda: SUCCEEDED) as connection:
        connection.execute("SAVEPOINT a")
        connection.execute("INSERT INTO effects VALUES ('kept')")
    assert [("kept",)] == query(path, "SELECT * FROM effects")


def test_a_statement_that_rolls_everything_back_ends_the_block(
    store: SQLiteStore, path: Path
) -> None:
    """What followed would be committed alone, without the completion."""
    block = store.transaction(claim(store), lambda: SUCCEEDED)
    connection = block.__enter__()
    connection.execute("INSERT INTO effects VALUES ('a')")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT OR ROLLBACK INTO effects VALUES ('a')")
    with pytest.raises(UsageError, match="rolled back the whole transaction"):
        connection.execute("INSERT INTO effects VALUES ('b')")
    with pytest.raises(UsageError, match="rolled back the whole transaction"):
        block.__exit__(None, None, None)
    assert [] == query(path, "SELECT * FROM effects")
    assert "claimed" == state(store)


def test_rows_may_be_left_unread(store: SQLiteStore, path: Path) -> None:
    """A cursor with rows to give keeps neither the lock nor the connection."""
    query(path, "INSERT INTO effects VALUES ('a'), ('b')")
    with store.transaction(claim(store), lambda: SUCCEEDED) as connection:
        cursor = connection.execute("SELECT * FROM effects")
        cursor.fetchone()
    query(path, "DELETE FROM effects")
    block = store.transaction(claim(store, "evt_2"), lambda: SUCCEEDED)
    connection = block.__enter__()
    connection.execute("INSERT INTO effects VALUES ('c'), ('d')")
    cursor = connection.execute("SELECT * FROM effects")
    cursor.fetchone()
    assert not block.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    query(path, "DELETE FROM effects")


def test_the_connection_may_be_made_comfortable(store: SQLiteStore, path: Path) -> None:
    """Factories of rows and texts, and functions, do not disturb the store's own reading."""
    with store.transaction(claim(store), lambda: SUCCEEDED) as connection:
        connection.row_factory = sqlite3.Row
        connection.text_factory = bytes
        connection.create_function("twice", 1, lambda text: text * 2)
        row = connection.execute("SELECT twice('a') AS text").fetchone()
        assert b"aa" == row["text"]
    assert "done" == state(store)
