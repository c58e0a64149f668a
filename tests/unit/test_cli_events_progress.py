"""Long work shows how far it has come, and gets out of the way of what else is printed."""

from __future__ import annotations

import io
import sys

import pytest

from stripe_events.cli._progress import Progress


class Stream(io.StringIO):
    """A standard error that is a terminal, or is not."""

    def __init__(self, *, is_terminal: bool) -> None:
        """Start empty."""
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        """Say which."""
        return self._is_terminal


class Clock:
    """A clock that tests set."""

    now = 0.0

    def __call__(self) -> float:
        """Give the seconds."""
        return self.now


def work(
    monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool, total: int | None, pace: float
) -> tuple[Progress, Stream]:
    """Count to six, ``pace`` seconds each."""
    stream, clock = Stream(is_terminal=is_terminal), Clock()
    monkeypatch.setattr(sys, "stderr", stream)
    progress = Progress("erased", total, clock=clock)
    for _ in range(6):
        clock.now += pace
        progress.advance()
    return progress, stream


def test_a_terminal_is_told_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times a second at most; one line, which goes away."""
    progress, stream = work(monkeypatch, is_terminal=True, total=9, pace=0.0625)
    assert ["", "erased 2/9", "erased 4/9", "erased 6/9"] == stream.getvalue().split("\r\x1b[K")
    progress.wipe()
    progress.wipe()
    assert stream.getvalue().endswith("erased 6/9\r\x1b[K")


def test_a_log_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line every five seconds, nothing that steers a terminal."""
    progress, stream = work(monkeypatch, is_terminal=False, total=None, pace=2.5)
    progress.wipe()
    assert "erased 2\nerased 4\nerased 6\n" == stream.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_short_work_says_nothing(monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool) -> None:
    """Nor does the end of it."""
    progress, stream = work(monkeypatch, is_terminal=is_terminal, total=6, pace=0.01)
    progress.wipe()
    assert ("", 6) == (stream.getvalue(), progress.count)
