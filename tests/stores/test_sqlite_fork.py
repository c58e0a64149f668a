"""A child of a fork goes on with the same file, and leaves its parent's connections alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from stripe_events.errors import StoreError
from stripe_events.storage import SQLiteStore
from tests.stores.sqlite_files import LIMIT, SUCCEEDED, claim, end_of, in_child, state

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """Give a store."""
    with closing(SQLiteStore(tmp_path / "a.db", synchronous="NORMAL")) as store:
        yield store


def test_parent_and_child_see_each_others_events(store: SQLiteStore) -> None:
    """Each on connections of its own, of which none was open while they parted."""
    claim(store, "parents")
    parents = list(store._connections._idle)

    def child() -> None:
        assert [] == store._connections._idle
        assert "claimed" == state(store, "parents")
        claim(store, "forked")

    assert 0 == end_of(in_child(child))
    assert [] == store._connections._idle
    assert "claimed" == state(store, "forked")
    assert not set(parents) & set(store._connections._idle)


def test_what_a_child_commits_outlives_the_end_of_its_parent(tmp_path: Path) -> None:
    """Its locks are real: the parent, closing last in its own view, leaves the log in place."""
    store = SQLiteStore(tmp_path / "a.db")
    claim(store)
    (has_written, written), (may_go_on, go_on) = os.pipe(), os.pipe()

    def child() -> None:
        claim(store, "first")
        os.write(written, b"x")
        os.read(may_go_on, 1)
        claim(store, "second")

    pid = in_child(child)
    os.read(has_written, 1)
    assert "claimed" == state(store)
    store.close()
    os.write(go_on, b"x")
    assert 0 == end_of(pid)
    for end in (has_written, written, may_go_on, go_on):
        os.close(end)
    with closing(SQLiteStore(tmp_path / "a.db")) as later:
        assert ["claimed"] * 2 == [state(later, "first"), state(later, "second")]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_waits_for_other_threads_verbs(store: SQLiteStore) -> None:
    """They end within its patience, and begin again after it."""
    claim(store)
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            state(store)

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            children = [in_child(lambda: state(store)) for _ in range(5)]
            assert [0] * 5 == [end_of(pid) for pid in children]
        finally:
            stop.set()
        for reader in readers:
            reader.result(LIMIT)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_was_forked_in_the_middle_of_a_block_is_refused(store: SQLiteStore) -> None:
    """What it committed would be lost; whatever else it does, it may do."""
    event = claim(store)

    def child() -> None:
        with pytest.raises(StoreError, match="forked while its parent was using the file"):
            claim(store, "forked")
        with pytest.raises(StoreError, match="forked while its parent was using the file"):
            store.transaction(event, lambda: SUCCEEDED).__enter__()

    with ThreadPoolExecutor(1) as pool:
        block = store.transaction(event, lambda: SUCCEEDED)
        pool.submit(block.__enter__).result()
        assert 0 == end_of(in_child(child))
        pool.submit(block.__exit__, None, None, None).result()
    assert "done" == state(store)


def test_a_fork_that_nobody_announced_is_noticed(store: SQLiteStore) -> None:
    """As of a server that is written in C and forks by itself."""
    claim(store)
    store._connections.start_anew()
    with pytest.raises(StoreError, match="forked while its parent was using the file"):
        state(store)


END_OF_CHILD = """
    import os, sys
    from pathlib import Path
    from stripe_events.storage import SQLiteStore
    from tests.stores.sqlite_files import SUCCEEDED, claim, end_of

    path = Path(sys.argv[1])
    log = path.with_name("a.db-wal")
    store = SQLiteStore(path)
    block = store.transaction(claim(store), lambda: SUCCEEDED)
    block.__enter__()
    until, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(go)
        os.read(until, 1)
        store.close()
        sys.exit(0)
    block.__exit__(None, None, None)
    store.close()
    assert not log.exists()
    log.write_text("a later one")
    os.close(go)
    assert 0 == end_of(pid)
    assert "a later one" == log.read_text()
"""


def test_the_end_of_a_child_closes_nothing_of_its_parent(tmp_path: Path) -> None:
    """
    Nor does the interpreter, when it clears what is left.

    It would be the last one to close the file, which deletes the write-ahead log by name:
    of whoever has opened the file since.
    """
    script = [sys.executable, "-c", dedent(END_OF_CHILD), str(tmp_path / "a.db")]
    subprocess.run(script, check=True, cwd=Path(__file__).parents[2], timeout=LIMIT)
