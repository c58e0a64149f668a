"""An application with one handler of each sort, which tells of each step it takes."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stripe_events import EventRouter
from tests.unit.deliveries import NOW, SECRET, signed, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from stripe_events import Context, WebhookResponse
    from tests.stores.faults.places import Place

EXACTLY_ONCE = ("block", "joined")
HANDLERS = (*EXACTLY_ONCE, "file", "flaky")


class Application:
    """
    A router with four handlers, over a ledger.

    ``block`` and ``joined`` have an effect in the database, by ``ctx.transaction()`` and by
    ``ctx.complete_on()``, ``file`` adds a line to a file, ``flaky`` fails at first.

    Args:
        place: where the ledger is.
        file: to which lines are added.
        step: called between any two things that handlers do.
        store: on that place; by default a new one.
        handlers: those that it has.
        options: of the router.
    """

    def __init__(
        self,
        place: Place,
        file: Path,
        step: Callable[[], object] = lambda: None,
        store: Any = None,
        handlers: Iterable[str] = HANDLERS,
        **options: Any,
    ) -> None:
        """Register the handlers."""
        self.place = place
        self.file = file
        self.step = step
        self.store = place.store() if store is None else store
        self.router = EventRouter(SECRET, clock=lambda: NOW, store=self.store, **options)
        for name in handlers:
            self.router.on("charge.succeeded", name=name)(getattr(self, f"_{name}"))

    def deliver(self, event: str) -> WebhookResponse:
        """Let a request come in."""
        return self.router.handle(*signed(snapshot(id=event)))

    def deliver_until_200(self, event: str, most: int = 10) -> list[int]:
        """Deliver as Stripe does, and give the statuses."""
        statuses: list[int] = []
        while 200 not in statuses and len(statuses) < most:
            statuses.append(self.deliver(event).status)
        return statuses

    def state(self, event: str) -> str | None:
        """Give the state of an event, None if it is not recorded."""
        stored = self.store.get("default", event)
        return None if stored is None else str(stored.record.state)

    def close(self) -> None:
        """Stop all that runs."""
        self.router.close()
        self.store.close()

    def _block(self, event: Any, ctx: Context) -> None:
        self.step()
        with ctx.transaction(self.store) as connection:
            self.step()
            self.place.effect(connection, event.id, "block")
            self.step()
        self.step()

    def _joined(self, event: Any, ctx: Context) -> None:
        self.step()
        with self.place.transaction() as connection:
            self.place.effect(connection, event.id, "joined")
            self.step()
            ctx.complete_on(connection)
            self.step()
        self.step()

    def _file(self, event: Any) -> None:
        self.step()
        add_line(self.file, event.id)
        self.step()

    def _flaky(self, event: Any, ctx: Context) -> None:
        self.step()
        if ctx.attempt == 1:
            raise ConnectionError("bank offline")


def add_line(file: Path, text: str) -> None:
    """Add a line as one write, so that processes do not mix theirs."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, f"{text}\n".encode())
    finally:
        os.close(descriptor)


def lines(file: Path) -> Counter[str]:
    """Count the lines of a file."""
    with suppress(FileNotFoundError):
        return Counter(file.read_text().split())
    return Counter()
