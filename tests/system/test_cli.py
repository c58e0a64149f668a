"""The command line as it is installed: what it tells, and with which exit status."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

COMMAND = Path(sysconfig.get_path("scripts"), "stripe-events")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def words(text: str) -> str:
    """Undo the line breaks, which depend on the terminal."""
    return " ".join(text.split())


def test_help_lists_the_commands() -> None:
    """Somebody who has only installed the package finds the demonstration."""
    done = run(COMMAND, "--help")
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("usage: stripe-events ")
    assert "demo serve on loopback, send signed deliveries" in words(done.stdout)


def test_help_of_the_demo_tells_its_exit_status_and_options() -> None:
    """Scripts can be written from the help alone."""
    done = run(COMMAND, "demo", "--help")
    assert (0, "") == (done.returncode, done.stderr)
    assert "exit status is 0 if every delivery went as it should, else 1" in words(done.stdout)
    assert "--json one JSON object per delivery and line" in words(done.stdout)


def test_version_names_what_a_bug_report_needs() -> None:
    """The versions of the package, of stripe and of Python stand in one line."""
    done = run(COMMAND, "--version")
    assert (0, "") == (done.returncode, done.stderr)
    name, ours, stripe, _, python, number = done.stdout.split()
    assert ("stripe-events", "(stripe", "Python") == (name, stripe, python)
    assert ours[0].isdigit()
    assert f"{sys.version.split()[0]})" == number


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "the following arguments are required: command"),
        (("demonstrate",), "invalid choice: 'demonstrate'"),
        (("demo", "--yaml"), "unrecognized arguments: --yaml"),
        (("events",), "the following arguments are required: action"),
        (("events", "list"), "the following arguments are required: --app"),
        (("events", "retry", "--app", "x", "--state", "done"), "invalid choice: 'done'"),
        (("events", "drop", "--app", "x", "evt_1"), "are required: --handler"),
        (("events", "list", "--app", "x", "--limit", "-1"), "'-1' is no whole number from 0 up"),
    ],
)
def test_wrong_usage_is_told_with_status_2(arguments: tuple[str, ...], complaint: str) -> None:
    """A mistyped command does nothing, and says on standard error what is wrong."""
    done = run(COMMAND, *arguments)
    assert (2, "") == (done.returncode, done.stdout)
    assert complaint in done.stderr


def test_the_package_can_be_run_as_a_module() -> None:
    """``python -m stripe_events`` works where the scripts are not on PATH."""
    script, module = run(COMMAND, "--help"), run(sys.executable, "-m", "stripe_events", "--help")
    assert (script.returncode, script.stdout) == (module.returncode, module.stdout)
