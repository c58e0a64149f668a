"""Fixtures for tests of every adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.waiting import closing_every_router

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _every_router_is_closed() -> Iterator[None]:
    with closing_every_router():
        yield
