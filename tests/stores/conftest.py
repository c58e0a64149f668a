"""What tests of stores share: one PostgreSQL per run, started when a test first asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stores.postgres_ledgers import Ledgers
from tests.stores.postgres_server import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server; whoever stops it starts it again."""
    server = PostgresServer()
    server.start()
    yield server
    server.delete()


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the name of a fresh, empty database."""
    name = postgres_server.new_database()
    yield name
    postgres_server.drop_database(name)


@pytest.fixture
def postgres_dsn(postgres_server: PostgresServer, postgres_database: str) -> str:
    """Give the DSN of a fresh, empty database."""
    return postgres_server.dsn(postgres_database)


@pytest.fixture(params=["sync", "async"])
def ledgers(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, postgres_database: str
) -> Iterator[Ledgers]:
    """Give what opens stores on a fresh database, of the sync and of the async kind."""
    opened = Ledgers(request.param, postgres_server, postgres_database)
    yield opened
    opened.close()
