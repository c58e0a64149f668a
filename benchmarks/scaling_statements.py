"""How long PostgreSQL itself works on each statement of an inbox, by its own clock."""

from __future__ import annotations

import re
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from benchmarks import payloads
from benchmarks.ledger_server import IN_MEMORY, server
from benchmarks.scaling_events import Inbox
from stripe_events.storage import PostgresStore
from stripe_events.storage._bases import SyncVerbs

if TYPE_CHECKING:
    import psycopg

    from benchmarks.ledger_server import Connect
    from stripe_events.storage._steps import Step

__all__ = ["statements"]

_ROUNDS: Final = 12
_AT_ONCE: Final = (1, 10, 50, 200)
_DURATION: Final = re.compile(r"duration: ([\d.]+) ms  execute")
_LOGGED: Final = "SET log_min_duration_statement = 0; SET client_min_messages = log"


def statements() -> list[tuple[str, str]]:
    """Give milliseconds (the median) by step, for batches of several sizes."""
    with server(IN_MEMORY) as running:
        store = _Timed(running.new_database("ledger"))
        store.create_schema()
        inbox = Inbox(store, payloads.charge())
        for at_once in _AT_ONCE:
            for _ in range(_ROUNDS):
                inbox.record(at_once)
                inbox.finish(inbox.claim(at_once))
        store.close()
    steps = dict.fromkeys(step for step, _ in store.took)
    return [(step, _by_size(store, step)) for step in steps]


def _by_size(store: _Timed, step: str) -> str:
    sizes = sorted(events for one, events in store.took if one == step)
    return ", ".join(f"{events}: {median(store.took[step, events]):.3f}" for events in sizes)


class _Timed(PostgresStore):
    """A store that hears from the server how long each statement took."""

    def __init__(self, connect: Connect) -> None:
        self.took: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
        self._step: tuple[str, int] | None = None

        def logged() -> psycopg.Connection[Any]:
            connection = connect()
            connection.execute(_LOGGED.encode())
            connection.add_notice_handler(self._note)
            return connection

        super().__init__(logged)

    # Step by step, so that each is known here; the statements are the same in a transaction.
    take_due = SyncVerbs.take_due

    def _perform(self, step: Step) -> Any:
        counted = getattr(step, "changes", None) or getattr(step, "ids", None)
        events = len(counted) if counted else getattr(step, "limit", 1)
        self._step = type(step).__name__, events
        try:
            return super()._perform(step)
        finally:
            self._step = None

    def _note(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        found = _DURATION.match(diagnostic.message_primary or "")
        if found and self._step is not None:
            self.took[self._step].append(float(found[1]))
