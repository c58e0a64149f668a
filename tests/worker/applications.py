"""An application whose deliveries go to the inbox, and what its ledger says of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from stripe_events import Permanent, Retry
from tests.stores.faults.applications import EXACTLY_ONCE, Application, add_line, lines
from tests.unit.deliveries import signed, snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from stripe_events import Context
    from tests.worker.places import AnyPlace

__all__ = ["LEASE", "OVER", "TRANSACTIONAL", "Office", "add_line", "handlers_on", "lines"]

LEASE = 1.0
"""Seconds after which what a worker held that died is due again."""

OVER = {"done", "dead"}
TRANSACTIONAL = EXACTLY_ONCE
"""Handlers whose effects are committed together with the ledger."""

OPTIONS: dict[str, Any] = {
    "delivery": "inbox",
    "lease": LEASE,
    "retry": Retry(first=0.05, most=0.05),
    "max_abandoned": 1_000,
}
"""Of routers whose workers are killed all the time, and that need not wait long to try again."""


class Office(Application):
    """
    The handlers of ``Application``, and ``doomed``, which gives up on every seventh event.

    Each line of the file is the idempotency key of a run of ``file``; there is a byte for
    each step of any handler in a file beside it, whichever process takes it.
    """

    def __init__(
        self,
        place: AnyPlace,
        file: Path,
        handlers: Iterable[str] = ("file",),
        store: Any = None,
        **options: Any,
    ) -> None:
        """Register the handlers."""
        self._steps = file.with_suffix(".steps")
        step = partial(add_line, self._steps, "")
        chosen = {**OPTIONS, **options}
        super().__init__(place, file, step, store, handlers, **chosen)  # type: ignore[arg-type]

    @property
    def steps(self) -> int:
        """Count the steps of handlers in all processes."""
        return self._steps.stat().st_size if self._steps.exists() else 0

    def receive(self, *events: str, **fields: Any) -> None:
        """Let deliveries come in, each of which is answered 200."""
        for event in events:
            response = self.router.handle(*signed(snapshot(id=event, **fields)))
            assert 200 == response.status, response

    def records(self) -> dict[str, Any]:
        """Give all that the ledger has, by event."""
        return {record.id: record for record in self.store.list("default", limit=10_000)}

    def in_states(self, states: Collection[str]) -> set[str]:
        """Name the events that are in one of these states."""
        return {name for name, record in self.records().items() if record.state in states}

    def all_over(self) -> bool:
        """Tell whether nothing is left to do."""
        return all(record.state in OVER for record in self.records().values())

    def _file(self, event: Any, ctx: Context) -> None:  # type: ignore[override]
        self.step()
        add_line(self.file, ctx.idempotency_key)
        self.step()

    def _doomed(self, event: Any) -> None:
        self.step()
        if int(event.id.rpartition("_")[2]) % 7 == 0:
            raise Permanent("nobody wants it")


def handlers_on(place: AnyPlace) -> tuple[str, ...]:
    """Give the handlers that an application on this place can have."""
    others = ("file", "flaky", "doomed")
    return others if place.kind in ("redis", "dynamodb") else (*TRANSACTIONAL, *others)
