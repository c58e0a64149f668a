"""
``stripe-events demo``: send real requests to a real server, and check every answer.

A row is right only if the HTTP answer, what the handlers said and the diagnosis all
equal what ``_demo_deliveries`` expects. It is shown as soon as it is known.
"""

from __future__ import annotations

import json
import secrets
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

from stripe_events.cli._demo_deliveries import Delivery, Result, deliveries
from stripe_events.cli._demo_handlers import handlers
from stripe_events.cli._demo_journal import Journal
from stripe_events.cli._demo_report import JsonLines, Row, Table
from stripe_events.cli._demo_server import serving
from stripe_events.router import EventRouter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stripe_events.cli._demo_report import Report

_ANSWER_SECONDS = 10
"""How long the client waits: far more than any handler here takes."""


def demo(*, as_json: bool) -> int:
    """Run the whole demonstration, print it, and give the exit status."""
    secret = f"whsec_{secrets.token_hex(16)}"
    router = EventRouter(secret)
    router.include(handlers)
    sent = deliveries(secret)
    return run(sent, router, JsonLines() if as_json else Table(sent))


def run(sent: Iterable[Delivery], router: EventRouter, report: Report) -> int:
    """
    Serve a router, send it deliveries one by one, and report on each.

    The server is stopped and the router closed at the end, however it comes.

    Returns:
        0 if every delivery went as it expects, else 1.
    """
    journal = Journal()
    journal.observe(router)
    total = wrong = 0
    with closing(router), journal.listening(), serving(router) as port:
        for delivery in sent:
            row = _deliver(delivery, port, journal)
            report.show(row)
            total += 1
            wrong += not row.is_right
    report.end(total, wrong)
    return 1 if wrong else 0


def _deliver(delivery: Delivery, port: int, journal: Journal) -> Row:
    answer = _send(delivery, port)
    notes = journal.take()
    # What was logged though no observer was told of it is expected nowhere: it must show.
    reasons = notes.diagnoses or [entry.partition("\n")[0] for entry in notes.log]
    result = Result(answer, tuple(notes.ran), "; ".join(reasons))
    return Row(delivery, result, tuple(notes.log))


def _send(delivery: Delivery, port: int) -> str:
    with closing(HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)) as connection:
        try:
            connection.request(
                delivery.method, "/webhook", delivery.body or None, dict(delivery.headers)
            )
            response = connection.getresponse()
            return f"{response.status} {_outcome(response.read())}"
        except (OSError, HTTPException) as error:
            return f"no answer: {error!r}"


def _outcome(body: bytes) -> str:
    try:
        return str(json.loads(body)["outcome"])
    except (ValueError, LookupError, TypeError):
        return repr(body)
