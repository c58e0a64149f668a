"""``stripe-events events`` on a real PostgreSQL, by a store that is awaited and one that is not."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import NamedTuple

import pytest

from stripe_events.storage import PostgresStore
from tests.unit.cli_ledger import arrival, result

COMMAND = Path(sysconfig.get_path("scripts"), "stripe-events")
STRICT = {**os.environ, "PYTHONWARNINGS": "error"}

SHOP = """
from psycopg_pool import AsyncConnectionPool
from stripe_events import EventRouter
from stripe_events.events import InvoicePaid
from stripe_events.storage import AsyncPostgresStore, PostgresStore

plain = EventRouter(store=PostgresStore({dsn!r}))
router = EventRouter(store=AsyncPostgresStore({dsn!r}))
unopened = EventRouter(store=AsyncPostgresStore(AsyncConnectionPool({dsn!r}, open=False)))

@plain.on(InvoicePaid, name="mail")
@router.on(InvoicePaid, name="mail")
def mail(event): ...
"""


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def place(postgres_dsn: str, tmp_path: Path) -> Path:
    """Give a directory with an app, and a ledger in which twelve events are dead."""
    (tmp_path / "shop.py").write_text(SHOP.format(dsn=postgres_dsn), "utf-8")
    store = PostgresStore(postgres_dsn)
    store.create_schema()
    for number in range(12):
        claimed = store.accept(arrival(f"evt_{number}", handlers=("mail",)), 60.0)
        store.finish(claimed.claim, result("mail", "dead"))  # type: ignore[union-attr]
    store.close()
    return tmp_path


def run(place: Path, *arguments: str, app: str) -> Done:
    """Run a command in a directory; whatever it leaves open shows on standard error."""
    done = subprocess.run(
        [COMMAND, "events", *arguments, "--app", app],
        cwd=place,
        env=STRICT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("app", ["shop:router", "shop:plain"])
def test_events_are_seen_and_run_again(place: Path, app: str) -> None:
    """From the list to the end: all that is dead is retried, run, erased."""
    ids = [
        json.loads(line)["id"] for line in run(place, "list", "--json", app=app).out.splitlines()
    ]
    assert [f"evt_{number}" for number in range(12)] == ids
    assert "  - mail: it is dead, until retry\n" in run(place, "show", "evt_3", app=app).out
    told = "retried 12\nran 12 events: 12 handled, 0 failed, 0 dead\n"
    assert Done(0, told, "") == run(place, "retry", "--all", "--yes", "--run", app=app)
    assert Done(0, "0 overdue\n", "") == run(place, "overdue", app=app)
    assert Done(0, "erased 12 events\n", "") == run(place, "erase", "--all", "--yes", app=app)
    assert Done(0, "forgot 0 events\n", "") == run(place, "forget", app=app)


def test_a_pool_that_only_the_server_opens_is_told(place: Path) -> None:
    """The command does not run the application's start-up; the reason is in one line."""
    done = run(place, "overdue", app="shop:unopened")
    assert (1, "") == done[:2]
    assert done.err.startswith("stripe-events: the store failed: ")
    assert "not open" in done.err
    assert 1 == done.err.count("\n")
