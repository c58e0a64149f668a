"""A server that is asked to end while handlers run: nothing is answered 200 without being done."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.system.example_server import LIMIT, event, started
from tests.system.gates import shut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from tests.system.example_server import Server

SYNC, ASYNC = "charge.failed", "charge.refunded"
LATE = 3
ENDED = {0, -signal.SIGTERM}
"""Exit codes of an orderly end; uvicorn raises the signal again when all is done."""


class Kind(NamedTuple):
    """
    A server: its command, which deliveries it can have in handlers at once, what it says.

    One that says nothing takes no connections from then on.
    """

    command: str
    at_once: tuple[str, ...]
    stopping: str | None = None


_GUNICORN = "-m gunicorn --no-control-socket --bind 127.0.0.1:0 slow_app:application"
_GTHREAD = f"{_GUNICORN} --worker-class gthread --threads 4"
_UVICORN = "-m uvicorn --port 0 slow_app:app"
_HYPERCORN = "-m hypercorn -w 0 --bind 127.0.0.1:0 slow_app:app"
SERVERS = {
    "gunicorn": Kind(_GUNICORN, (SYNC,), "Handling signal: term"),
    "gthread": Kind(_GTHREAD, (SYNC, SYNC, ASYNC, ASYNC), "Handling signal: term"),
    "uvicorn": Kind(_UVICORN, (SYNC, SYNC, *[ASYNC] * 6)),
    "hypercorn": Kind(f"{_HYPERCORN} --graceful-timeout {LIMIT:.0f}", (SYNC, SYNC, *[ASYNC] * 6)),
}


def delivery(type_: str, number: int) -> tuple[str, bytes]:
    """Give an event's id and body."""
    id_ = f"evt_{number}"
    return id_, event(type_, {"object": "charge"}, id_)


class Deliveries:
    """Deliveries that are under way to a server, each on a connection of its own."""

    def __init__(self, server: Server, clients: ThreadPoolExecutor) -> None:
        """Begin with none."""
        self._server = server
        self._clients = clients
        self._sent: dict[str, Future[int | None]] = {}

    def send(self, type_: str) -> str:
        """Send one, and give its event's id without waiting for an answer."""
        id_, body = delivery(type_, len(self._sent))
        self._sent[id_] = self._clients.submit(self._status, body)
        return id_

    def _status(self, body: bytes) -> int | None:
        try:
            return self._server.deliver(body).status
        except (HTTPException, OSError):
            return None

    def statuses(self) -> dict[str, int | None]:
        """Wait for all, and give the answers; None where the connection was closed or refused."""
        return {id_: status.result(LIMIT) for id_, status in self._sent.items()}


@contextmanager
def serving(command: str, folder: Path) -> Iterator[tuple[Server, Deliveries]]:
    """Start the app, and give what sends to it."""
    with (
        started(command, folder, GATE=str(folder / "gate")) as server,
        ThreadPoolExecutor(20) as clients,
    ):
        yield server, Deliveries(server, clients)


def begin(server: Server, deliveries: Deliveries, types: tuple[str, ...]) -> set[str]:
    """Send a delivery of each type, wait until all of them are in their handlers."""
    sent = {deliveries.send(type_) for type_ in types}
    begun = {server.wait_for(r"^begun (\w+)$")[1] for _ in sent}
    assert sent == begun
    return begun


@pytest.mark.parametrize("kind", SERVERS.values(), ids=SERVERS)
def test_deliveries_in_their_handlers_are_ended_and_answered(kind: Kind, tmp_path: Path) -> None:
    """Those that come too late are not answered 200, unless they were handled as well."""
    with serving(kind.command, tmp_path) as (server, deliveries):
        with shut(tmp_path / "gate"):
            begun = begin(server, deliveries, kind.at_once)
            server.terminate()
            if kind.stopping:
                server.wait_for(kind.stopping)
            else:
                server.wait_until_closed()
            late = {deliveries.send(SYNC) for _ in range(LATE)}
        statuses = deliveries.statuses()
        server.rest()
    assert {200} == {statuses[id_] for id_ in begun}
    assert {statuses[id_] for id_ in late} <= {None, 200, 503}
    answered = {id_ for id_, status in statuses.items() if status == 200}
    assert answered == {id_ for id_ in statuses if server.times(f"done {id_}")}
    assert server.process.returncode in ENDED
    assert "/stripe_events/" not in "".join(server.printed)  # in no traceback


def outcomes_later(command: str, folder: Path) -> list[str]:
    """Start the server once more, and deliver again what it had in its handlers."""
    bodies = [delivery(type_, number)[1] for number, type_ in enumerate((SYNC, ASYNC))]
    with serving(command, folder) as (server, _):
        return [server.deliver(body).json["outcome"] for body in bodies]


def test_handlers_that_outlast_the_patience_of_uvicorn_are_ended(tmp_path: Path) -> None:
    """The server drops their requests; the app waits for them all the same, before it ends."""
    command = f"{_UVICORN} --timeout-graceful-shutdown 0"
    with serving(command, tmp_path) as (server, deliveries):
        with shut(tmp_path / "gate"):
            begun = begin(server, deliveries, (SYNC, ASYNC))
            server.terminate()
            statuses = deliveries.statuses()
        server.rest()
    assert 200 not in statuses.values()
    assert begun == {id_ for id_ in statuses if server.times(f"done {id_}")}
    assert ["duplicate", "duplicate"] == outcomes_later(command, tmp_path)


def test_handlers_that_are_killed_are_not_answered(tmp_path: Path) -> None:
    """Where the server ends its worker, nobody is told 200, nor at once after that."""
    command = f"{_GTHREAD} --graceful-timeout 1"
    with serving(command, tmp_path) as (server, deliveries), shut(tmp_path / "gate"):
        begun = begin(server, deliveries, (SYNC, ASYNC))
        server.terminate()
        assert dict.fromkeys(begun) == deliveries.statuses()
        server.rest()
    assert 0 == sum(server.times(f"done {id_}") for id_ in begun)
    assert ["busy", "busy"] == outcomes_later(command, tmp_path)
