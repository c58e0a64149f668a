"""How far searches go: ``--hypothesis-profile=long`` lets one more thing go wrong in each."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def more(pytestconfig: pytest.Config) -> int:
    """Give how many faults a search is to have besides those of the normal run."""
    return int(pytestconfig.getoption("--hypothesis-profile") == "long")
