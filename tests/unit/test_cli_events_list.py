"""``stripe-events events list`` and ``overdue``: looking at many events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events.cli._ledger import Ledger
from tests.unit.cli_ledger import CREDIT, DAY, MAIL, STORES, Shop, arrival, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVERY_STATE = ["evt_done", "evt_failed", "evt_dead", "evt_claimed", "evt_parked"]

TABLE = """\
ID           TYPE             STATE    SETTLED  TRIES  SEEN  DUE      ERROR
evt_done     invoice.paid     done     2/2      1      20d   -        -
evt_failed   invoice.paid     failed   1/2      1      3d    in 24h   ConnectionError
evt_dead     charge.refunded  dead     2/2      1      3d    -        ConnectionError
evt_claimed  invoice.paid     claimed  0/2      0      60m   59m ago  -
evt_parked   invoice.paid     parked   0/2      0      60m   -        -
"""

NARROW = """\
ID           TYPE             STATE    SETTLED  TRIES  SEEN  DUE      ERROR
evt_done     invoice.paid     done     2/2      1      20d   -        -
evt_failed   invoice.paid     failed   1/2      1      3d    in 24h   Connectio…
"""

NARROWER = """\
ID           TYPE          STATE    SETTLED  TRIES  SEEN  DUE
evt_done     invoice.paid  done     2/2      1      20d   -
evt_failed   invoice.paid  failed   1/2      1      3d    in 24h
evt_dead     charge.refu…  dead     2/2      1      3d    -
"""


@pytest.fixture(params=STORES)
def shop(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shop]:
    """Give a shop with an event in each state but pending."""
    with open_shop(request.param, tmp_path, monkeypatch, capsys) as shop:
        shop.module.ago = 20 * DAY
        shop.event("evt_done", "succeeded", "skipped", account="acct_1")
        shop.module.ago = 3 * DAY
        shop.event("evt_failed", "succeeded", "failed")
        shop.event("evt_dead", "dead", "succeeded", type_="charge.refunded")
        shop.module.ago = 3600
        shop.claim("evt_claimed", order_key="in_1")
        shop.records.accept(arrival("evt_parked", order_key="in_1"), 60.0)
        shop.module.ago = 0
        yield shop


def test_all_events_are_listed_oldest_first(shop: Shop) -> None:
    """A row says how far an event has come, when it is due and what failed last."""
    assert (0, TABLE, "") == shop.run("list")


@pytest.mark.parametrize(("columns", "table"), [("80", NARROW), ("65", NARROWER)])
def test_the_table_keeps_to_the_terminal_but_ids_stay_whole(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, columns: str, table: str
) -> None:
    """Errors are shortened, then types, then errors are left out; an id is there to be copied."""
    monkeypatch.setenv("COLUMNS", columns)
    lines = shop.run("list").out.splitlines(keepends=True)
    assert table == "".join(lines[: table.count("\n")])
    assert all(len(line) <= int(columns) + 1 for line in lines)


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (["--state", "failed", "--state", "dead"], ["evt_failed", "evt_dead"]),
        (["--type", "charge.*"], ["evt_dead"]),
        (["--account", "acct_1"], ["evt_done"]),
        (["--older-than", "2h"], ["evt_done", "evt_failed", "evt_dead"]),
        (["--newer-than", "4d"], ["evt_failed", "evt_dead", "evt_claimed", "evt_parked"]),
        (["--older-than", "1d", "--newer-than", "1w"], ["evt_failed", "evt_dead"]),
        (["--overdue"], ["evt_claimed"]),
        (["--overdue", "58m"], ["evt_claimed"]),
        (["--overdue", "1h"], []),
        (["--handler", CREDIT], EVERY_STATE),
        (["--handler", "shop:none", "--handler", MAIL, "--limit", "2"], EVERY_STATE[:2]),
        (["--handler", "shop:none"], []),
    ],
)
def test_all_filters_must_hold(shop: Shop, filters: list[str], ids: list[str]) -> None:
    """States and handlers are alternatives among themselves; ages count from the last sight."""
    assert ids == [line["id"] for line in shop.run("list", "--json", *filters).lines]


def test_json_has_the_record_without_tracebacks(shop: Shop) -> None:
    """Its members are the fields of ``EventRecord``; times are unix seconds."""
    (line,) = shop.run("list", "--state", "dead", "--json").lines
    stored = shop.records.get("default", "evt_dead")
    assert list(stored.record._fields) == list(line)
    assert [stored.record.last_seen, [], None] == [line[x] for x in ("last_seen", "refused", "due")]
    error = line["handlers"][0]["error"]
    assert ["ConnectionError", "refused", 1] == [error[x] for x in ("type", "message", "attempt")]
    assert "traceback" not in error


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_it_says_that_there_are_more(shop: Shop, how: list[str]) -> None:
    """What was left out is not passed over in silence; 0 lists all."""
    rest = "stripe-events: there are more than 4: add filters, or --limit 0 for all\n"
    headings = 0 if how else 1
    for limit, count, err in (("4", 4, rest), ("5", 5, ""), ("0", 5, "")):
        done = shop.run("list", "--limit", limit, *how)
        assert (0, err) == (done.status, done.err)
        assert count + headings == len(done.out.splitlines())


def test_more_than_a_page_is_listed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event comes once, and rows stay aligned."""
    for number in range(16):
        shop.event(f"evt_{number}", "succeeded", "succeeded")
    monkeypatch.setattr(Ledger, "page", 10)
    for limit, count in (("0", 21), ("19", 19), ("20", 20), ("10", 10)):
        heading, *lines = shop.run("list", "--limit", limit).out.splitlines()
        assert count == len(lines) == len(set(lines))
        assert {heading.index("TYPE")} == {
            line.index("invoice") for line in lines if "invo" in line
        }


