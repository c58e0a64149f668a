"""``stripe-events events`` as a process: interrupted, piped away, on a poor terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sysconfig
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from stripe_events.storage import SQLiteStore
from tests.unit.cli_ledger import arrival, result

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = Path(sysconfig.get_path("scripts"), "stripe-events")
STRICT = {**os.environ, "PYTHONWARNINGS": "error"}
STRICT.pop("PYTHONUNBUFFERED", None)  # it would hide what is left in a buffer at the end

SHOP = """
from stripe_events import EventRouter
from stripe_events.storage import SQLiteStore

router = EventRouter(store=SQLiteStore("ledger.db"))
"""

# The second retry tells that it is reached, and then waits for ever.
STUCK = """
import asyncio
import threading
from stripe_events import EventRouter
from stripe_events.storage import SQLiteStore

class Stuck(SQLiteStore):
    def retry(self, scope, event_id, handlers=()):
        if event_id == "evt_1":
            print("stuck", flush=True)
            threading.Event().wait()
        return super().retry(scope, event_id, handlers)

class AsyncStuck:
    def __init__(self):
        self._store = SQLiteStore("ledger.db")

    def __getattr__(self, verb):
        async def awaited(*arguments, **options):
            if verb == "retry" and arguments[1] == "evt_1":
                print("stuck", flush=True)
                await asyncio.Event().wait()
            return getattr(self._store, verb)(*arguments, **options)

        return awaited

router = EventRouter(store=Stuck("ledger.db"))
awaited = EventRouter(store=AsyncStuck())
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Give a directory with an app, and a ledger in which three events are dead."""
    (tmp_path / "shop.py").write_text(SHOP, "utf-8")
    (tmp_path / "stuck.py").write_text(dedent(STUCK), "utf-8")
    store = SQLiteStore(tmp_path / "ledger.db")
    for number in range(3):
        record(store, f"evt_{number}")
    yield tmp_path
    store.close()


def record(store: SQLiteStore, event_id: str, type_: str = "invoice.paid") -> None:
    """Let an event be dead."""
    claimed = store.accept(arrival(event_id, handlers=("shop:mail",), type_=type_), 60.0)
    store.finish(claimed.claim, result("shop:mail", "dead"))  # type: ignore[union-attr]


def start(place: Path, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
    """Start a command in a directory, with pipes."""
    return subprocess.Popen(
        [COMMAND, "events", *arguments],
        cwd=place,
        env={**STRICT, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("app", ["stuck", "stuck:awaited"])
def test_ctrl_c_ends_it_cleanly(place: Path, app: str) -> None:
    """It says how much was done, and no traceback; the status is a shell's for SIGINT."""
    with start(place, "retry", "--all", "--yes", "--app", app) as process:
        assert process.stdout is not None
        assert b"stuck\n" == process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (130, b"retried 1 of 3\n", b"interrupted\n") == (process.returncode, out, err)


@pytest.mark.parametrize("more", [0, 500], ids=["less", "more"])
def test_a_reader_that_went_away_ends_it_quietly(place: Path, more: int) -> None:
    """As with ``| true``, be it less or more than a buffer holds: no traceback, no success."""
    store = SQLiteStore(place / "ledger.db", synchronous="NORMAL")
    for number in range(more):
        record(store, f"evt_more_{number}")
    store.close()
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [COMMAND, "events", "list", "--limit", "0", "--app", "shop"],
        cwd=place,
        env=STRICT,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert (1, b"") == (done.returncode, done.stderr)


def test_a_character_that_the_terminal_lacks_is_escaped(place: Path) -> None:
    """A table that is shortened, or an error message, does not end the command."""
    store = SQLiteStore(place / "ledger.db")
    record(store, "evt_é", "x" * 80)
    store.close()
    poor = {"PYTHONIOENCODING": "ascii", "COLUMNS": "60"}
    with start(place, "list", "--app", "shop", **poor) as process:
        out, err = process.communicate(timeout=60)
    assert (0, b"") == (process.returncode, err)
    assert rb"evt_\xe9  xxxxxxxxxxxxxxxxxx\u2026  dead" in out


def test_what_it_did_is_in_the_ledger(place: Path) -> None:
    """A process is told of as little as any other: the file is all that they share."""
    for command in (["retry", "evt_0"], ["erase", "--all", "--yes"], ["forget"]):
        with start(place, *command, "--app", "shop") as process:
            process.communicate(timeout=60)
        assert 0 == process.returncode
    with start(place, "list", "--json", "--app", "shop") as process:
        out, err = process.communicate(timeout=60)
    assert (0, b"") == (process.returncode, err)
    seen = [
        (line["id"], line["state"], line["erased"]) for line in map(json.loads, out.splitlines())
    ]
    assert [("evt_0", "pending", False), ("evt_1", "dead", True), ("evt_2", "dead", True)] == seen


def test_a_store_that_fails_is_told_in_a_line(place: Path) -> None:
    """An operator needs the reason, not our traceback; for a check it is no success."""
    (place / "lost.py").write_text(SHOP.replace("ledger.db", "nowhere/ledger.db"), "utf-8")
    with start(place, "overdue", "--app", "lost") as process:
        out, err = process.communicate(timeout=60)
    assert (1, b"") == (process.returncode, out)
    assert err.startswith(b"stripe-events: the store failed: ")
    assert 1 == err.count(b"\n")
