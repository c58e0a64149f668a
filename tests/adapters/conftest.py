"""No test leaves a thread behind that extends leases: its router is to be closed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def heartbeats() -> set[threading.Thread]:
    """Give the threads of routers that have a store and were not closed."""
    return {one for one in threading.enumerate() if one.name == "stripe-events-heartbeat"}


@pytest.fixture(autouse=True)
def _every_router_is_closed() -> Iterator[None]:
    before = heartbeats()
    yield
    assert set() == heartbeats() - before
