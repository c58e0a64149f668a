"""``stripe-events events show``: all that is known of one event."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from stripe_events.cli._events_outlook import outlook
from stripe_events.cli._events_table import due
from stripe_events.cli._text import clean, clean_lines, complain, json_text, moment, plain

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from stripe_events.cli._events_outlook import Outlook
    from stripe_events.cli._ledger import Ledger
    from stripe_events.storage._records import ErrorRecord, EventRecord, HandlerRecord
    from stripe_events.storage._results import StoredEvent


def show(ledger: Ledger, arguments: Namespace) -> int:
    """Print an event; or its payload, as JSON that any terminal can show."""
    stored = ledger.get(arguments.id)
    if stored is None:
        complain(f"{arguments.id} is not in the ledger")
        return 1
    if arguments.payload and stored.payload is None:
        complain(f"the payload of {arguments.id} was erased")
        return 1
    if arguments.payload and not arguments.json:
        print(json_text(json.loads(stored.payload or b""), indent=2))
        return 0
    prospects = outlook(ledger.router, stored, time.time())
    if arguments.json:
        print(json_text(_as_json(stored, prospects, with_payload=arguments.payload)))
    else:
        print("\n".join(_told(stored, prospects, time.time())))
    return 0


def _as_json(stored: StoredEvent, prospects: Outlook, *, with_payload: bool) -> dict[str, object]:
    payload = {"payload": json.loads(stored.payload or b"null")} if with_payload else {}
    return {**plain(stored.record), "now": plain(prospects), **payload}


def _told(stored: StoredEvent, prospects: Outlook, now: float) -> Iterator[str]:
    record = stored.record
    yield clean(f"{record.id}  {record.type}  {record.state}")
    facts = dict(_facts(stored, now))
    width = max(map(len, facts))
    yield from (f"  {name.ljust(width)}  {clean(value)}" for name, value in facts.items())
    yield "\nhandlers"
    for handler in record.handlers:
        yield from _handler(handler, now)
    yield f"\nwhat would run now: {_when(record, now)}"
    if prospects.unclear:
        yield f"  {clean(prospects.unclear)}"
    for one in prospects.handlers:
        mark = "+" if one.runs and record.state not in ("done", "dead") else "-"
        yield clean(f"  {mark} {one.handler}: {one.why}")


def _facts(stored: StoredEvent, now: float) -> Iterator[tuple[str, str]]:
    record = stored.record
    yield "scope", record.scope
    yield "account", record.account or "-"
    yield "livemode", "yes" if record.livemode else "no"
    yield "created", moment(record.created, now)
    yield "first seen", moment(record.first_seen, now)
    yield "last seen", moment(record.last_seen, now)
    yield "lane", record.lane
    yield "lease over" if record.state == "claimed" else "due", due(record, now)
    yield "payload", "erased" if stored.payload is None else f"{len(stored.payload)} bytes"
    yield "claim", _claim(record)
    if record.order_key is not None:
        yield "order key", record.order_key + (", out of order" if record.out_of_order else "")
    if record.generation:
        yield "replayed", f"{record.generation} times"
    if record.refused:
        yield "where refused", ", ".join(record.refused)
    if record.answer is not None:
        yield "answer", record.answer.body.decode(errors="backslashreplace")


def _claim(record: EventRecord) -> str:
    told = f"token {record.token}"
    if record.claim_id:
        told += f", id {record.claim_id}"
    if record.running:
        told += f", runs {', '.join(record.running)}"
    if record.abandoned:
        told += f", abandoned {record.abandoned} times"
    return told


def _handler(handler: HandlerRecord, now: float) -> Iterator[str]:
    yield clean(f"  {handler.name}: {handler.outcome}")
    since = "" if handler.at is None else f", {moment(handler.at, now)}"
    abandoned = f", {handler.abandoned} of them died" if handler.abandoned else ""
    yield f"    attempts {handler.attempts}{abandoned}{since}"
    if handler.formerly:
        yield clean(f"    formerly {', '.join(handler.formerly)}")
    if handler.missing_since is not None:
        yield f"    missing since {moment(handler.missing_since, now)}"
    if handler.undecided:
        yield "    its where raised, and is to be asked again"
    if handler.stale_key is not None:
        yield clean(f"    skips what is older than the newest of {handler.stale_key}")
    yield from _error("error", handler.error, now)
    yield from _error("late error", handler.late_error, now)


def _error(kind: str, error: ErrorRecord | None, now: float) -> Iterator[str]:
    if error is None:
        return
    yield clean(f"    {kind} of attempt {error.attempt}, {moment(error.at, now)}:")
    yield clean(f"      {error.type}: {error.message}")
    yield from clean_lines(error.traceback, "      ")


def _when(record: EventRecord, now: float) -> str:
    match record.state:
        case "done" | "dead":
            return f"nothing, it is {record.state}"
        case "parked":
            return "nothing, it waits for an earlier event of its order key"
        case "claimed" if record.lease_until > now:
            return "nothing more, it is being worked on; of what was left then"
        case _:
            return "with the next delivery, or when a worker or rescue() takes it"
