"""What README and docs show is run, and what they tell to type exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pages import PAGES, ROOT, run, typed

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = {"nox", "pip", "pre-commit", "python", "python3", "stripe-events"}
# They need frameworks or queues; tests/adapters/test_docs.py runs them.
WITH_FRAMEWORKS = {"adapters.md", "inbox.md"}


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in WITH_FRAMEWORKS],
    ids=lambda page: page.name,
)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is tried as it stands."""
    monkeypatch.chdir(tmp_path)
    run(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_console_blocks_name_known_commands(page: Path) -> None:
    """Nobody is told to type what the project does not bring or ask for."""
    assert set() == {word.removeprefix(".venv/bin/") for word in typed(page)} - COMMANDS


def test_the_readme_tells_the_test_command_that_ci_runs() -> None:
    """Who types README's line does all that CI does."""
    *_, command = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert command.startswith("python3 -m venv .venv")
    assert f"$ {command}\n" in (ROOT / "README.md").read_text("utf-8")
