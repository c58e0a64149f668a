"""
Where an inbox of the benchmarks is: told to other processes as an argument, opened by each.

Servers are the benchmark's own. Redis keeps what it acknowledges (AOF, fsync of every
write), PostgreSQL is configured as it comes, SQLite is told how to write.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast

from benchmarks.ledger_server import server
from stripe_events.storage import PostgresStore, RedisStore, SQLiteStore
from tests.stores.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["Kind", "Place", "new_places"]

Kind: TypeAlias = Literal["PostgreSQL", "Redis", "SQLite", "SQLite NORMAL"]


class Place(NamedTuple):
    """A database by its address; no other ledger is in it."""

    kind: Kind
    address: str

    def store(self) -> Any:
        """Give a store that has yet to connect."""
        match self.kind:
            case "PostgreSQL":
                return PostgresStore(self.address)
            case "Redis":
                url, _, prefix = self.address.partition("#")
                return RedisStore(url, prefix=prefix)
            case "SQLite":
                return SQLiteStore(self.address)
            case "SQLite NORMAL":
                return SQLiteStore(self.address, synchronous="NORMAL", accept_loss=["synchronous"])

    def told(self) -> str:
        """Give it as an argument of a command."""
        return json.dumps(self)

    @classmethod
    def of(cls, told: str) -> Place:
        """Read what ``told`` gave."""
        kind, address = json.loads(told)
        return cls(cast("Kind", kind), address)


@contextmanager
def new_places(
    kind: Kind, folder: Path | None = None
) -> Generator[Callable[[str], Place], None, None]:
    """
    Give what makes a place of a name that is new, with its tables.

    Args:
        kind: of database.
        folder: below which it keeps its data, instead of that for temporary files.
    """
    match kind:
        case "PostgreSQL":
            with server(folder) as running:

                def place(name: str) -> Place:
                    running.new_database(name)
                    made = Place(kind, running.uri(name))
                    with _closing(made.store()) as store:
                        store.create_schema()
                    return made

                yield place
        case "Redis":
            with TemporaryDirectory(prefix="stripe-events-", dir=folder) as made:
                redis = RedisServer(dir=made, auto_aof_rewrite_percentage="0")
                redis.start()
                try:
                    yield lambda name: Place(kind, f"{redis.url}#{name}")
                finally:
                    redis.delete()
        case _:
            with TemporaryDirectory(prefix="stripe-events-", dir=folder) as made:
                yield lambda name: Place(kind, str(Path(made, f"{name}.db")))


@contextmanager
def _closing(store: Any) -> Generator[Any, None, None]:
    try:
        yield store
    finally:
        store.close()
