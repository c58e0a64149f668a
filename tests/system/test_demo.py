"""``stripe-events demo`` shows what happens, and fails when something else does."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import sysconfig
import threading
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events.cli._demo import run, staged
from stripe_events.cli._demo_deliveries import deliveries
from stripe_events.cli._demo_handlers import handlers
from stripe_events.cli._demo_report import JsonLines, Row, Table
from stripe_events.observers import Received
from stripe_events.storage import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stripe_events.cli._demo_deliveries import Delivery

COMMAND = Path(sysconfig.get_path("scripts"), "stripe-events")
STRICT = {**os.environ, "PYTHONWARNINGS": "error"}
SECRET = "whsec_the_servers"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command; whatever it leaves open shows on standard error."""
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, check=False, env=STRICT, timeout=60
    )


def working_router(secret: str = SECRET) -> EventRouter:
    """Give a router that handles what the demonstration sends and needs no transaction."""
    router = EventRouter(secret)
    router.include(handlers)
    return router


def sent(description: str) -> Delivery:
    """Give one of the demonstration's deliveries."""
    return next(each for each in deliveries(SECRET) if each.sent == description)


class Seen:
    """A report that keeps the rows."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: list[Row] = []

    def show(self, row: Row) -> None:
        """Keep it."""
        self.rows.append(row)

    def end(self, total: int, wrong: int) -> None:
        """Have nothing to say."""


@pytest.fixture(scope="module")
def demo() -> subprocess.CompletedProcess[str]:
    """Run the demonstration once, as a user would."""
    return command("demo")


def test_all_goes_as_it_should_and_ends_cleanly(demo: subprocess.CompletedProcess[str]) -> None:
    """The status is 0; no warning, leak or traceback is on standard error."""
    assert (0, "") == (demo.returncode, demo.stderr)
    assert "20 of 20 deliveries went as they should." in demo.stdout


@pytest.mark.parametrize(
    ("sent", "ran", "answered", "diagnosis"),
    [
        ("charge.succeeded", "send_receipt: 2000 eur", "200 handled", ""),
        ("invoice.paid", "credit_account: 4900 usd, balance 4900", "200 handled", ""),
        (
            "customer.subscription.updated (status)",
            "change_access: trialing -> active",
            "200 handled",
            "",
        ),
        ("payment_intent.succeeded (async)", "ship_order: pi_1", "200 handled", ""),
        ("v2.core.account.created (thin)", "greet_account: acct_1", "200 handled", ""),
        ("comet.sighted (unknown type)", "look_closer: UnknownEvent", "200 handled", ""),
        ("customer.subscription.updated (other)", "-", "200 ignored", ""),
        ("product.created (no handler)", "-", "200 ignored", ""),
        (
            "payout.failed (a handler fails)",
            "call_bank: po_1, tell_owner: po_1",
            "500 failed",
            "ConnectionError: bank offline",
        ),
        ("payout.failed (again, only that one runs)", "call_bank: po_1", "200 handled", ""),
        ("invoice.paid (again)", "-", "200 duplicate", ""),
        (
            "checkout.session.completed (two at once)",
            "fulfil_order: cs_1",
            "200 handled, 409 busy",
            "",
        ),
        (
            "invoice.paid (killed before the commit)",
            "credit_account: 4900 usd, balance 9800",
            "none, killed",
            "",
        ),
        (
            "invoice.paid (again, taken over)",
            "credit_account: 4900 usd, balance 9800",
            "200 handled",
            "",
        ),
        ("signed with another secret", "-", "400 signature_invalid", "wrong_secret"),
        ("signed an hour ago", "-", "400 signature_expired", "too_old"),
        ("no signature", "-", "400 signature_missing", "no_header"),
        ("signed, but no JSON", "-", "400 malformed", "MalformedPayload"),
        ("a byte over the limit", "-", "413 too_large", "PayloadTooLarge"),
        ("GET", "-", "405 method_not_allowed", ""),
    ],
)
def test_the_table_tells_each_delivery(
    demo: subprocess.CompletedProcess[str], sent: str, ran: str, answered: str, diagnosis: str
) -> None:
    """A row holds what came in, what ran, what was answered and why, under its heading."""
    headings, _, *rows = demo.stdout.splitlines()
    names = ("sent", "handlers that ran", "answered", "diagnosis")
    starts = [headings.index(name) for name in names]
    ends = [*starts[1:], None]
    found = [
        tuple(row[start:end].strip() for start, end in zip(starts, ends, strict=True))
        for row in rows
        if row.startswith("ok ")
    ]
    assert (sent, ran, answered, diagnosis) in found


def test_an_expected_failure_does_not_flood_the_table(
    demo: subprocess.CompletedProcess[str],
) -> None:
    """The failing handler's traceback stays out; the row says what happened."""
    assert "Traceback" not in demo.stdout


