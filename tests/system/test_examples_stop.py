"""The examples that say how handlers are waited for at the end: so they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import TYPE_CHECKING

import pytest

from tests.system.example_server import LIMIT, SLOW_EXAMPLE, charge, event, started
from tests.system.gates import shut

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.example_server import Server

COMMANDS = {
    "plain_asgi": "-m uvicorn --port 0 plain_asgi:app",
    "fastapi_app": "-m uvicorn --port 0 fastapi_app:app",
    "starlette_app": "-m uvicorn --port 0 starlette_app:app",
    "litestar_app": "-m uvicorn --port 0 litestar_app:app",
    "falcon_asgi_app": "-m uvicorn --port 0 falcon_asgi_app:app",
    "quart_app": "-m hypercorn -w 0 --graceful-timeout 30 --bind 127.0.0.1:0 quart_app:app",
    "aiohttp_app": "{examples}/aiohttp_app.py",
    "sanic_app": "{examples}/sanic_app.py",
    "tornado_app": "{examples}/tornado_app.py",
}


def status(server: Server, body: bytes) -> int | None:
    """Give the status of a delivery; None if the connection was closed or refused."""
    try:
        return server.deliver(body).status
    except (HTTPException, OSError):
        return None


def wait_until_it_takes_no_more(server: Server) -> None:
    """Deliver until that is refused."""
    while status(server, charge()[0]) not in {None, 503}:
        pass


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_handlers_end_before_the_app_does(command: str, tmp_path: Path) -> None:
    """Terminated while they run, it lets them end, and answers nothing that is not true."""
    gate = tmp_path / "gate"
    types = {"evt_sync": "charge.failed", "evt_async": "charge.refunded"}
    bodies = [event(type_, {"object": "charge"}, id_) for id_, type_ in types.items()]
    with (
        started(f"{SLOW_EXAMPLE} {command}", tmp_path, GATE=str(gate)) as server,
        ThreadPoolExecutor(2) as clients,
    ):
        with shut(gate):
            sent = [clients.submit(status, server, body) for body in bodies]
            assert set(types) == {server.wait_for(r"^begun (\w+)$")[1] for _ in types}
            server.terminate()
            wait_until_it_takes_no_more(server)
        statuses = [it.result(LIMIT) for it in sent]
        server.rest()
    assert [1, 1] == [server.times(f"done {id_}") for id_ in types]
    assert [200, 200] == statuses
