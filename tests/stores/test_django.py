"""Django's ORM and the ledger in one database, with ATOMIC_REQUESTS on."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.testing import sign

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[2] / "examples" / "django_orm.py"
APP = Path(__file__).with_name("django_app.py")
INVOICE = {"id": "in_1", "object": "invoice", "customer": "cus_1", "amount_paid": 5}
BODY = json.dumps(
    {"id": "evt_1", "object": "event", "type": "invoice.paid", "data": {"object": INVOICE}}
).encode()


def deliver_twice(database: str, view: str, end: str) -> dict[str, Any]:
    """Run the project in a process, and give what it tells."""
    signature = sign(BODY, "whsec_django")["Stripe-Signature"]
    done = subprocess.run(
        [sys.executable, APP, database, view, end, signature],
        input=BODY,
        capture_output=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr.decode()
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@contextmanager
def serving(file: Path) -> Iterator[int]:
    """Run the example on a free port, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, EXAMPLE],
        env={
            **os.environ,
            "STRIPE_WEBHOOK_SECRET": "whsec_django",
            "DATABASE": str(file),
            "PORT": str(port),
            "PYTHONUNBUFFERED": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        with process.stdout as lines:
            assert any(b"Quit the server" in line for line in lines), "it ended before it served"
            yield port
    finally:
        process.kill()
        process.wait()


def post(port: int) -> tuple[int, bytes]:
    """Give status and body of one delivery to the example."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("POST", "/stripe", BODY, sign(BODY, "whsec_django"))
        response = connection.getresponse()
        return response.status, response.read()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give an empty database of either kind."""
    if request.param == "sqlite":
        return str(tmp_path / "app.db")
    dsn: str = request.getfixturevalue("postgres_dsn")
    return dsn


def test_a_credit_is_committed_once_with_its_completion(database: str) -> None:
    """The handler's own atomic block commits both; the second delivery is a duplicate."""
    told = deliver_twice(database, "non_atomic", "commit")
    assert {
        "outcomes": ["handled", "duplicate"],
        "credits": 1,
        "state": "done",
        "logged": [],
    } == told


def test_a_rolled_back_completion_is_a_failure_that_is_retried(database: str) -> None:
    """Neither the credit nor the completion is there; the next delivery makes both."""
    told = deliver_twice(database, "non_atomic", "rollback")
    assert (["failed", "handled"], 1, "done") == (told["outcomes"], told["credits"], told["state"])
    assert any("was not committed" in line for line in told["logged"])


def test_a_transaction_around_the_router_is_refused_in_a_file(tmp_path: Path) -> None:
    """It holds the file's only write lock, so nothing is recorded and nobody is told 200."""
    told = deliver_twice(str(tmp_path / "app.db"), "atomic", "commit")
    outcomes = ["store_failed", "store_failed"]
    assert (outcomes, 0, None) == (told["outcomes"], told["credits"], told["state"])
    assert all("it is locked" in line for line in told["logged"])


def test_a_transaction_around_the_router_is_refused_on_a_server(postgres_dsn: str) -> None:
    """Whether it will be committed is unknown yet: 500, and no second credit."""
    told = deliver_twice(postgres_dsn, "atomic", "commit")
    assert (["failed", "duplicate"], 1, "done") == (
        told["outcomes"],
        told["credits"],
        told["state"],
    )
    (line,) = told["logged"]
    assert "ATOMIC_REQUESTS" in line


def test_the_example_credits_once(tmp_path: Path) -> None:
    """Its own server takes the same delivery twice, over a socket."""
    file = tmp_path / "app.db"
    with serving(file) as port:
        told = [post(port) for _ in range(2)]
    assert [
        (200, b'{"outcome":"handled","event":"evt_1"}'),
        (200, b'{"outcome":"duplicate","event":"evt_1"}'),
    ] == told
    with closing(sqlite3.connect(file)) as connection:
        assert [("cus_1", 5)] == connection.execute(
            "SELECT account, amount FROM credits"
        ).fetchall()