def test_nothing_found_is_no_failure(shop: Shop) -> None:
    """People are told; programs get no line."""
    assert (0, "", "stripe-events: no event matches\n") == shop.run("list", "--type", "x")
    assert (0, "", "") == shop.run("list", "--type", "x", "--json")


def test_a_success_makes_earlier_errors_history(shop: Shop) -> None:
    """The error column shows what still counts: late errors, and handlers that are missing."""
    shop.event("evt_again", "failed", "succeeded", type_="a")
    shop.event("evt_again", "succeeded", type_="a")
    assert shop.run("list", "--type", "a").out.splitlines()[1].endswith("  -")


def test_steering_characters_are_escaped(shop: Shop) -> None:
    """An event can name itself what it likes: the terminal does not obey it."""
    shop.event("evt_\x1b[2J\x9b\u202e", "succeeded", "succeeded", type_="x\ny\x7f")
    out = shop.run("list", "--newer-than", "1m").out
    assert out.splitlines()[1].startswith(r"evt_\x1b[2J\x9b\u202e  x\ny\x7f  done")
    as_json = shop.run("list", "--newer-than", "1m", "--json")
    assert as_json.out.rstrip("\n").isprintable()
    assert "x\ny\x7f" == as_json.lines[0]["type"]


def test_overdue_is_a_figure_and_a_status(shop: Shop) -> None:
    """A check that runs it alerts on status 1; the oldest event is a place to begin."""
    told = "1 overdue, the oldest for 59m: evt_claimed (invoice.paid, claimed)\n"
    assert (1, told, "") == shop.run("overdue")
    assert (0, "0 overdue\n", "") == shop.run("overdue", "--grace", "1h")


def test_overdue_as_json(shop: Shop) -> None:
    """For checks that read more than the status."""
    ((figure,), status) = shop.run("overdue", "--json").lines, shop.run("overdue", "--json").status
    assert 1 == status
    assert 3540 == round(figure["oldest"].pop("seconds"), -1)
    oldest = {"id": "evt_claimed", "type": "invoice.paid", "state": "claimed"}
    assert {"overdue": 1, "or_more": False, "oldest": oldest} == figure
    nothing = {"overdue": 0, "or_more": False, "oldest": None}
    assert [nothing] == shop.run("overdue", "--json", "--grace", "4w").lines


def test_overdue_stops_counting(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is paged need not wait until a backlog is counted to its end."""
    monkeypatch.setattr("stripe_events.cli._events_looking._MOST_COUNTED", 10)
    shop.module.ago = 7200
    for number in range(10):
        shop.claim(f"evt_{number}")
    shop.module.ago = 0
    told = "10+ overdue, the oldest for 119m: evt_0 (invoice.paid, claimed)\n"
    assert (1, told, "") == shop.run("overdue")


@pytest.mark.parametrize("age", ["", "3", "d", "1.5h", "-1h", "3y", "3 d", "٣d"])
def test_what_is_no_age_is_refused(shop: Shop, age: str) -> None:
    """A mistyped age is wrong usage, not some other age."""
    with pytest.raises(SystemExit, match="2"):
        shop.run("list", f"--older-than={age}")
    error = shop.errors()
    assert f"argument --older-than: {age!r} is no age: a whole number and s, m, h, d or w" in error
