"""
Write everything that is generated: ``python -m tools.generate [--check]``.

All files are rendered and formatted in memory first; then they are written, or
with ``--check`` compared as a whole: the set of files and every byte of them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools import (
    catalogue_file,
    events_page,
    readme_table,
    render_data,
    render_events,
    states_page,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.catalogue_file import Row

__all__ = ["Files", "differences", "existing", "formatted", "main", "render", "write"]

Files = dict[str, str]
"""Texts by path, relative to the root of the project, with forward slashes."""

ROOT: Final = Path(__file__).parent.parent
_SOURCE: Final = "src/stripe_events"
_README: Final = "README.md"
_PAGE: Final = "docs/events.md"
_STATES: Final = "docs/states.md"
_RUFF: Final = ("-m", "ruff", "format", "--stdin-filename")


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command; give 1 if ``--check`` found a difference, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    try:
        files = render(catalogue_file.load(root / "tools/catalogue.tsv").rows, root)
    except (catalogue_file.CatalogueError, readme_table.MarkerError) as error:
        print(error, file=sys.stderr)
        return 2
    found = existing(root)
    if options.check:
        report = differences(found, files)
        print(report or f"{len(files)} generated files are fresh", end="" if report else "\n")
        return 1 if report else 0
    write(root, found, files)
    return 0


def render(rows: tuple[Row, ...], root: Path) -> Files:
    """Give every generated file as it should be, formatted; reads the README for its rest."""
    sources = {
        f"{_SOURCE}/_event_index.py": render_data.event_index(rows),
        f"{_SOURCE}/_catalogue_data.py": render_data.catalogue_data(rows),
    }
    for kind, package in render_events.PACKAGES.items():
        files = render_events.package_files(rows, kind)
        sources |= {f"{_SOURCE}/{package}/{name}": text for name, text in files.items()}
    readme = (root / _README).read_text(encoding="utf-8")
    return {
        **formatted(sources),
        _README: readme_table.with_table(readme, rows),
        _PAGE: events_page.events_page(rows),
        _STATES: states_page.states_page(),
    }


def formatted(sources: Files) -> Files:
    """Give sources as ``ruff format`` writes them, by the project's own settings."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(sources, pool.map(_format, sources, sources.values()), strict=True))


def existing(root: Path) -> Files:
    """Give what is there now: also files that nothing would be generated for."""
    packages = [root / _SOURCE / package for package in render_events.PACKAGES.values()]
    paths = [path for package in packages for path in package.rglob("*") if path.is_file()]
    paths += [root / _SOURCE / "_event_index.py", root / _SOURCE / "_catalogue_data.py"]
    return {
        path.relative_to(root).as_posix(): path.read_bytes().decode("utf-8", "backslashreplace")
        for path in [*paths, root / _README, root / _PAGE, root / _STATES]
        if path.exists() and "__pycache__" not in path.parts
    }


def differences(found: Files, expected: Files) -> str:
    """Give one unified diff from what is there to what should be; empty if nothing differs."""
    return "".join(
        _diff(path, found.get(path, ""), expected.get(path, ""))
        for path in sorted({*found, *expected})
        if found.get(path) != expected.get(path)
    )


def write(root: Path, found: Files, expected: Files) -> None:
    """Write what differs and remove the files that nothing is generated for."""
    for path in found.keys() - expected.keys():
        (root / path).unlink()
    for path, text in expected.items():
        if found.get(path) != text:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(text.encode("utf-8"))


def _format(path: str, source: str) -> str:
    command = [sys.executable, *_RUFF, path, "-"]
    return subprocess.run(
        command, input=source, capture_output=True, encoding="utf-8", check=True, cwd=ROOT
    ).stdout


def _diff(path: str, found: str, expected: str) -> str:
    lines = unified_diff(
        found.splitlines(keepends=True),
        expected.splitlines(keepends=True),
        f"{path} (there)",
        f"{path} (generated)",
    )
    # Line ends that differ must show, and a file without a last newline must not
    # run into the next header; an empty file differs from none by its header alone.
    text = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
    return text.replace("\r", "\\r") or f"--- {path} (there)\n+++ {path} (generated)\n"


if __name__ == "__main__":
    sys.exit(main())
