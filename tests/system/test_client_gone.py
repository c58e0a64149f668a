"""A client that goes away after it has sent everything cancels nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events.testing import sign
from tests.system.example_server import SECRET, event, started
from tests.system.gates import shut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.example_server import Server

COMMANDS = {
    "uvicorn": "-m uvicorn --port 0 slow_app:app",
    "hypercorn": "-m hypercorn -w 0 --bind 127.0.0.1:0 slow_app:app",
    "daphne": "-m daphne --bind 127.0.0.1 --port 0 slow_app:app",
    "granian": "-m granian --host 127.0.0.1 --port {port} --interface asgi slow_app:app",
}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file at which handlers wait."""
    return tmp_path_factory.mktemp("gate") / "gate"


@pytest.fixture(scope="module", params=COMMANDS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, gate: Path
) -> Iterator[Server]:
    """Give each server in turn."""
    folder = tmp_path_factory.mktemp(request.param)
    with started(COMMANDS[request.param], folder, GATE=str(gate)) as running:
        yield running
        assert "Traceback" not in "".join(running.printed)


@pytest.mark.parametrize("type_", ["charge.succeeded", "charge.refunded"], ids=["sync", "async"])
def test_handlers_run_on_without_their_client(server: Server, gate: Path, type_: str) -> None:
    """The handler comes to its end, and a second delivery learns that it is done."""
    id_ = f"evt_{type_}"
    body = event(type_, {"object": "charge"}, id_)
    lines = ["POST / HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in sign(body, SECRET).items()]
    with shut(gate):
        with server.connection() as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            server.wait_for(f"^begun {id_}$")
        assert 405 == server.request("GET").status  # the loop has seen the client go
    server.wait_for(f"^done {id_}$")
    assert {"outcome": "duplicate", "event": id_} == server.deliver(body).json
