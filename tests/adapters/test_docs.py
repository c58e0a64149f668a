"""The pages of adapters and of the inbox are run where all frameworks and queues are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pages import ROOT, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", ["adapters.md", "inbox.md"])
def test_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every form that it shows can be typed."""
    monkeypatch.chdir(tmp_path)
    run(ROOT / "docs" / page)
