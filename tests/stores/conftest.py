"""What tests of stores share: one server of a kind per run, started when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stores.postgres_ledgers import Ledgers
from tests.stores.postgres_server import PostgresServer
from tests.stores.redis_ledgers import RedisLedgers
from tests.stores.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stores.dynamodb_server import DynamoDBServer


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


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Start a server; whoever stops it starts it again."""
    server = RedisServer()
    server.start()
    yield server
    server.delete()


@pytest.fixture(scope="session")
def dynamodb_server() -> Iterator[DynamoDBServer]:
    """Start moto's server; its modules take a second to load."""
    from tests.stores.dynamodb_server import DynamoDBServer

    server = DynamoDBServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sync", "async"])
def redis_ledgers(
    request: pytest.FixtureRequest, redis_server: RedisServer
) -> Iterator[RedisLedgers]:
    """Give what opens stores on an empty server, of the sync and of the async kind."""
    with redis_server.client() as client:
        client.flushall()
    opened = RedisLedgers(request.param, redis_server)
    yield opened
    opened.close()
