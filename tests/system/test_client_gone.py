"""A client that goes away after it has sent everything cancels nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from stripe_events.testing import sign
from tests.system.example_server import SECRET, SLOW_EXAMPLE, event, started
from tests.system.gates import shut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.example_server import Server


class Kind(NamedTuple):
    """A server: its command, and what it says if it cancels the request of a lost client."""

    command: str
    cancelled: str | None = None


_DAPHNE = "-m daphne --bind 127.0.0.1 --port 0 slow_app:app"
_GRANIAN = "-m granian --host 127.0.0.1 --port {port} --interface asgi slow_app:app"
_HYPERCORN = "-m hypercorn -w 0 --bind 127.0.0.1:0"
SERVERS = {
    "uvicorn": Kind("-m uvicorn --port 0 slow_app:app"),
    "hypercorn": Kind(f"{_HYPERCORN} slow_app:app"),
    "daphne": Kind(_DAPHNE),
    "daphne-cancels": Kind(f"{_DAPHNE} --application-close-timeout 0", "took too long"),
    "granian": Kind(_GRANIAN),
    "aiohttp": Kind(f"{SLOW_EXAMPLE} {{examples}}/aiohttp_app.py"),
    "sanic": Kind(f"{SLOW_EXAMPLE} {{examples}}/sanic_app.py"),
    "tornado": Kind(f"{SLOW_EXAMPLE} {{examples}}/tornado_app.py"),
    "starlette": Kind(f"{SLOW_EXAMPLE} -m uvicorn --port 0 starlette_app:app"),
    "django": Kind(f"{SLOW_EXAMPLE} -m uvicorn --port 0 django_app:asgi"),
    "quart-cancels": Kind(f"{_HYPERCORN} slow_quart:app", "ended by CancelledError"),
}


class Run(NamedTuple):
    """A server that runs."""

    server: Server
    kind: Kind


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file at which handlers wait."""
    return tmp_path_factory.mktemp("gate") / "gate"


@pytest.fixture(scope="module", params=SERVERS)
def run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, gate: Path
) -> Iterator[Run]:
    """Give each server in turn."""
    kind = SERVERS[request.param]
    with started(kind.command, tmp_path_factory.mktemp("served"), GATE=str(gate)) as server:
        yield Run(server, kind)
        assert "Traceback" not in "".join(server.printed)


@pytest.mark.parametrize("type_", ["charge.failed", "charge.refunded"], ids=["sync", "async"])
def test_handlers_run_on_without_their_client(run: Run, gate: Path, type_: str) -> None:
    """The handler comes to its end, and a second delivery learns that it is done."""
    server, id_ = run.server, f"evt_{type_}"
    body = event(type_, {"object": "charge"}, id_)
    lines = ["POST /stripe HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in sign(body, SECRET).items()]
    with shut(gate):
        with server.connection() as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            server.wait_for(f"^begun {id_}$")
        if run.kind.cancelled:
            server.wait_for(run.kind.cancelled)
        assert 405 == server.request("GET").status  # the loop has seen the client go
    server.wait_for(f"^done {id_}$")
    assert {"outcome": "duplicate", "event": id_} == server.deliver(body).json
