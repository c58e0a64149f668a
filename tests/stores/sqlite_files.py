"""What tests of the SQLite store share: an event, its results, and processes of their own."""

from __future__ import annotations

import os
import sqlite3
import traceback
from contextlib import closing
from typing import TYPE_CHECKING, Any

from stripe_events.storage import Arrival, Claimed, Code, HandlerResult, Plan, PlannedHandler

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stripe_events.storage import Claim, SQLiteStore

SUCCEEDED = HandlerResult("handler", "succeeded")
CODE = Code(frozenset({"handler"}))
LIMIT = 30.0
"""Seconds after which a test gives up waiting."""


def arrival(event_id: str = "evt_1", claim_id: str = "claim") -> Arrival:
    """Give an event with one planned handler."""
    plan = Plan((PlannedHandler("handler"),))
    return Arrival(
        "default", event_id, "charge.succeeded", None, False, 1.0, b"{}", plan, CODE, claim_id
    )


def claim(store: SQLiteStore, event_id: str = "evt_1", claim_id: str = "claim") -> Claim:
    """Record and claim an event."""
    accepted = store.accept(arrival(event_id, claim_id), 60.0)
    assert isinstance(accepted, Claimed)
    return accepted.claim


def state(store: SQLiteStore, event_id: str = "evt_1") -> str:
    """Give the state of an event."""
    stored = store.get("default", event_id)
    assert stored is not None
    return stored.record.state


def query(path: Path, sql: str, *values: Any) -> list[Any]:
    """Execute a statement on a connection of its own, and commit it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql, values).fetchall()


def in_child(function: Callable[[], object]) -> int:
    """Start a forked child that performs a function, and give its id; see ``end_of``."""
    pid = os.fork()
    if pid:
        return pid
    try:
        function()
    except BaseException:  # noqa: BLE001 - it is told by the status
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def end_of(pid: int) -> int:
    """Wait for a child; give its exit status, negative if a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
