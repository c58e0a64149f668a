"""The pages of the project, and the blocks of code in them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import NamedTuple

from stripe_events import EventRouter

__all__ = ["PAGES", "ROOT", "blocks", "run", "typed"]

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

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


def run(page: Path) -> None:
    """Run a page's blocks from top to bottom; one marked ``no-run`` must at least compile."""
    module = ModuleType(page.stem)
    sys.modules[page.stem] = module  # frameworks look for the module that calls them
    namespace = vars(module)
    try:
        for block in blocks(page, "python"):
            code = compile("\n" * block.line + block.text, page, "exec")
            if block.runs:
                exec(code, namespace)
    finally:
        del sys.modules[page.stem]
        for router in namespace.values():
            if isinstance(router, EventRouter):
                router.close()
