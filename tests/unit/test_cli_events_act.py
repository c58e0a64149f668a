"""``stripe-events events retry``, ``replay`` and ``drop``: acting on the ledger."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli_ledger import CREDIT, DAY, MAIL, STORES, Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DUE = "They are due now: a worker runs them, or router.rescue(), or --run here.\n"
WAIVED = "stripe-events: replay: what these handlers did happens again, exactly-once is waived\n"
NOT_FAILED = "it is done: retry takes events that are failed or dead"


class Terminal(io.StringIO):
    """A standard input at which somebody types."""

    def isatty(self) -> bool:
        """Be one."""
        return True


@pytest.fixture(params=STORES)
def shop(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shop]:
    """Give a shop with an event that failed, one that is dead and one that is done."""
    with open_shop(request.param, tmp_path, monkeypatch, capsys) as shop:
        shop.module.ago = 3 * DAY
        shop.event("evt_failed", "succeeded", "failed")
        shop.event("evt_dead", "dead", "succeeded", type_="invoice.paid")
        shop.module.ago = 0
        shop.event("evt_done", "succeeded", "succeeded")
        yield shop


def states(shop: Shop) -> dict[str, str]:
    """Give what has become of the shop's events."""
    return {id_: shop.state(id_) for id_ in ("evt_failed", "evt_dead", "evt_done")}


def test_retry_makes_events_due(shop: Shop) -> None:
    """It does not run them: whoever does is named."""
    assert (0, "retried 2\n", DUE) == shop.run("retry", "evt_failed", "evt_dead")
    assert {"evt_failed": "pending", "evt_dead": "pending", "evt_done": "done"} == states(shop)


def test_what_is_refused_has_a_reason_and_a_status(shop: Shop) -> None:
    """The others are retried all the same; an id that is given twice counts once."""
    done = shop.run("retry", "evt_done", "evt_none", "evt_dead", "evt_done")
    reasons = [f"evt_done: {NOT_FAILED}", "evt_none: it is not in the ledger"]
    told = "".join(f"stripe-events: {reason}\n" for reason in reasons)
    assert (1, "retried 1, refused 2\n", told + DUE) == done


def test_json_has_a_line_for_each_event(shop: Shop) -> None:
    """The summary is for people, so it is elsewhere."""
    done = shop.run("retry", "evt_done", "evt_dead", "--json")
    lines = [
        {"id": "evt_done", "done": False, "reason": NOT_FAILED},
        {"id": "evt_dead", "done": True, "state": "pending"},
    ]
    assert (1, lines, "retried 1, refused 1\n" + DUE) == (done.status, done.lines, done.err)


@pytest.mark.parametrize(
    ("verb", "filters", "pending"),
    [
        ("retry", ["--all"], ["evt_failed", "evt_dead"]),
        ("retry", ["--type", "*"], ["evt_failed", "evt_dead"]),
        ("retry", ["--state", "dead"], ["evt_dead"]),
        ("retry", ["--handler", CREDIT], ["evt_dead"]),
        ("retry", ["--handler", CREDIT, "--handler", MAIL], ["evt_failed", "evt_dead"]),
        ("retry", ["--newer-than", "1d"], []),
        ("replay", ["--all"], ["evt_dead", "evt_done"]),
        ("replay", ["--newer-than", "1d"], ["evt_done"]),
    ],
)
def test_filters_find_what_the_verb_can_be_applied_to(
    shop: Shop, verb: str, filters: list[str], pending: list[str]
) -> None:
    """Nothing is refused only because a filter was wide."""
    done = shop.run(verb, "--yes", *filters)
    out = f"{'retried' if verb == 'retry' else 'replayed'} {len(pending)}\n" if pending else ""
    assert (0, out) == (done.status, done.out)
    assert pending == [id_ for id_, state in states(shop).items() if state == "pending"]


def test_only_chosen_handlers_are_replayed(shop: Shop) -> None:
    """The others stay as they are; what is waived is said first."""
    assert (0, "replayed 1\n", WAIVED + DUE) == shop.run("replay", "evt_done", "--handler", MAIL)
    handlers = shop.records.get("default", "evt_done").record.handlers
    assert [("shop:credit", "succeeded"), ("shop:mail", "planned")] == [x[:2] for x in handlers]


