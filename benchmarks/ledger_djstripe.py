"""
dj-stripe in an environment and a process of its own, which does as it is told.

The environment is made once, by uv where there is one, else by pip, in the user's cache.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from benchmarks.ledger_rounds import progress

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DjStripe"]

_VERSION = "2.11.0"
_REPOSITORY = Path(__file__).parent.parent


class DjStripe:
    """
    A process with dj-stripe on an SQLite file.

    Args:
        database: the file, which does not exist yet.
    """

    def __init__(self, database: Path) -> None:
        """Start it; what it runs with is in ``versions``."""
        command = [str(_python()), "-m", "benchmarks.ledger_djstripe_site", str(database)]
        self._process = subprocess.Popen(
            command, cwd=_REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.versions: str = self._ask("start", 0)

    def __enter__(self) -> Self:
        """Be at hand."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, and fail unless it verified and recorded all that it was sent."""
        try:
            self._ask("check", 0)
        finally:
            self._process.communicate()

    def posting(self, view: str, number: int) -> Callable[[], float]:
        """Give what posts so many new events to a view, and gives the seconds for each."""
        return lambda: self._ask(view, number)

    def _ask(self, task: str, number: int) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(task, number, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            message = "the process with dj-stripe has failed: see above"
            raise RuntimeError(message)
        return json.loads(answer)


def _python() -> Path:
    """Give the interpreter of the environment; make it first if it is not there."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = f"dj-stripe-{_VERSION}-{sys.implementation.cache_tag}"
    folder = caches / "stripe-events-benchmarks" / name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    complete = folder / "complete"
    if not complete.exists():
        progress(f"installing dj-stripe {_VERSION} into {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        _install(folder, python)
        complete.touch()
        progress()
    return python


def _install(folder: Path, python: Path) -> None:
    requirement = f"dj-stripe=={_VERSION}"
    uv = shutil.which("uv")
    if uv is None:
        _run(sys.executable, "-m", "venv", folder)
        _run(python, "-m", "pip", "install", "--quiet", requirement)
    else:
        _run(uv, "venv", "--quiet", "--python", sys.executable, folder)
        _run(uv, "pip", "install", "--quiet", "--python", python, requirement)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
