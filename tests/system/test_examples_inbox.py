"""The examples with a worker, in the app or beside it: answered at once, handled after that."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from time import monotonic
from typing import TYPE_CHECKING

from tests.system.example_server import LIMIT, SLOW_EXAMPLE, charge, event, running, started
from tests.system.gates import shut

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.example_server import Server

FASTAPI = "-m uvicorn --port 0 fastapi_inbox:app"
DJANGO = "{examples}/django_inbox.py"
WORK = "-m stripe_events work django_inbox:router"


def deliver_until_done(server: Server, body: bytes, id_: str) -> None:
    """Deliver it again and again, until the ledger has it done."""
    end = monotonic() + LIMIT
    while server.deliver(body).json != {"outcome": "duplicate", "event": id_}:
        assert monotonic() < end, "nobody works on it"


def invoice(id_: str) -> bytes:
    """Give a paid invoice."""
    return event("invoice.paid", {"object": "invoice", "customer": "cus_1", "amount_paid": 5}, id_)


def credits_in(file: Path) -> list[tuple[str, int]]:
    """Give what accounts were credited."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT account, amount FROM credits").fetchall()


def test_fastapi_works_on_what_it_has_accepted(tmp_path: Path) -> None:
    """The answer says that the event is in the inbox; a redelivery runs nothing."""
    body, id_, line = charge()
    with started(FASTAPI, tmp_path) as server:
        assert {"outcome": "accepted", "event": id_} == server.deliver(body).json
        server.wait_for(line)
        deliver_until_done(server, body, id_)
        server.terminate()
        printed = server.rest()
    assert 1 == server.times(line)
    assert "Traceback" not in printed


def test_fastapi_finishes_what_has_begun(tmp_path: Path) -> None:
    """Terminated while handlers run, it takes no more, and ends after them, without an error."""
    gate = tmp_path / "gate"
    types = {"evt_sync": "charge.failed", "evt_async": "charge.refunded"}
    bodies = [event(type_, {"object": "charge"}, id_) for id_, type_ in types.items()]
    with started(f"{SLOW_EXAMPLE} {FASTAPI}", tmp_path, GATE=str(gate)) as server:
        with shut(gate):
            answers = [server.deliver(body).json["outcome"] for body in bodies]
            assert set(types) == {server.wait_for(r"^begun (\w+)$")[1] for _ in types}
            server.terminate()
            server.wait_for("Waiting for application shutdown.")
            server.wait_until_closed()
        printed = server.rest()
    assert ["accepted"] * 2 == answers
    assert [1, 1] == [server.times(f"done {id_}") for id_ in types]
    assert "Application shutdown complete." in printed
    assert "Traceback" not in printed


def test_django_credits_once_in_a_worker(tmp_path: Path) -> None:
    """What came while there was no worker is credited as well, and nothing twice."""
    ids = [f"evt_{number}" for number in range(3)]
    with started(DJANGO, tmp_path) as server:
        first, *others = ids
        assert "accepted" == server.deliver(invoice(first)).json["outcome"]
        assert [] == credits_in(tmp_path / "app.db")
        with running(WORK, tmp_path) as worker:
            for id_ in others:
                assert "accepted" == server.deliver(invoice(id_)).json["outcome"]
            for id_ in ids:
                deliver_until_done(server, invoice(id_), id_)
            worker.terminate()
            printed = worker.rest()
    assert [("cus_1", 5)] * 3 == credits_in(tmp_path / "app.db")
    assert (0, False) == (worker.process.returncode, "Traceback" in printed)