def test_erased_events_are_not_found(shop: Shop) -> None:
    """They cannot run again, so a filter that meets them refuses nothing."""
    shop.run("erase", "--all", "--yes")
    assert (0, "retried 1\n", DUE) == shop.run("retry", "--all", "--yes")
    assert "no event matches" in shop.run("replay", "--all", "--yes").err


def test_drop_settles_handlers(shop: Shop) -> None:
    """Several in one event, each told of by name."""
    done = shop.run("drop", "evt_failed", "evt_dead", "--handler", MAIL, "--json")
    reason = f"handler {MAIL} is settled: it succeeded"
    lines = [
        {"id": "evt_failed", "handler": MAIL, "done": True, "state": "done"},
        {"id": "evt_dead", "handler": MAIL, "done": False, "reason": reason},
    ]
    assert (1, lines, "dropped 1, refused 1\n") == (done.status, done.lines, done.err)
    both = ["--handler", MAIL, "--handler", CREDIT]
    assert (0, "dropped 1\n", "") == shop.run("drop", "--all", "--yes", *both)
    assert {"done"} == set(states(shop).values())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["retry"], "which events? Give ids, filters, or --all"),
        (["drop", "--handler", MAIL], "which events? Give ids, filters, or --all"),
        (["erase"], "which events? Give ids, filters, or --all"),
        (["retry", "evt_dead", "--state", "dead"], "give event ids or filters, not both"),
        (["retry", "evt_dead", "--all"], "give event ids or filters, not both"),
        (["retry", "--all"], "retry 2 events? There is nobody to ask: add --yes"),
        (["erase", "--all"], "erase the payloads of 2 events, for good? There is nobody to ask"),
    ],
)
def test_nothing_is_done_to_everything_by_mistake(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, arguments: list[str], complaint: str
) -> None:
    """Many events are named by filters or ``--all``, and confirmed."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    before = states(shop)
    done = shop.run(*arguments)
    assert (2, "") == done[:2]
    assert f"stripe-events: {complaint}" in done.err
    assert before == states(shop)


@pytest.mark.parametrize(
    ("answer", "told", "state"),
    [
        ("y\n", (0, "retried 1\n", f"retry 1 event? [y/N] {DUE}"), "pending"),
        ("Yes\n", (0, "retried 1\n", f"retry 1 event? [y/N] {DUE}"), "pending"),
        ("\n", (1, "", "retry 1 event? [y/N] stripe-events: nothing was done\n"), "dead"),
        ("", (1, "", "retry 1 event? [y/N] stripe-events: nothing was done\n"), "dead"),
    ],
)
def test_what_filters_have_found_is_confirmed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, answer: str, told: object, state: str
) -> None:
    """The count is known before anything is changed, and no answer is a no."""
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert told == shop.run("retry", "--state", "dead")
    assert state == shop.state("evt_dead")


def test_run_runs_what_is_due(shop: Shop) -> None:
    """In this process, by the code that is there, only what is left."""
    done = shop.run("retry", "evt_failed", "evt_dead", "--run")
    assert (0, "retried 2\nran 2 events: 2 handled, 0 failed, 0 dead\n", "") == done
    assert ["credit evt_dead", "mail evt_failed"] == sorted(shop.module.ran)
    assert {"done"} == set(states(shop).values())


def test_what_fails_again_in_run_has_a_status(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever scripts it learns that something is left to do."""
    monkeypatch.setattr(shop.module, "ran", None)
    done = shop.run("replay", "evt_done", "--run", "--json")
    ran = {"events": 1, "handled": 0, "failed": 1, "dead": 0}
    assert (1, {"ran": ran}) == (done.status, done.lines[-1])
    assert "failed" == shop.state("evt_done")


def test_an_interruption_tells_how_much_was_done(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between two events leaves the first one retried, and says so."""
    retry = shop.records.retry

    def interrupted(scope: str, event_id: str, handlers: tuple[str, ...]) -> object:
        if event_id == "evt_dead":
            raise KeyboardInterrupt
        return retry(scope, event_id, handlers)

    monkeypatch.setattr(shop.module.store, "retry", interrupted, raising=False)
    done = shop.run("retry", "--all", "--yes")
    assert (130, "retried 1 of 2\n", "interrupted\n") == done
    assert "pending" == shop.state("evt_failed")
