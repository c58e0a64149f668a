"""``stripe-events events show``: what happened to an event, and what would run now."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.storage import Code, ErrorRecord, HandlerResult, Release
from tests.unit.cli_ledger import (
    CREDIT,
    DAY,
    FOUR_DAYS,
    MAIL,
    STORES,
    Shop,
    arrival,
    open_shop,
    result,
    write_app,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEW_CODE = """
from stripe_events import EventRouter
from stripe_events.events import ChargeRefunded, InvoicePaid
import shop

router = EventRouter(store=shop.store)
router.retire("shop:old")

@router.on(InvoicePaid, name="shop:letter", formerly="shop:mail")
def letter(event): ...

@router.on(InvoicePaid, name="shop:credit")
def credit(event): ...

@router.on(InvoicePaid, name="shop:added")
def added(event): ...

@router.on(InvoicePaid, name="shop:never", where=lambda event: False)
def never(event): ...

@router.on(InvoicePaid, name="shop:live", livemode=True)
def live(event): ...

@router.on(ChargeRefunded)
def for_other_types(event): ...
"""

SHOWN = """\
evt_1  invoice.paid  failed
  scope       default
  account     acct_1
  livemode    no
  created     2025-10-09 08:53:20 UTC (AGE)
  first seen  DATE (3d ago)
  last seen   DATE (2d ago)
  lane        inline
  due         in 2d
  payload     115 bytes
  claim       token 2, id claim of evt_1

handlers
  shop:credit: succeeded
    attempts 2, DATE (2d ago)
    error of attempt 1, DATE (3d ago):
      ConnectionError: refused
      Traceback (most recent call last):
        File "shop.py"
      ConnectionError: refused
  shop:mail: failed
    attempts 2, DATE (2d ago)
    missing since DATE (2d ago)
    error of attempt 2, DATE (2d ago):
      ConnectionError: refused
      Traceback (most recent call last):
        File "shop.py"
      ConnectionError: refused

what would run now: with the next delivery, or when a worker or rescue() takes it
  + shop:mail: it failed before
  - shop:credit: it succeeded
