"""A gate that holds handlers of ``slow_app`` up, in whatever process they are."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["shut"]


@contextmanager
def shut(gate: Path) -> Iterator[None]:
    """Hold handlers up for as long as a block lasts, or this process."""
    with gate.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
