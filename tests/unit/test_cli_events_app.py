"""``--app``: which router is meant, and what is told if there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stripe_events.cli import main
from tests.unit.cli_ledger import open_shop, write_app

if TYPE_CHECKING:
    from pathlib import Path

APP = """
from stripe_events import EventRouter
from stripe_events.storage import MemoryStore

class Here:
    hooks = EventRouter(store=MemoryStore())

class Mute:
    accept = finish = suspend = give_back = extend = get = list = retry = print

storeless = EventRouter()
mute = EventRouter(store=Mute())

def make():
    return EventRouter(store=MemoryStore())
"""


@pytest.mark.parametrize("target", ["app:Here.hooks", "app:only", "shop"])
def test_a_router_is_found_by_module_and_name(
    target: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The name may be dotted; without one it is ``router``."""
    write_app(tmp_path, monkeypatch, "app", APP + "\nonly = Here.hooks\n")
    with open_shop("memory", tmp_path, monkeypatch, capsys):
        assert 0 == main(["events", "overdue", "--app", target])
        assert ("0 overdue\n", "") == capsys.readouterr()


def test_modules_are_found_in_the_current_directory(tmp_path: Path) -> None:
    """As with uvicorn and gunicorn, PYTHONPATH need not be set."""
    (tmp_path / "app.py").write_text(APP, "utf-8")
    command = [sys.executable, "-P", "-m", "stripe_events"]
    done = subprocess.run(
        [*command, "events", "overdue", "--app", "app:Here.hooks"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (0, "0 overdue\n", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("nowhere:router", "there is no module 'nowhere', neither installed nor in {here}"),
        ("app.part:router", "there is no module 'app.part', neither installed nor in {here}"),
        (":router", "--app takes module:router, and '' names no module"),
        ("app/hooks.py", "--app takes module:router, and 'app/hooks.py' names no module"),
        ("app", "--app app: app has no 'router'; its routers are: storeless, mute"),
        ("app:Here.her", "--app app:Here.her: app:Here has no 'her'; its routers are: hooks"),
        ("app:make.it", "--app app:make.it: app:make has no 'it', nor any other EventRouter"),
        (
            "app:make",
            "--app app:make: app:make is a function, not an EventRouter: name what it gives",
        ),
        ("app:__name__", "--app app:__name__: app:__name__ is of type str, not an EventRouter"),
        (
            "app:storeless",
            "this router has no store, so nothing is recorded: give EventRouter(store=...)",
        ),
        ("app:mute", "Mute is no LedgerStore: it has no replay, drop, erase, forget"),
        ("broken", "broken cannot be imported: ZeroDivisionError: division by zero"),
        ("needy", "needy cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_what_is_wrong_is_named(
    target: str,
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever mistypes learns what was found instead; the status is that of a wrong usage."""
    write_app(tmp_path, monkeypatch, "app", APP)
    write_app(tmp_path, monkeypatch, "broken", "1 / 0")
    write_app(tmp_path, monkeypatch, "needy", "import nowhere")
    status = main(["events", "overdue", "--app", target])
    out, err = capsys.readouterr()
    assert (2, "") == (status, out)
    assert f"stripe-events: {complaint.format(here=tmp_path)}" == err.splitlines()[-1]


def test_an_error_in_the_module_has_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the app's own error: where it was raised is what its author needs."""
    write_app(tmp_path, monkeypatch, "broken", "1 / 0")
    assert 2 == main(["events", "overdue", "--app", "broken"])
    assert f'File "{tmp_path}/broken.py", line 1, in <module>' in capsys.readouterr().err
