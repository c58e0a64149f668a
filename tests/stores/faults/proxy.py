"""A way to a server that breaks where a test says."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Direction: TypeAlias = Literal["request", "answer"]


class Proxy:
    """
    Connections to a server's socket, by TCP on loopback.

    Args:
        target: the socket of the server.
    """

    def __init__(self, target: Path) -> None:
        """Listen on a free port."""
        self._target = str(target)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._direction: Direction = "request"
        self._left = 0
        self._stays_down = False
        self._is_down = False
        self._flows = threading.Event()
        self._flows.set()
        self._is_last: Callable[[], bool] = bool
        self._run(self._listen)

    @property
    def port(self) -> int:
        """Give the port that it listens on."""
        port: int = self._listener.getsockname()[1]
        return port

    def dsn(self, database: str) -> str:
        """Give the DSN of a database behind it, which is a PostgreSQL's."""
        options = "sslmode=disable&gssencmode=disable"
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}?{options}"

    def break_at(self, direction: Direction, number: int, *, stays_down: bool) -> None:
        """Lose that message, counted from now, with all connections; then refuse new ones."""
        with self._lock:
            self._direction, self._left = direction, number
            self._stays_down = stays_down

    @property
    def has_broken(self) -> bool:
        """Whether the message came that was to be lost."""
        return not self._left

    def hold(self) -> None:
        """Pass nothing on from now, and close nothing: the network is cut, and nobody is told."""
        self._flows.clear()

    def hold_when(self, reached: Callable[[], bool]) -> None:
        """Hold from the first answer on at which it is so."""
        self._is_last = reached

    @property
    def holds(self) -> bool:
        """Whether nothing is passed on."""
        return not self._flows.is_set()

    def let_pass(self) -> None:
        """Take new connections again, and pass on what was held."""
        with self._lock:
            self._is_down = False
        self._flows.set()

    def close(self) -> None:
        """Close all sockets, and wait for the threads."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut()
        self._flows.set()
        for thread in self._threads:
            thread.join()

    def _run(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_down:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                self._sockets |= {client, server}
                self._run(self._pump, client, server, "request")
                self._run(self._pump, server, client, "answer")

    def _pump(self, source: socket.socket, sink: socket.socket, direction: Direction) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if direction == "answer" and self._is_last():
                    self._is_last = bool
                    self.hold()
                self._flows.wait()
                if self._strikes(direction):
                    self._cut()
                    break
                sink.sendall(data)
        for one in (source, sink):
            _end(one)
        source.close()

    def _strikes(self, direction: Direction) -> bool:
        with self._lock:
            if direction != self._direction or not self._left:
                return False
            self._left -= 1
            strikes = not self._left
            self._is_down = self._is_down or (strikes and self._stays_down)
            return strikes

    def _cut(self) -> None:
        for one in self._sockets.copy():  # those that come meanwhile go on
            self._sockets.discard(one)
            _end(one)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy_to(target: Path) -> Iterator[Proxy]:
    """Have a proxy for as long as the block lasts."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
