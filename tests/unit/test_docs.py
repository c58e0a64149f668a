"""What README and docs show is run, and what they tell to type exists."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from stripe_events import EventRouter

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

COMMANDS = {"nox", "pip", "pre-commit", "python", "python3", "stripe-events"}
FENCE = re.compile(
    r"(?P<mark><!-- no-run: \S[^\n]* -->\n+)?"
    r"^(?P<indent> *)```(?P<language>python|console)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """A fenced block: its language, the text, its first line's number, whether it is run."""

    language: str
    text: str
    line: int
    runs: bool


def blocks(page: Path, language: str) -> list[Block]:
    """Give a page's blocks in one language, in order."""
    content = page.read_text("utf-8")
    return [
        Block(
            language=found["language"],
            text=dedent(found["text"]),
            line=content.count("\n", 0, found.start("text")),
            runs=found["mark"] is None,
        )
        for found in FENCE.finditer(content)
        if found["language"] == language
    ]


def typed(page: Path) -> list[str]:
    """Give the first words of the commands in a page's console blocks, where ``$`` begins each."""
    lines = [line for block in blocks(page, "console") for line in block.text.splitlines()]
    commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [part.split()[0] for command in commands for part in re.split(r"&&|\|", command)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's blocks run from top to bottom; one marked ``no-run`` must at least compile."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": page.stem}
    try:
        for block in blocks(page, "python"):
            code = compile("\n" * block.line + block.text, page, "exec")
            if block.runs:
                exec(code, namespace)
    finally:
        for router in namespace.values():
            if isinstance(router, EventRouter):
                router.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_console_blocks_name_known_commands(page: Path) -> None:
    """Nobody is told to type what the project does not bring or ask for."""
    assert set() == {word.removeprefix(".venv/bin/") for word in typed(page)} - COMMANDS


def test_the_readme_tells_the_test_command_that_ci_runs() -> None:
    """Who types README's line does all that CI does."""
    *_, command = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert command.startswith("python3 -m venv .venv")
    assert f"$ {command}\n" in (ROOT / "README.md").read_text("utf-8")
