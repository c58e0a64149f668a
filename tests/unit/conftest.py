"""Fixtures for tests of several files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.unit.recorded import WAYS, Service
from tests.unit.recorded_sql import SQLService
from tests.unit.waiting import closing_every_router, ended

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _every_router_is_closed() -> Iterator[None]:
    with closing_every_router():
        yield


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Give threads for requests, and see in the end that none of ours is left."""
    with ThreadPoolExecutor(8, "request") as pool:
        yield pool
    assert ended()


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """Give a service with a ledger, in each way of using the library; see ``recorded``."""
    served = Service(request.param)
    yield served
    served.close()


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def bank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SQLService]:
    """Give a service with its ledger in a database, in each way; see ``recorded_sql``."""
    served = SQLService(request.param, tmp_path)
    yield served
    served.close()
