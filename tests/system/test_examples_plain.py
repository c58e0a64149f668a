"""What only the examples without a framework show: a second handler, and an orderly end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.system.example_server import charge, event, started

if TYPE_CHECKING:
    from pathlib import Path

WSGI = "{examples}/plain_wsgi.py"
ASGI = "-W error -m uvicorn plain_asgi:app --app-dir {examples} --port 0"


@pytest.mark.parametrize("command", [f"-W error {WSGI}", ASGI], ids=["wsgi", "asgi"])
def test_a_change_runs_the_handler_that_asked_for_it(command: str, tmp_path: Path) -> None:
    """The handler sees what was and what is, and only if that has changed."""
    resource = {"object": "subscription", "status": "active"}
    changes = [{"quantity": 1}, {"status": "trialing"}]
    with started(command, tmp_path) as server:
        for number, previous in enumerate(changes):
            body = event(
                "customer.subscription.updated",
                resource,
                f"evt_{number}",
                previous_attributes=previous,
            )
            assert 200 == server.deliver(body).status
        assert "trialing -> active" == server.wait_for("status: (.*)")[1]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_asgi_starts_and_stops_in_order(tmp_path: Path, how: signal.Signals) -> None:
    """The server learns that the app is ready, and that it has ended, without an error."""
    with started(ASGI, tmp_path) as server:
        assert 200 == server.deliver(charge()[0]).status
        server.terminate(how)
        printed = server.rest()
    assert ["Application startup complete.", "Application shutdown complete."] == [
        line.split(maxsplit=1)[1] for line in printed.splitlines() if "complete." in line
    ]
    assert "Traceback" not in printed