"""


@pytest.fixture(params=STORES)
def shop(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shop]:
    """Give an empty shop, and beside it a module ``newer`` with later code."""
    with open_shop(request.param, tmp_path, monkeypatch, capsys) as shop:
        write_app(tmp_path, monkeypatch, "newer", NEW_CODE)
        yield shop


def prospects(done: Any) -> dict[str, tuple[bool, str]]:
    """Give for each handler whether it would run, and why."""
    (line,) = done.lines
    return {one["handler"]: (one["runs"], one["why"]) for one in line["now"]["handlers"]}


def test_all_that_is_known_is_shown(shop: Shop) -> None:
    """Attempts, errors with tracebacks, times and what comes next."""
    shop.module.ago = 3 * DAY
    shop.event("evt_1", "failed", "failed", account="acct_1")
    shop.module.ago = 2 * DAY
    claimed = shop.claim("evt_1")
    shop.records.finish(claimed.claim, result(CREDIT, "succeeded"))
    shop.records.finish(claimed.claim, result(MAIL, "failed"))
    shop.records.suspend(claimed.claim, Release(4 * DAY, 0.0, missing=(MAIL,)))
    shop.module.ago = 0
    done = shop.run("show", "evt_1")
    assert (0, "") == (done.status, done.err)
    dated = re.sub(r"2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d UTC(?= \(\dd)", "DATE", done.out)
    assert SHOWN == re.sub(r"(?<=08:53:20 UTC \()[^)]+", "AGE", dated)


def test_what_is_absent_has_a_sentence_and_a_status(shop: Shop) -> None:
    """It was never recorded, or forgotten, or is in another scope."""
    told = "stripe-events: evt_none is not in the ledger\n"
    assert (1, "", told) == shop.run("show", "evt_none")


def test_the_payload_is_shown_as_json(shop: Shop) -> None:
    """Equal to what Stripe sent, and safe for any terminal."""
    text = b'{"id": "evt_1", "note": "\\u001b[2J\xc2\x9b\x7f"}'
    shop.claim("evt_1", payload=text)
    done = shop.run("show", "evt_1", "--payload")
    assert (0, "") == (done.status, done.err)
    assert '{\n  "id": "evt_1",\n  "note": "\\u001b[2J\\u009b\\u007f"\n}\n' == done.out
    assert json.loads(text) == shop.run("show", "evt_1", "--payload", "--json").lines[0]["payload"]


def test_an_erased_payload_is_told(shop: Shop) -> None:
    """The record goes on without it."""
    shop.event("evt_1", "succeeded", "succeeded")
    shop.run("erase", "evt_1")
    told = "stripe-events: the payload of evt_1 was erased\n"
    assert (1, "", told) == shop.run("show", "evt_1", "--payload")
    lines = shop.run("show", "evt_1").out.splitlines()
    assert "  payload     erased" in lines
    assert "  the payload was erased, so filters cannot be asked" in lines


def test_json_has_all_of_the_record(shop: Shop) -> None:
    """The fields of ``EventRecord`` with tracebacks, and what would run now."""
    shop.event("evt_1", "failed", "succeeded")
    (line,) = shop.run("show", "evt_1", "--json").lines
    stored = shop.records.get("default", "evt_1")
    assert [*stored.record._fields, "now"] == list(line)
    assert line["handlers"][0]["error"]["traceback"].startswith("Traceback")


def test_what_would_run_now_follows_the_running_code(shop: Shop) -> None:
    """Renamed, retired, added and missing handlers, and those whose filters refuse."""
    shop.claim("evt_1", handlers=(CREDIT, MAIL, "shop:gone", "shop:old"))
    claimed = shop.claim("evt_1")
    shop.end(claimed, {CREDIT: "succeeded", MAIL: "failed"})
    told = prospects(shop.run("show", "evt_1", "--json", app="newer"))
    missing = "missing: the running code has no handler of this name (formerly=, retire, or drop)"
    assert {
        "shop:letter": (True, "it failed before; it was called shop:mail"),
        "shop:added": (True, "it was registered since"),
        CREDIT: (False, "it succeeded"),
        "shop:gone": (False, missing),
        "shop:old": (False, "it was retired"),
        "shop:never": (False, "its where refuses the event"),
        "shop:live": (False, "its livemode refuses the event"),
    } == told
    assert ["shop:letter", "shop:added"] == list(told)[:2]


def test_new_handlers_do_not_join_what_is_over(shop: Shop) -> None:
    """The event is done, whatever was registered since."""
    shop.event("evt_1", "succeeded", "succeeded")
    told = prospects(shop.run("show", "evt_1", "--json", app="newer"))
    assert (False, "it is not in the plan") == told["shop:added"]
    assert [(False, "it succeeded")] * 2 == [told[CREDIT], told["shop:letter"]]


def test_suspects_run_last(shop: Shop) -> None:
    """A handler in which a process died is suspected of it; the order shows."""
    shop.module.ago = 60 * 60
    shop.claim("evt_1")
    shop.module.ago = 0
    code = Code(frozenset({CREDIT, MAIL}))
    (taken,) = shop.records.take_due("default", code, "another", 60.0, 1)
    shop.records.give_back(taken.claimed.claim, FOUR_DAYS)
    done = shop.run("show", "evt_1")
    assert "    attempts 1, 1 of them died" in done.out.splitlines()
    assert [MAIL, CREDIT] == list(prospects(shop.run("show", "evt_1", "--json")))


@pytest.mark.parametrize(
    ("state", "when", "mail"),
    [
        ("done", "nothing, it is done", "- shop:mail: it was skipped"),
        ("dead", "nothing, it is dead", "- shop:mail: it is dead, until retry"),
        (
            "parked",
            "nothing, it waits for an earlier event of its order key",
            "+ shop:mail: it is still to run",
        ),
        (
            "claimed",
            "nothing more, it is being worked on; of what was left then",
            "+ shop:mail: it is still to run",
        ),
    ],
)
def test_each_state_says_what_comes(shop: Shop, state: str, when: str, mail: str) -> None:
    """Also where that is nothing, or not yet."""
    shop.event("evt_done", "succeeded", "skipped")
    shop.event("evt_dead", "succeeded", "dead")
    shop.claim("evt_claimed", order_key="in_1")
    shop.records.accept(arrival("evt_parked", order_key="in_1"), 60.0)
    lines = shop.run("show", f"evt_{state}").out.splitlines()
    assert f"what would run now: {when}" in lines
    assert f"  {mail}" in lines


def test_late_errors_and_former_names_are_shown(shop: Shop) -> None:
    """What a handler raised after it was done is not lost."""
    claimed = shop.claim("evt_1")
    shop.records.finish(claimed.claim, result(CREDIT, "succeeded"))
    late = HandlerResult(CREDIT, "failed", ErrorRecord("ValueError", "too\x1b[2J late"))
    shop.records.finish(claimed.claim, late)
    shop.records.suspend(claimed.claim, FOUR_DAYS)
    renamed = arrival("evt_1")._replace(
        code=Code(frozenset({"shop:letter"}), ((MAIL, "shop:letter"),)), claim_id="2"
    )
    shop.records.accept(renamed, 60.0)
    out = shop.run("show", "evt_1", app="newer").out
    assert r"      ValueError: too\x1b[2J late" in out.splitlines()
    assert "    formerly shop:mail" in out.splitlines()
    assert "ValueError (late)" in shop.run("list").out


def test_a_filter_that_raises_is_told(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the app's own code: the rest is shown all the same."""
    text = NEW_CODE.replace("lambda event: False", "lambda event: event.nothing")
    write_app(tmp_path, monkeypatch, "newer", text)
    shop.event("evt_1", "failed", "succeeded")
    done = shop.run("show", "evt_1", app="newer")
    assert (0, "") == (done.status, done.err)
    assert "filters could not be asked: AttributeError: 'InvoicePaid' object has no" in done.out
