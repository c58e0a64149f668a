"""A shop whose deliveries go to the inbox, and the app that a worker is started for."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from stripe_events import EventRouter, Permanent
from stripe_events.storage import SQLiteStore
from stripe_events.testing import sign
from tests.system.example_server import SECRET, event
from tests.system.slow_handlers import in_a_thread, on_the_loop, say

if TYPE_CHECKING:
    from pathlib import Path

    from stripe_events import Context, Event
    from stripe_events.storage import State

__all__ = ["SHOP", "deliver", "shop", "state"]

SHOP = """
from tests.system.work_app import shop

router = shop({database!r})
"""
"""The module that is worked for."""


def paid(_: Event, ctx: Context) -> None:
    """Be done at once."""
    ctx.logger.info("paid")


def broken(_: Event) -> None:
    """Fail, and be tried again."""
    raise RuntimeError("the bank is closed")


def hopeless(_: Event) -> None:
    """Fail for good."""
    raise Permanent("no such customer")


async def waits(event: Event) -> None:
    """Wait on the event loop for what never comes."""
    say("begun", event)
    await asyncio.Event().wait()


def shop(database: str | Path) -> EventRouter:
    """Give the router; handlers have the same names in the test and in the worker."""
    made = EventRouter(SECRET, store=SQLiteStore(database), delivery="inbox")
    handlers: dict[str, Any] = {
        "charge.succeeded": paid,
        "charge.expired": broken,
        "charge.dispute.closed": hopeless,
        "charge.pending": waits,
        "charge.failed": in_a_thread,
        "charge.refunded": on_the_loop,
    }
    for type_, handler in handlers.items():
        made.on(type_, name=handler.__name__)(handler)
    return made


def deliver(database: Path, *types: str) -> list[str]:
    """Let signed events of these types come in, and give their ids."""
    router = shop(database)
    ids = [f"evt_{type_.rpartition('.')[2]}_{number}" for number, type_ in enumerate(types)]
    for id_, type_ in zip(ids, types, strict=True):
        body = event(type_, {"object": "charge"}, id_)
        assert "accepted" == router.handle(body, sign(body, SECRET)).outcome
    router.store.close()
    return ids


def state(database: Path, event_id: str) -> State:
    """Give what the ledger says of an event."""
    store = SQLiteStore(database)
    stored = store.get("default", event_id)
    store.close()
    assert stored is not None
    return stored.record.state


def configured() -> None:
    """Configure logging as an app does."""
    logging.basicConfig(format="app: %(message)s", level=logging.INFO)
