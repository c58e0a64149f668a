"""A shop with a ledger, and the command run on it."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from textwrap import dedent
from typing import TYPE_CHECKING, Any, NamedTuple

from stripe_events.cli import main
from stripe_events.storage import (
    Arrival,
    Claimed,
    Code,
    ErrorRecord,
    HandlerResult,
    MemoryStore,
    Plan,
    PlannedHandler,
    Release,
)
from stripe_events.storage._bases import AsyncVerbs, drive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    import pytest

DAY = 86_400.0
CREDIT, MAIL = "shop:credit", "shop:mail"
FOUR_DAYS = Release(4 * DAY, 4 * DAY)

_MEMORY = "MemoryStore(clock=lambda: time.time() - ago)"
STORES = {
    "memory": (_MEMORY, "records"),
    "async": (_MEMORY, "AsyncMemoryStore(records)"),
    "sqlite": ("SQLiteStore('ledger.db', clock=lambda: time.time() - ago)", "records"),
}
"""For each kind of ledger an expression for its sync face, and one for the router's store."""

SHOP = """
import time
from stripe_events import EventRouter
from stripe_events.events import InvoicePaid
from stripe_events.storage import MemoryStore, SQLiteStore
from tests.unit.cli_ledger import AsyncMemoryStore

ago = 0.0
records = {records}
store = {store}
router = EventRouter(store=store)

@router.on(InvoicePaid)
def credit(event):
    ran.append(f"credit {{event.id}}")

@router.on(InvoicePaid)
def mail(event):
    ran.append(f"mail {{event.id}}")

ran = []
"""


class AsyncMemoryStore(AsyncVerbs):
    """A ledger in memory whose verbs are awaited."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep what a sync one keeps."""
        self._store = store

    async def _run(self, verb: Any) -> Any:
        return drive(verb, self._store._perform)


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """What it printed, each line as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


class Shop:
    """
    An app module in a directory, its ledger and the command.

    ``module.ago`` (seconds) is how far the ledger's clock is behind.
    """

    def __init__(self, module: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
        """Take the module, whose ``records`` is the sync face of its ledger."""
        self.module = module
        self.records: Any = module.records
        self._capsys = capsys

    def run(self, *arguments: str, app: str = "shop") -> Done:
        """Run ``stripe-events events`` on the shop's router."""
        self._capsys.readouterr()
        status = main(["events", *arguments, "--app", app])
        return Done(status, *self._capsys.readouterr())

    def errors(self) -> str:
        """Give what a command that was refused has complained of."""
        return self._capsys.readouterr().err

    def claim(self, event_id: str, **options: Any) -> Claimed:
        """Let an event come in, and claim it for a minute."""
        claimed = self.records.accept(arrival(event_id, **options), 60.0)
        assert isinstance(claimed, Claimed), claimed
        return claimed

    def end(self, claimed: Claimed, outcomes: dict[str, str]) -> None:
        """Record how handlers ended; what failed is due in four days."""
        states = [
            self.records.finish(claimed.claim, result(name, outcome)).state
            for name, outcome in outcomes.items()
        ]
        if not states or states[-1] == "claimed":
            self.records.suspend(claimed.claim, FOUR_DAYS)

    def event(self, event_id: str, credit: str = "", mail: str = "", **options: Any) -> None:
        """Let an event come in and its handlers end so."""
        outcomes = {CREDIT: credit, MAIL: mail}
        self.end(
            self.claim(event_id, **options),
            {name: outcome for name, outcome in outcomes.items() if outcome},
        )

    def state(self, event_id: str) -> str:
        """Give the state of an event."""
        stored = self.records.get("default", event_id)
        return "absent" if stored is None else stored.record.state


@contextmanager
def open_shop(
    kind: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shop]:
    """Write the shop's module, with a ledger of this kind, and go there."""
    records, store = STORES[kind]
    write_app(place, monkeypatch, "shop", SHOP.format(records=records, store=store))
    shop = Shop(import_module("shop"), capsys)
    yield shop
    if kind == "sqlite":
        shop.records.close()


def write_app(place: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """Write a module that only this test can import, from its directory."""
    (place / f"{name}.py").write_text(dedent(text), "utf-8")
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "path", [os.fspath(place), *sys.path])
    sys.modules.pop(name, None)
    invalidate_caches()


def arrival(
    event_id: str,
    *,
    type_: str = "invoice.paid",
    account: str | None = None,
    handlers: tuple[str, ...] = (CREDIT, MAIL),
    order_key: str | None = None,
    payload: bytes | None = None,
) -> Arrival:
    """Give an event that these handlers are planned for."""
    event = {
        "id": event_id,
        "object": "event",
        "type": type_,
        "data": {"object": {"id": "in_1", "object": "invoice"}},
    }
    return Arrival(
        "default",
        event_id,
        type_,
        account,
        livemode=False,
        created=1_760_000_000.0,
        payload=payload or json.dumps(event).encode(),
        plan=Plan(tuple(PlannedHandler(name) for name in handlers)),
        code=Code(frozenset(handlers)),
        claim_id=f"claim of {event_id}",
        order_key=order_key,
    )


def result(handler: str, outcome: Any) -> HandlerResult:
    """Give a result; one that is no success has an error with a traceback."""
    if outcome in ("succeeded", "skipped"):
        return HandlerResult(handler, outcome)
    traceback = 'Traceback (most recent call last):\n  File "shop.py"\nConnectionError: refused'
    return HandlerResult(handler, outcome, ErrorRecord("ConnectionError", "refused", traceback))
