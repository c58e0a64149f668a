"""
Every check of the project, each a session; ``nox`` alone runs all that CI needs.

The supported Pythons stand in pyproject.toml's classifiers. Those that are not on
this machine are reported as skipped; the one that runs nox is always tested.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nox

PYPROJECT = nox.project.load_toml("pyproject.toml")
STRIPES = ["12", "13", "14", "15", "16", "newest"]
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
# A Python that is missing is no failure, also where CI is set.
nox.options.error_on_missing_interpreters = False
nox.options.sessions = [
    "lint",
    "typing",
    "generated",
    "demo",
    "unit",
    "objects",
    "stores",
    "worker",
    "model",
    "adapters",
    "system",
    "coverage",
    "wheel",
]


def by_number(version: str) -> list[int]:
    """Give what sorts versions: 3.9 before 3.11."""
    return [int(part) for part in version.split(".")]


def let_pyenv_offer_all(supported: list[str]) -> None:
    """
    Name pyenv every installed version that is supported, unless some are named already.

    Its shims answer only for named versions, usually a single one.
    """
    if "PYENV_VERSION" in os.environ or shutil.which("pyenv") is None:
        return
    listing = subprocess.run(
        ["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False
    ).stdout.split()
    numbered = [name for name in listing if re.fullmatch(r"\d+\.\d+\.\d+", name)]
    fit = [name for name in numbered if name.rpartition(".")[0] in supported]
    if fit:
        os.environ["PYENV_VERSION"] = ":".join(sorted(fit, key=by_number, reverse=True))


def is_present(version: str) -> bool:
    """Say whether this machine has that Python; a shim that refuses does not count."""
    if version == RUNNING:
        return True
    found = shutil.which(f"python{version}")
    return (
        found is not None
        and not subprocess.run([found, "-V"], capture_output=True, check=False).returncode
    )


SUPPORTED = nox.project.python_versions(PYPROJECT)
let_pyenv_offer_all(SUPPORTED)
PYTHONS = sorted({*SUPPORTED, RUNNING}, key=by_number)
NEWEST = max(filter(is_present, PYTHONS), key=by_number)


def group(name: str) -> list[str]:
    """Give the requirements of one of pyproject.toml's dependency groups."""
    return nox.project.dependency_groups(PYPROJECT, name)


def run_tests(session: nox.Session, folder: str, *, measured: bool) -> None:
    """Run one layer of tests, or what the command line names; ``measured`` keeps coverage."""
    if measured and not session.posargs:
        session.run("coverage", "run", "-m", "pytest", folder)
    else:
        session.run("pytest", *(session.posargs or [folder]))


@nox.session(python=PYTHONS)
def unit(session: nox.Session) -> None:
    """Run tests/unit; only where the newest Python runs it, every adapter can be imported."""
    frameworks = group("frameworks") if session.python == NEWEST else []
    session.install("-e.", *group("tests"), *frameworks)
    run_tests(session, "tests/unit", measured=session.python == NEWEST)


@nox.session(python=NEWEST)
@nox.parametrize("stripe", STRIPES, ids=STRIPES)
def objects(session: nox.Session, stripe: str) -> None:
    """Run tests/objects, which touch stripe's classes, on one release of a stripe major."""
    pin = "stripe" if stripe == "newest" else f"stripe=={stripe}.*"
    session.install("-e.", pin, *group("tests"))
    run_tests(session, "tests/objects", measured=stripe == "newest")


@nox.session(python=NEWEST)
def stores(session: nox.Session) -> None:
    """Run tests/stores: the contract and the faults of every store, over real databases."""
    session.install("-e.", *group("tests"))
    run_tests(session, "tests/stores", measured=True)


@nox.session(python=NEWEST)
def worker(session: nox.Session) -> None:
    """Run tests/worker: workers that die, hang or are cut off, over real databases."""
    session.install("-e.", *group("tests"))
    run_tests(session, "tests/worker", measured=True)


@nox.session(python=NEWEST)
def model(session: nox.Session) -> None:
    """Run tests/model: every way that the ledger's states can go, searched exhaustively."""
    session.install("-e.", *group("tests"))
    run_tests(session, "tests/model", measured=False)


@nox.session(python=NEWEST)
def adapters(session: nox.Session) -> None:
    """Run tests/adapters: every adapter inside its own framework."""
    session.install("-e.", *group("tests"), *group("frameworks"))
    run_tests(session, "tests/adapters", measured=True)


@nox.session(python=NEWEST)
def system(session: nox.Session) -> None:
    """Run tests/system: servers, sockets, faults."""
    session.install("-e.", *group("tests"), *group("frameworks"))
    run_tests(session, "tests/system", measured=True)


@nox.session(python=NEWEST)
def coverage(session: nox.Session) -> None:
    """Report what the layers have covered together, as far as they ran before, and ask enough."""
    session.install(*group("tests"))
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session(python=NEWEST)
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel, and run tests/unit against what was installed from the wheel."""
    session.install(*group("build"))
    dist = Path(session.virtualenv.location, "dist")
    shutil.rmtree(dist, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(dist))
    session.install(*map(str, dist.glob("*.whl")), *group("tests"))
    where = "import stripe_events, sysconfig; print(stripe_events.__file__); "
    inside = "assert stripe_events.__file__.startswith(sysconfig.get_path('purelib'))"
    session.run("python", "-I", "-c", where + inside)
    session.run("pytest", *(session.posargs or ["tests/unit"]))


@nox.session(python=NEWEST)
def lint(session: nox.Session) -> None:
    """Check style, format and spelling."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")


@nox.session(python=NEWEST)
def typing(session: nox.Session) -> None:
    """Check types by mypy and pyright, both strict, and that every public name has one."""
    session.install("-e.", *group("typing"), *group("tests"), *group("frameworks"))
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "stripe_events", "--ignoreexternal")


@nox.session(python=NEWEST)
def generated(session: nox.Session) -> None:
    """Compare generated code with its sources, and the catalogue with the newest stripe."""
    session.install("-e.", *group("tools"))
    session.install("--upgrade", "stripe")
    session.run("python", "-m", "tools.generate", "--check")
    session.run("python", "-m", "tools.refresh")


@nox.session(python=NEWEST)
def demo(session: nox.Session) -> None:
    """Run the demonstration, which checks itself."""
    session.install(".")
    session.run("python", "-W", "error", "-m", "stripe_events", "demo")


@nox.session(python=NEWEST)
def benchmarks(session: nox.Session) -> None:
    """Measure speed and size, and print a table; not part of CI, where others share the machine."""
    session.install(".", *group("tests"), *group("frameworks"), *group("benchmarks"))
    session.run("python", "-m", "benchmarks", *session.posargs)
