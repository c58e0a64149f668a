"""Processes of the inbox's benchmarks, which say when they are ready, and obey lines."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Process", "running", "started_together"]

_REPOSITORY = Path(__file__).parent.parent


class Process:
    """A module of the benchmarks that runs; each line it is told, and each answer, is one line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Wait until it is ready."""
        self._process = process
        assert self.answer() == "ready"

    def tell(self, line: str) -> None:
        """Write a line to it."""
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)

    def answer(self) -> str:
        """Wait for a line of it."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the benchmark has failed: see above")
        return line.strip()


@contextmanager
def running(module: str, *arguments: str) -> Generator[Process, None, None]:
    """Start a module of this package; at the end its stdin ends, and it with that."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    with subprocess.Popen(
        command, cwd=_REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Process(process)
        finally:
            process.communicate()


def started_together(number: int, module: str, *arguments: str) -> float:
    """Let so many processes work until nothing is left, and give when they were let (unix time)."""
    with ExitStack() as stack:
        processes = [stack.enter_context(running(module, *arguments)) for _ in range(number)]
        started = time()
        for process in processes:
            process.tell("go")
        for process in processes:
            process.answer()
    return started
