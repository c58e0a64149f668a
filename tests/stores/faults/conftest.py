"""Both databases, each with a table of effects beside the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stores.faults.places import Place

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Give a fresh database of each kind."""
    if request.param == "sqlite":
        place = Place("sqlite", str(tmp_path / "app.db"))
    else:
        place = Place("postgres", request.getfixturevalue("postgres_dsn"))
    place.create()
    return place


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the path of a file that is not there yet."""
    return tmp_path / "lines.txt"
