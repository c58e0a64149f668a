"""Hand-written code keeps to sizes that can be read at one sitting."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PRODUCT = ("src", "tools", "examples", "benchmarks")
TESTS = ("tests", "typing_tests")
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def written_by_hand(*folders: str) -> Iterator[Path]:
    """Give the source files whose banner does not say that a tool wrote them."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "@generated" not in path.read_text("utf-8")[:600]:
                yield path


def function_lengths() -> Iterator[tuple[int, str]]:
    """Give the lines of every function, without its docstring, and where it stands."""
    for path in written_by_hand(*PRODUCT):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                docstring = (ast.get_docstring(node, clean=False) or "").splitlines()
                lines = (node.end_lineno or node.lineno) - node.lineno + 1 - len(docstring)
                yield lines, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"


def test_files_hold_at_most_400_lines() -> None:
    """A longer file holds more than one concept, tests too."""
    files = written_by_hand(*PRODUCT, *TESTS)
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in files}
    assert {} == {str(path): count for path, count in lines.items() if count > 400}


def test_functions_hold_at_most_40_lines() -> None:
    """A longer function does more than one thing."""
    assert [] == [where for lines, where in function_lengths() if lines > 40]


def test_half_of_the_functions_hold_at_most_9_lines() -> None:
    """Most functions are read at a glance."""
    assert median(lines for lines, _ in function_lengths()) <= 9


def test_adapters_hold_at_most_150_lines() -> None:
    """A longer one has begun to decide for itself."""
    files = (ROOT / "src" / "stripe_events" / "adapters").rglob("*.py")
    lines = {path.name: len(path.read_text("utf-8").splitlines()) for path in files}
    assert {} == {name: count for name, count in lines.items() if count > 150}


def test_examples_hold_at_most_60_lines() -> None:
    """An example shows one thing."""
    lines = {path.name: len(path.read_text("utf-8").splitlines()) for path in EXAMPLES}
    assert {} == {name: count for name, count in lines.items() if count > 60}
