"""``stripe-events events erase`` and ``forget``: letting go."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from stripe_events.cli._ledger import Ledger
from tests.unit.cli_ledger import DAY, STORES, Shop, open_shop
from tests.unit.test_cli_events_act import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=STORES)
def shop(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shop]:
    """Give a shop with events of forty days, of ten and of now."""
    with open_shop(request.param, tmp_path, monkeypatch, capsys) as shop:
        shop.module.ago = 40 * DAY
        shop.event("evt_old", "succeeded", "succeeded")
        shop.event("evt_old_dead", "dead", "succeeded")
        shop.event("evt_old_failed", "failed", "succeeded")
        shop.module.ago = 10 * DAY
        shop.event("evt_young", "succeeded", "succeeded")
        shop.module.ago = 0
        yield shop


def test_erase_takes_payloads_of_what_is_settled(shop: Shop) -> None:
    """What is still to run keeps its payload, whatever the filters say."""
    assert (0, "erased 3 events\n", "") == shop.run("erase", "--all", "--yes")
    payloads = {id_: shop.records.get("default", id_).payload is None for id_ in IDS}
    assert {id_: id_ != "evt_old_failed" for id_ in IDS} == payloads


IDS = ("evt_old", "evt_old_dead", "evt_old_failed", "evt_young")


def test_erase_by_filters_is_confirmed_with_the_count(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be undone."""
    monkeypatch.setattr(sys, "stdin", Terminal("y\nn\n"))
    question = "erase the payloads of {}, for good? [y/N] "
    one = shop.run("erase", "--older-than", "4w", "--state", "dead")
    assert (0, "erased 1 event\n", question.format("1 event")) == one
    refused = shop.run("erase", "--older-than", "1d")
    assert (1, "") == refused[:2]
    assert refused.err.startswith(question.format("2 events"))
    assert shop.records.get("default", "evt_old").payload is not None


def test_erase_tells_which_ids_it_could_not_take(shop: Shop) -> None:
    """Who asked for a person's data to go must learn what is left; again is no failure."""
    ids = ("evt_old", "evt_old_failed", "evt_none")
    failed = "it is failed: erase takes events that are done or dead"
    told = [f"evt_old_failed: {failed}", "evt_none: it is not in the ledger"]
    err = "".join(f"stripe-events: {line}\n" for line in told)
    assert (1, "erased 1 event\n", err) == shop.run("erase", *ids)
    assert (0, "erased 0 events\n", "") == shop.run("erase", "evt_old")
    assert [
        {"erased": 0},
        {"id": "evt_old_failed", "done": False, "reason": failed},
    ] == shop.run("erase", "evt_old_failed", "--json").lines


def test_forget_takes_what_was_done_long_ago(shop: Shop) -> None:
    """Dead events only if asked; what is unsettled never."""
    assert (0, "forgot 1 event\n", "") == shop.run("forget")
    assert (0, "forgot 0 events\n", "") == shop.run("forget", "--dead", "--older-than", "6w")
    assert [{"forgot": 1}] == shop.run("forget", "--dead", "--json").lines
    gone = {"evt_old": "absent", "evt_old_dead": "absent"}
    left = {"evt_old_failed": "failed", "evt_young": "done"}
    assert gone | left == {id_: shop.state(id_) for id_ in IDS}


@pytest.mark.parametrize("age", ["30d", "4w", "743h"])
def test_forget_has_a_floor(shop: Shop, age: str) -> None:
    """A shorter age is refused with the reason, rather than passed over."""
    with pytest.raises(SystemExit, match="2"):
        shop.run("forget", "--older-than", age)
    reason = f"argument --older-than: {age} is less than 31d: Stripe lists events for 30 days"
    assert reason in shop.errors()
    assert "done" == shop.state("evt_old")


def test_no_batch_is_the_last_until_none_is_left(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, one command lets go of all."""
    shop.module.ago = 50 * DAY
    for number in range(12):
        shop.event(f"evt_{number}", "succeeded", "succeeded")
    shop.module.ago = 0
    monkeypatch.setattr(Ledger, "page", 4)
    assert "erased 15 events\n" == shop.run("erase", "--all", "--yes").out
    assert "forgot 13 events\n" == shop.run("forget").out


@pytest.mark.parametrize("command", [("erase", "--all", "--yes"), ("forget",)])
def test_an_interruption_tells_how_many_are_gone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """What was let go of before Ctrl-C stays so."""
    verb = command[0]
    once = iter([1_000])

    def interrupted(*arguments: object, **options: object) -> int:
        for count in once:
            return count
        raise KeyboardInterrupt

    monkeypatch.setattr(shop.module.store, verb, interrupted, raising=False)
    past = "erased" if verb == "erase" else "forgot"
    assert (130, f"{past} 1000 events\n", "interrupted\n") == shop.run(*command)
