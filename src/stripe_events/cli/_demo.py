"""
``stripe-events demo``: send real requests to a real server, and check every answer.

The ledger is an SQLite file in a temporary folder. A row is right only if the HTTP answer,
what the handlers said and the diagnosis all equal what ``_demo_deliveries`` expects. It is
shown as soon as it is known.
"""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from stripe_events.cli._demo_deliveries import Delivery, Result, deliveries
from stripe_events.cli._demo_handlers import ACCOUNTS, demo_router
from stripe_events.cli._demo_journal import Journal
from stripe_events.cli._demo_report import JsonLines, Row, Table
from stripe_events.cli._demo_sending import send, send_twice
from stripe_events.cli._demo_server import serving
from stripe_events.cli._demo_victim import Victim, send_and_kill
from stripe_events.storage import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from stripe_events.cli._demo_report import Report
    from stripe_events.router import EventRouter


def demo(*, as_json: bool) -> int:
    """Run the whole demonstration, print it, and give the exit status."""
    secret = f"whsec_{secrets.token_hex(16)}"
    sent = deliveries(secret)
    with staged(secret) as (router, victim):
        return run(sent, router, JsonLines() if as_json else Table(sent), victim)


@contextmanager
def staged(secret: str) -> Generator[tuple[EventRouter, Victim], None, None]:
    """Give a router over a ledger in a temporary folder, and a process over the same one."""
    with TemporaryDirectory(prefix="stripe-events-demo-") as folder:
        path = Path(folder, "app.db")
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(ACCOUNTS)
        with closing(SQLiteStore(path)) as store:
            yield demo_router(secret, store), Victim(path, secret)


def run(
    sent: Iterable[Delivery], router: EventRouter, report: Report, victim: Victim | None = None
) -> int:
    """
    Serve a router, send it deliveries one by one, and report on each.

    The server is stopped and the router closed at the end, however it comes.

    Args:
        sent: what to send.
        router: which handles it.
        report: is told of each.
        victim: a process to be killed, for the deliveries that ask for one.

    Returns:
        0 if every delivery went as it expects, else 1.
    """
    journal = Journal()
    journal.observe(router)
    total = wrong = 0
    with closing(router), journal.listening(), serving(router) as port:
        for delivery in sent:
            row = _deliver(delivery, port, journal, victim)
            report.show(row)
            total += 1
            wrong += not row.is_right
    report.end(total, wrong)
    return 1 if wrong else 0


def _deliver(delivery: Delivery, port: int, journal: Journal, victim: Victim | None) -> Row:
    last_words: list[str] = []
    if delivery.how == "twice at once":
        answer = send_twice(delivery, port)
    elif delivery.how == "once" or victim is None:
        answer = send(delivery, port)
    else:
        answer, last_words = send_and_kill(delivery, victim)
    notes = journal.take()
    # What was logged though no observer was told of it is expected nowhere: it must show.
    reasons = notes.diagnoses or [entry.partition("\n")[0] for entry in notes.log]
    result = Result(answer, (*last_words, *notes.ran), "; ".join(reasons))
    return Row(delivery, result, tuple(notes.log))
