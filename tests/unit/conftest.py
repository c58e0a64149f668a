"""Fixtures for tests of several files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.unit.waiting import ended

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Give threads for requests, and see in the end that none of ours is left."""
    with ThreadPoolExecutor(8, "request") as pool:
        yield pool
    assert ended()
