"""``stripe-events work --burst`` on ledgers of every kind, and what it says of them."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from stripe_events.cli import main
from stripe_events.storage import Release
from tests.unit.cli_ledger import CREDIT, STORES, open_shop, write_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.cli_ledger import Shop

NOW = Release(0.0, 0.0)

BUSY = """
from stripe_events import EventRouter
from stripe_events.storage import MemoryStore

class Store(MemoryStore):
    def close(self):
        closed.append(True)

closed = []
router = EventRouter(store=Store(), scope="shop")

@router.on("invoice.paid", delivery="inbox")
def credit(event): ...

@router.on("invoice.paid")
def mail(event): ...
"""


@pytest.fixture(params=STORES)
def shop(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shop]:
    """Give a shop with each kind of ledger."""
    with open_shop(request.param, tmp_path, monkeypatch, capsys) as opened:
        yield opened


def test_what_is_due_is_run_once(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Events that failed inline, here; what is due later stays."""
    shop.records.suspend(shop.claim("evt_now").claim, NOW)
    shop.event("evt_later", credit="failed")
    before = signal.getsignal(signal.SIGTERM)
    assert 0 == main(["work", "shop", "--burst"])
    assert ["credit evt_now", "mail evt_now"] == shop.module.ran
    assert ("done", "failed") == (shop.state("evt_now"), shop.state("evt_later"))
    told = capsys.readouterr()
    assert ("", "stripe-events: stopped: 1 handled") == (told.out, told.err.splitlines()[-1])
    assert before is signal.getsignal(signal.SIGTERM)
    assert not [one for one in threading.enumerate() if "health" in one.name]


def test_it_says_what_it_works_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The store, the scope, how much at once, and for how many handlers; then it lets go."""
    write_app(tmp_path, monkeypatch, "busy", BUSY)
    assert 0 == main(["work", "busy:router", "--burst", "--concurrency", "3"])
    assert capsys.readouterr().err.splitlines()[0] == (
        "stripe-events: working for busy:router with Store, scope 'shop': 3 events at once, "
        "1 of 2 handlers are for the inbox"
    )
    import busy  # type: ignore[import-not-found]

    assert [True] == busy.closed


def test_it_says_if_no_handler_is_for_the_inbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has forgotten delivery="inbox" would wait for ever."""
    with open_shop("memory", tmp_path, monkeypatch, capsys):
        assert 0 == main(["work", "shop", "--burst"])
    told = capsys.readouterr().err
    assert "no handler is for the inbox: only what failed or was left behind is run" in told


def test_a_handler_that_the_code_lacks_is_no_failure(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other code may have it, so the event is given back; the status says that all is well."""
    shop.records.suspend(shop.claim("evt_1", handlers=(CREDIT, "shop:gone")).claim, NOW)
    assert 0 == main(["work", "shop", "--burst"])
    assert "stopped: 0 handled, 1 given back" in capsys.readouterr().err
