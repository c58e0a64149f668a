"""A server, or a worker beside it, in a process of its own: what it prints, and requests to it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stripe_events.testing import sign

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "EXAMPLES",
    "LIMIT",
    "SECRET",
    "SLOW_EXAMPLE",
    "Answer",
    "GoneError",
    "Process",
    "Server",
    "charge",
    "event",
    "running",
    "started",
]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SLOW_EXAMPLE = Path(__file__).parent / "slow_example.py"
SECRET = "whsec_example"
LIMIT = 30.0
"""Seconds after which a test fails instead of hanging; never waited out by one that passes."""

_TRIES = 3
_BETWEEN_LOOKS = 0.02
_numbers = itertools.count(1)


class Answer(NamedTuple):
    """What a server answered; the body as it is, and parsed if it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Parse the body."""
        return json.loads(self.body)


class GoneError(AssertionError):
    """The server ended instead of doing what was waited for."""


def event(type_: str, resource: dict[str, Any], id_: str = "evt_1", **more: Any) -> bytes:
    """Give an event as Stripe writes it."""
    data = {"object": resource, **more}
    return json.dumps({"id": id_, "object": "event", "type": type_, "data": data}).encode()


def charge() -> tuple[bytes, str, str]:
    """Give a charge that no other test has, its event's id, and what handlers print of it."""
    number = next(_numbers)
    resource = {"object": "charge", "amount": number, "currency": "eur"}
    return (
        event("charge.succeeded", resource, f"evt_{number}"),
        f"evt_{number}",
        f"paid: {number} eur",
    )


class Process:
    """A running process and all that it has printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Listen to what it prints."""
        self.process = process
        self.printed: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Give the match in the next printed line that has one."""
        while True:
            try:
                line = self._lines.get(timeout=LIMIT)
            except queue.Empty:
                line = None
            if line is None:
                raise GoneError(f"{pattern!r} was not printed:\n{''.join(self.printed)}")
            self.printed.append(line)
            if found := re.search(pattern, line):
                return found

    def times(self, line: str) -> int:
        """Count how often it has printed a whole line, among those that were waited through."""
        return self.printed.count(f"{line}\n")

    def terminate(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end."""
        self.process.send_signal(how)

    def rest(self) -> str:
        """Wait for its end, and give all that it has printed."""
        self.process.wait(LIMIT)
        self._reader.join(LIMIT)
        while (line := self._lines.get(timeout=LIMIT)) is not None:
            self.printed.append(line)
        return "".join(self.printed)

    def kill(self) -> None:
        """End it and its workers, whatever they do."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(LIMIT)
        self._reader.join(LIMIT)


class Server(Process):
    """A process that serves requests."""

    def __init__(self, process: subprocess.Popen[str], port: int | None) -> None:
        """Wait until it tells its address, or takes connections at the port it was given."""
        super().__init__(process)
        if port is None:
            self.port = int(self.wait_for(r"127\.0\.0\.1:([1-9]\d*)")[1])
        else:
            self.port = port
            self._wait_for_connections()

    def _wait_for_connections(self) -> None:
        while True:
            with contextlib.suppress(ConnectionRefusedError), self.connection():
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_BETWEEN_LOOKS)
                raise GoneError(self.rest())

    def wait_until_closed(self) -> None:
        """Wait until it takes no more connections."""
        with contextlib.suppress(ConnectionRefusedError):
            while True:
                self.connection().close()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(_BETWEEN_LOOKS)

    def connection(self) -> socket.socket:
        """Open a connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), LIMIT)

    def request(
        self,
        method: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        path: str = "/stripe",
    ) -> Answer:
        """Give the answer to one request."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)) as connection:
            connection.request(method, path, body, dict(headers or {}))
            return _answer(connection.getresponse())

    def deliver(self, body: bytes, path: str = "/stripe", **headers: str) -> Answer:
        """Give the answer to a signed delivery."""
        return self.request("POST", body, {**sign(body, SECRET), **headers}, path)

    def send(self, *lines: str, body: bytes = b"", method: str = "POST") -> Answer:
        """
        Give the answer to a request with just these lines of headers.

        It is listened to while it is sent: servers may answer early and read no further.
        """
        head = [
            f"{method} /stripe HTTP/1.1",
            "Host: 127.0.0.1",
            "Connection: close",
            *lines,
            "",
            "",
        ]
        with self.connection() as connection:
            _send_until_answered(connection, "\r\n".join(head).encode("latin-1") + body)
            with closing(HTTPResponse(connection, method=method)) as response:
                response.begin()
                return _answer(response)

    def raw_answer(self, request: bytes) -> bytes:
        """Give all that comes back until the connection ends, in whatever way."""
        answer = bytearray()
        with self.connection() as connection, contextlib.suppress(ConnectionResetError):
            connection.sendall(request)
            while received := connection.recv(65536):
                answer += received
        return bytes(answer)


def _answer(response: HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


def _send_until_answered(connection: socket.socket, request: bytes) -> None:
    rest = memoryview(request)
    while rest:
        answered, _, _ = select.select([connection], [connection], [], LIMIT)
        if answered:
            return
        try:
            rest = rest[connection.send(rest) :]
        except (BrokenPipeError, ConnectionResetError):
            return  # the answer may be there all the same


@contextmanager
def started(command: str, folder: Path, **environment: str) -> Iterator[Server]:
    """
    Run a Python server in a process group of its own, with its files in a folder.

    Args:
        command: what follows `python`; ``{examples}`` stands for that folder.
        folder: where it runs; its DATABASE is there.
        environment: more variables. In each of them, and in the command, ``{port}`` stands
            for a free port, for servers that do not tell which one they took.
    """
    server = _start(command, folder, environment)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def running(command: str, folder: Path, **environment: str) -> Iterator[Process]:
    """Run a process that serves nothing, as a worker, in the same way."""
    process = Process(_run(command.format(examples=EXAMPLES), folder, environment))
    try:
        yield process
    finally:
        process.kill()


def _start(command: str, folder: Path, environment: Mapping[str, str]) -> Server:
    needs_port = any("{port}" in text for text in (command, *environment.values()))
    for tries_left in reversed(range(_TRIES)):
        port = _free_port() if needs_port else None
        told = {name: value.format(port=port) for name, value in environment.items()}
        process = _run(command.format(examples=EXAMPLES, port=port), folder, told)
        try:
            return Server(process, port)
        except BaseException as error:
            _end(process)
            was_taken = needs_port and isinstance(error, GoneError)  # by another process
            if not (was_taken and tries_left):
                raise
    raise AssertionError


def _run(command: str, folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *shlex.split(command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        start_new_session=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (EXAMPLES, Path(__file__).parent))),
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "PORT": "0",
            "DATABASE": str(folder / "app.db"),
            **environment,
        },
    )


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(LIMIT)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
