"""Effects and completion are committed together, and what else SQLite makes of that."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from stripe_events.errors import LostClaim, StoreError, UsageError
from stripe_events.storage import SQLiteStore
from tests.stores.clock import Clock
from tests.stores.sqlite_files import SUCCEEDED, arrival, claim, end_of, in_child, query, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stripe_events.storage import HandlerResult

EFFECTS = "SELECT text FROM effects"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file with a table of the application's."""
    query(tmp_path / "a.db", "CREATE TABLE effects (text TEXT)")
    return tmp_path / "a.db"


@pytest.fixture
def clock() -> Clock:
    """Give a clock that the test moves."""
    return Clock()


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[SQLiteStore]:
    """Give a store on it."""
    with closing(SQLiteStore(path, synchronous="NORMAL", busy_timeout=0.1, clock=clock)) as store:
        yield store


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.IntegrityError("theirs"),
        StopIteration(),
        KeyboardInterrupt(),
        GeneratorExit(),
        asyncio.CancelledError(),
    ],
    ids=repr,
)
def test_what_a_block_raises_passes_and_rolls_back(
    store: SQLiteStore, path: Path, error: BaseException
) -> None:
    """It is the very same exception, also where the store would have one of its own."""
    event = claim(store)

    def handle() -> None:
        with store.transaction(event, lambda: SUCCEEDED) as connection:
            connection.execute("INSERT INTO effects VALUES ('a')")
            raise error

    with pytest.raises(type(error)) as caught:
        handle()
    assert error is caught.value
    assert [] == query(path, EFFECTS)
    assert "claimed" == state(store)


def test_a_block_that_is_left_by_nobody_rolls_back(store: SQLiteStore, path: Path) -> None:
    """A coroutine that is thrown away in its block keeps neither lock nor writes."""

    def handle() -> Iterator[None]:
        with store.transaction(claim(store), lambda: SUCCEEDED) as connection:
            connection.execute("INSERT INTO effects VALUES ('a')")
            yield

    thrown_away = handle()
    next(thrown_away)
    del thrown_away
    gc.collect()
    claim(store, "evt_2")
    assert [] == query(path, EFFECTS)


def test_the_result_is_asked_for_at_the_end(store: SQLiteStore, path: Path) -> None:
    """What it raises rolls back."""

    def result() -> HandlerResult:
        raise ZeroDivisionError

    block = store.transaction(claim(store), result)
    block.__enter__().execute("INSERT INTO effects VALUES ('a')")
    with pytest.raises(ZeroDivisionError):
        block.__exit__(None, None, None)
    assert [] == query(path, EFFECTS)
    claim(store, "evt_2")


def test_a_claim_that_was_taken_over_before_rolls_back(
    store: SQLiteStore, path: Path, clock: Clock
) -> None:
    """The fence is the last statement before the commit."""
    event = claim(store)
    clock.now += 61.0
    claim(store, claim_id="another")
    block = store.transaction(event, lambda: SUCCEEDED)
    block.__enter__().execute("INSERT INTO effects VALUES ('a')")
    with pytest.raises(LostClaim):
        block.__exit__(None, None, None)
    assert [] == query(path, EFFECTS)


def test_a_block_may_outlive_its_lease(store: SQLiteStore, path: Path, clock: Clock) -> None:
    """Nobody can take the event over meanwhile: that is a write, too."""
    event = claim(store)
    with (
        closing(SQLiteStore(path, busy_timeout=0.0, clock=clock)) as other,
        store.transaction(event, lambda: SUCCEEDED) as connection,
    ):
        connection.execute("INSERT INTO effects VALUES ('a')")
        clock.now += 61.0
        with pytest.raises(StoreError, match="locked"):
            other.accept(arrival(claim_id="another"), 60.0)
    assert [("a",)] == query(path, EFFECTS)
    assert "done" == state(store)


def test_a_commit_that_fails_is_told_and_rolled_back(store: SQLiteStore, path: Path) -> None:
    """A constraint that is checked at the commit refuses it."""
    query(path, "CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    query(path, "CREATE TABLE children (id REFERENCES parents DEFERRABLE INITIALLY DEFERRED)")
    event = claim(store)
    opened = store._connections.open

    def opened_with_foreign_keys(kind: type) -> object:
        connection = opened(kind)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    store._connections.open = opened_with_foreign_keys  # type: ignore[method-assign, assignment]
    block = store.transaction(event, lambda: SUCCEEDED)
    block.__enter__().execute("INSERT INTO children VALUES (1)")
    with pytest.raises(StoreError, match="FOREIGN KEY constraint failed"):
        block.__exit__(None, None, None)
    assert [] == query(path, "SELECT * FROM children")
    assert "claimed" == state(store)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_child_that_was_forked_in_a_block_leaves_it_to_its_parent(
    store: SQLiteStore, path: Path
) -> None:
    """Neither its statements nor its leaving of the block touch what the parent writes."""
    block = store.transaction(claim(store), lambda: SUCCEEDED)
    connection = block.__enter__()
    connection.execute("INSERT INTO effects VALUES ('a')")

    def child() -> None:
        with pytest.raises(UsageError, match="parent process"):
            connection.execute("INSERT INTO effects VALUES ('b')")
        with pytest.raises(UsageError, match="parent process"):
            block.__exit__(None, None, None)

    assert 0 == end_of(in_child(child))
    connection.execute("INSERT INTO effects VALUES ('c')")
    block.__exit__(None, None, None)
    assert [("a",), ("c",)] == query(path, EFFECTS)
    assert "done" == state(store)


def test_complete_on_reads_through_any_factory(store: SQLiteStore, path: Path) -> None:
    """The user's connection may give rows and texts as it likes, and does so afterwards."""
    event = claim(store)
    with closing(sqlite3.connect(path, detect_types=sqlite3.PARSE_DECLTYPES)) as connection:
        connection.row_factory = lambda *_: "a row"
        connection.text_factory = bytes
        connection.execute("INSERT INTO effects VALUES ('a')")
        store.complete_on(connection, event, SUCCEEDED)
        connection.commit()
        connection.row_factory = None
        assert [(b"a",)] == connection.execute(EFFECTS).fetchall()
    assert "done" == state(store)


def test_complete_on_wants_an_open_transaction(store: SQLiteStore, path: Path) -> None:
    """Each statement would be a commit of its own."""
    event = claim(store)
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(UsageError, match="BEGIN IMMEDIATE"),
    ):
        store.complete_on(connection, event, SUCCEEDED)
    with pytest.raises(UsageError, match=r"takes a sqlite3\.Connection"):
        store.complete_on(object(), event, SUCCEEDED)
    assert "claimed" == state(store)


