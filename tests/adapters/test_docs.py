"""The page of the adapters is run where all frameworks are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.pages import ROOT, run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page_of_adapters_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every form that it shows can be typed."""
    monkeypatch.chdir(tmp_path)
    run(ROOT / "docs" / "adapters.md")
