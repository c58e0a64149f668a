"""``stripe-events work``: what it can be told, and what it refuses."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

import pytest

from stripe_events.cli import main
from stripe_events.cli._work_arguments import Address, address
from tests.unit.cli_ledger import write_app

if TYPE_CHECKING:
    from pathlib import Path

APP = """
from stripe_events import EventRouter
from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage import MemoryStore

class Inline:
    accept = finish = suspend = give_back = extend = print

class NoTables(MemoryStore):
    def take_due(self, *arguments):
        raise ConfigurationError("the ledger's tables are not there")

class Unclosable(MemoryStore):
    def close(self):
        raise StoreError("the connection hangs")

storeless = EventRouter()
inline = EventRouter(store=Inline())
new = EventRouter(store=NoTables())
unclosable = EventRouter(store=Unclosable())
router = EventRouter(store=MemoryStore())
"""


def complaint(
    capsys: pytest.CaptureFixture[str],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    *arguments: str,
) -> tuple[int, str]:
    """Run the command, which is refused; give its status and the last line of what it said."""
    write_app(place, monkeypatch, "app", APP)
    status = main(["work", *arguments])
    return status, capsys.readouterr().err.splitlines()[-1].removeprefix("stripe-events: ")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("8081", Address("127.0.0.1", 8081)),
        ("0.0.0.0:8081", Address("0.0.0.0", 8081)),
        ("[::1]:0", Address("::1", 0)),
        ("worker.local:80", Address("worker.local", 80)),
    ],
)
def test_a_port_without_a_host_is_on_loopback(text: str, meant: Address) -> None:
    """Whoever wants others to see it says so."""
    assert meant == address(text)


@pytest.mark.parametrize("text", ["", "localhost", ":8081", "8081:", "1:99999", "1:-1", "²"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """With what was read."""
    with pytest.raises(ArgumentTypeError, match="neither a port nor HOST:PORT"):
        address(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "the following arguments are required: MODULE:ROUTER"),
        (("app", "--concurrency", "0"), "'0' is no whole number from 1 up"),
        (("app", "--concurrency", "many"), "'many' is no whole number from 1 up"),
        (("app", "--poll", "0"), "argument --poll: it takes seconds above 0"),
        (("app", "--poll", "soon"), "'soon' is no number of seconds from 0 up"),
        (("app", "--time-limit", "inf"), "'inf' is no number of seconds from 0 up"),
        (("app", "--stop-within", "-1"), "'-1' is no number of seconds from 0 up"),
        (("app", "--health", "here"), "'here' is neither a port nor HOST:PORT"),
    ],
)
def test_wrong_usage_is_told_before_the_app_is_loaded(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As argparse does, with status 2."""
    with pytest.raises(SystemExit, match="2"):
        main(["work", *arguments])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere", "there is no module 'nowhere', neither installed nor in {here}"),
        ("app:none", "work app:none: app has no 'none'; its routers are: storeless, inline"),
        ("./app.py", "work takes module:router, and './app.py' names no module"),
        ("app:storeless", "this router has no store: give EventRouter(store=...)"),
        ("app:inline", "store Inline lacks enqueue, take_due; see stripe_events.storage"),
        ("app:new", "the ledger's tables are not there"),
    ],
)
def test_a_router_that_cannot_be_worked_for_is_told_with_status_2(
    target: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A supervisor that starts it again and again needs a reason in its log."""
    status, told = complaint(capsys, tmp_path, monkeypatch, target)
    assert 2 == status
    assert told.startswith(said.format(here=tmp_path))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--health-file", "no/where"), "--health-file no/where cannot be written: No such file"),
        (("--health", "203.0.113.1:0"), "--health 203.0.113.1:0: Cannot assign requested address"),
    ],
)
def test_what_cannot_be_told_to_supervisors_is_refused(
    options: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Else they would end it for being silent."""
    status, told = complaint(capsys, tmp_path, monkeypatch, "app", *options)
    assert 2 == status
    assert told.startswith(said)


def test_a_store_that_fails_as_it_is_closed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All work was done by then; the status says that something went wrong."""
    told = complaint(capsys, tmp_path, monkeypatch, "app:unclosable", "--burst")
    assert (1, "the store failed: the connection hangs") == told
