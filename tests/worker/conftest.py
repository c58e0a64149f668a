"""Every kind of inbox, over servers that are started when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stores.conftest import (
    dynamodb_server,
    postgres_database,
    postgres_dsn,
    postgres_server,
    redis_server,
)
from tests.worker.places import Place, RedisPlace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.places import AnyPlace

__all__ = [
    "dynamodb_server",
    "postgres_database",
    "postgres_dsn",
    "postgres_server",
    "redis_server",
]


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> AnyPlace:
    """Give a fresh ledger of each kind."""
    place: AnyPlace
    if request.param == "redis":
        place = RedisPlace("redis", request.getfixturevalue("redis_server").url)
    elif request.param == "postgres":
        place = Place("postgres", request.getfixturevalue("postgres_dsn"))
    else:
        place = Place("sqlite", str(tmp_path / "app.db"))
    place.create()
    return place


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the path of a file that is not there yet."""
    return tmp_path / "lines.txt"