def test_complete_on_tells_other_files_apart(
    store: SQLiteStore, path: Path, tmp_path: Path
) -> None:
    """No ledger in the main file, another one there, or ours only attached: all are refused."""
    event = claim(store)
    with closing(SQLiteStore(tmp_path / "other.db")) as other:
        claim(other)
    for name in ("new.db", "other.db"):
        with closing(sqlite3.connect(tmp_path / name, isolation_level=None)) as connection:
            connection.execute("ATTACH ? AS ledger", (str(path),))
            connection.execute("BEGIN")
            with pytest.raises(UsageError, match=r"main database is .*a\.db"):
                store.complete_on(connection, event, SUCCEEDED)
    assert "claimed" == state(store)


def test_complete_on_a_transaction_that_has_read_is_explained(
    store: SQLiteStore, path: Path
) -> None:
    """Others have written since, so SQLite refuses at once; the cure is in the message."""
    event = claim(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute(EFFECTS).fetchall()
        query(path, "INSERT INTO effects VALUES ('theirs')")
        with pytest.raises(StoreError, match="begin it with BEGIN IMMEDIATE"):
            store.complete_on(connection, event, SUCCEEDED)
    assert "claimed" == state(store)


def test_a_completion_that_is_refused_leaves_the_users_transaction(
    store: SQLiteStore, path: Path, clock: Clock
) -> None:
    """Nothing of it was written, and the rest is theirs to commit or not."""
    event = claim(store)
    clock.now += 61.0
    claim(store, claim_id="another")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO effects VALUES ('a')")
        with pytest.raises(LostClaim):
            store.complete_on(connection, event, SUCCEEDED)
        connection.commit()
    assert [("a",)] == query(path, EFFECTS)
    assert "claimed" == state(store)


def test_nothing_can_be_said_while_the_users_transaction_is_open(
    store: SQLiteStore, path: Path
) -> None:
    """It may yet be committed; after its end there is an answer."""
    event = claim(store)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO effects VALUES ('a')")
        store.complete_on(connection, event, SUCCEEDED)
        assert None is store.is_settled(event, "handler")
        connection.rollback()
        assert False is store.is_settled(event, "handler")
        connection.execute("INSERT INTO effects VALUES ('a')")
        store.complete_on(connection, event, SUCCEEDED)
        connection.commit()
        assert True is store.is_settled(event, "handler")


@pytest.mark.parametrize("way", ["backup", "replaced"])
def test_an_owner_outlived_by_an_older_copy_is_refused(
    store: SQLiteStore, path: Path, tmp_path: Path, clock: Clock, way: str
) -> None:
    """Its token is given a second time there; its claim id is not."""
    with closing(SQLiteStore(path)) as other:
        other.accept(arrival("evt_0"), 60.0)
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)
    owner = claim(store)
    if way == "backup":
        with closing(sqlite3.connect(copy)) as old, closing(sqlite3.connect(path)) as new:
            old.backup(new)
    else:
        query(path, "PRAGMA wal_checkpoint(TRUNCATE)")
        for name in ("a.db-wal", "a.db-shm"):
            os.unlink(tmp_path / name)  # noqa: PTH108
        shutil.copy(copy, tmp_path / "next.db")
        os.replace(tmp_path / "next.db", path)  # noqa: PTH105
    with pytest.raises(LostClaim):
        store.finish(owner, SUCCEEDED)
    successor = claim(store, claim_id="another")
    assert owner.token == successor.token
    block = store.transaction(owner, lambda: SUCCEEDED)
    block.__enter__().execute("INSERT INTO effects VALUES ('a')")
    with pytest.raises(LostClaim):
        block.__exit__(None, None, None)
    with store.transaction(successor, lambda: SUCCEEDED) as connection:
        connection.execute("INSERT INTO effects VALUES ('b')")
    assert [("b",)] == query(path, EFFECTS)
    assert [("ok",)] == query(path, "PRAGMA integrity_check")