def test_json_has_one_object_per_delivery_with_the_log() -> None:
    """A program reads the same rows, and beside them all that was logged."""
    done = command("demo", "--json")
    assert (0, "") == (done.returncode, done.stderr)
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each.sent, each.method, True) for each in deliveries(SECRET)] == [
        (row["sent"], row["method"], row["ok"]) for row in rows
    ]
    [failed] = [row for row in rows if row["answer"] == "500 failed"]
    assert ["call_bank: po_1", "tell_owner: po_1"] == failed["ran"]
    assert failed["expected"]["diagnosis"] == failed["diagnosis"]
    assert "ConnectionError: bank offline" in failed["log"][0]


def test_each_row_is_shown_before_the_next_delivery_is_sent() -> None:
    """The reader follows what happens instead of waiting for it."""
    seen = Seen()

    def one_by_one() -> Iterator[Delivery]:
        for number, each in enumerate(deliveries(SECRET)):
            assert number == len(seen.rows)
            yield each

    with staged(SECRET) as (router, victim):
        assert 0 == run(one_by_one(), router, seen, victim)
    assert 20 == len(seen.rows)


def test_nothing_is_left_running() -> None:
    """Server, connections and the loop of async handlers have ended with the run."""
    threads = threading.active_count()
    router, delivery = working_router(), sent("payment_intent.succeeded (async)")
    assert 0 == run([delivery], router, Seen())
    assert threads == threading.active_count()
    assert Outcome.DRAINING == router.handle(delivery.body, delivery.headers).outcome


def test_a_server_with_another_secret_fails_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    """What is refused instead of handled is marked, with what was expected and the log."""
    delivery = sent("charge.succeeded")
    assert 1 == run([delivery], working_router("whsec_other"), Table([delivery]))
    out = capsys.readouterr().out
    assert "\nWRONG  charge.succeeded  " in out
    assert "answer: expected '200 handled', got '400 signature_invalid'" in out
    assert "ran: expected ('send_receipt: 2000 eur',), got ()" in out
    assert "diagnosis: expected '', got 'wrong_secret'" in out
    assert "a delivery was rejected: no signature matches" in out
    assert "\n0 of 1 deliveries went as they should." in out


def test_a_missing_handler_fails_the_demo() -> None:
    """An answer of 200 is not enough: the handler has to have run."""
    seen = Seen()
    router = EventRouter(SECRET)
    assert 1 == run([sent("charge.succeeded"), sent("GET")], router, seen)
    assert [False, True] == [row.is_right for row in seen.rows]
    assert [(), ()] == [row.result.ran for row in seen.rows]


def test_one_handler_too_many_fails_the_demo() -> None:
    """An answer of 200 is not enough: no other handler may have run."""
    seen = Seen()
    router = working_router()

    @router.on("charge.succeeded")
    def again(event: object, ctx: Any) -> None:
        ctx.logger.info("uninvited")

    assert 1 == run([sent("charge.succeeded")], router, seen)
    ran = seen.rows[0].result.ran
    assert {"send_receipt: 2000 eur"} == {one for one in ran if "uninvited" not in one}
    assert 2 == len(ran)


def test_without_a_ledger_the_demo_fails() -> None:
    """The same event runs its handlers again, where the demonstration expects a duplicate."""
    seen = Seen()
    first = sent("charge.succeeded")
    duplicate = first._replace(expected=sent("invoice.paid (again)").expected)
    assert 1 == run([first, duplicate], working_router(), seen)
    assert [True, False] == [row.is_right for row in seen.rows]
    assert ("200 handled", ("send_receipt: 2000 eur",), "") == seen.rows[1].result


def test_a_process_that_answers_instead_of_being_killed_fails_the_demo() -> None:
    """Its handler did not get as far as it should; the answer says why."""
    seen = Seen()
    killed = sent("invoice.paid (killed before the commit)")
    with staged("whsec_other") as (router, victim):
        assert 1 == run([killed], router, seen, victim)
    assert ("400 signature_invalid", (), "") == seen.rows[0].result


def test_a_balance_that_was_changed_twice_fails_the_demo() -> None:
    """A row names the balance, so an effect that happens once more cannot hide."""
    seen = Seen()
    paid = [sent("invoice.paid"), sent("invoice.paid (again, taken over)")]
    with staged(SECRET) as (router, _), closing(sqlite3.connect(router.store._path)) as accounts:
        accounts.execute("UPDATE accounts SET balance = 4900")
        accounts.commit()
        assert 1 == run(paid, router, seen)
    assert ("credit_account: 4900 usd, balance 9800",) == seen.rows[0].result.ran
    assert [False, False] == [row.is_right for row in seen.rows]


def test_a_wrong_row_shows_in_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs see which row went wrong, and the status is the same."""
    assert 1 == run([sent("GET"), sent("charge.succeeded")], EventRouter(SECRET), JsonLines())
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [True, False] == [row["ok"] for row in rows]


def test_what_is_logged_unexpectedly_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """An error beside a right answer makes the row wrong, with its traceback."""
    router = working_router()

    @router.observe(Received)
    def stumble(record: Received) -> None:
        raise LookupError("no such gauge")

    delivery = sent("charge.succeeded")
    assert 1 == run([delivery], router, Table([delivery]))
    out = capsys.readouterr().out
    assert "an observer of Received failed" in out
    assert "      LookupError: no such gauge\n" in out


def test_a_server_that_breaks_is_told_in_the_row(capsys: pytest.CaptureFixture[str]) -> None:
    """A router that cannot start raises; the row has the server's answer, stderr the reason."""
    seen = Seen()
    nameless = EventRouter(SECRET, store=MemoryStore())
    nameless.on_any(lambda event: None)
    assert 1 == run([sent("charge.succeeded")], nameless, seen)
    assert seen.rows[0].result.answer.startswith("500 b'")
    assert "needs name='...': with a store" in capsys.readouterr().err


def test_an_interruption_stops_server_and_threads() -> None:
    """Ctrl-C in the middle of a delivery leaves no thread and no log handler behind."""
    import logging

    router = EventRouter(SECRET)

    @router.on_any
    def interrupt(event: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    threads, listeners = threading.active_count(), list(logging.getLogger("stripe_events").handlers)
    with pytest.raises(KeyboardInterrupt):
        run(deliveries(SECRET), router, Seen())
    assert threads == threading.active_count()
    assert listeners == logging.getLogger("stripe_events").handlers


def test_an_interrupted_command_exits_with_130() -> None:
    """Ctrl-C is no crash: one word, no traceback, the status that shells expect."""
    program = """
        import os, signal, sys
        from stripe_events.cli import main
        from stripe_events.cli._demo_handlers import handlers

        @handlers.on_any(name="interrupt")
        def interrupt(event):
            os.kill(os.getpid(), signal.SIGINT)

        sys.exit(main(["demo"]))
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (130, "interrupted\n") == (done.returncode, done.stderr)


def test_a_reader_that_goes_away_ends_the_demo_quietly() -> None:
    """``stripe-events demo | head -1`` leaves no traceback on the terminal."""
    with subprocess.Popen(
        [COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=STRICT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaints = process.stderr.read()
    assert (1, "") == (process.returncode, complaints)
