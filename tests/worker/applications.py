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

__all__ = ["LEASE", "OVER", "UNENDING", "Office", "add_line", "handlers_on", "lines"]

LEASE = 1.0
"""Seconds after which what a worker held that died is due again."""

UNENDING = 60.0
"""A lease that does not end by itself in a test, however slow the machine is."""

OVER = {"done", "dead"}
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
        self._names = tuple(handlers)
        self._steps = file.with_suffix(".steps")
        step = partial(add_line, self._steps, "")
        chosen = {**OPTIONS, **options}
        super().__init__(place, file, step, store, self._names, **chosen)  # type: ignore[arg-type]

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

    def check_ends(self, events: Collection[str]) -> None:
        """See that all are over in the right way, and that effects happened once, or at least."""
        doomed = {event for event in events if is_doomed(event)}
        assert doomed == self.in_states({"dead"})
        assert set(events) - doomed == self.in_states({"done"})
        ends = {(h.name, h.outcome) for one in self.records().values() for h in one.handlers}
        assert {(name, "succeeded") for name in self._names} | {("doomed", "dead")} == ends
        once = [name for name in EXACTLY_ONCE if name in self._names]
        assert {(event, name): 1 for event in events for name in once} == self.place.effects()
        assert {f"{event}/file" for event in events} == set(lines(self.file))

    def _file(self, event: Any, ctx: Context) -> None:  # type: ignore[override]
        self.step()
        add_line(self.file, ctx.idempotency_key)
        self.step()

    def _doomed(self, event: Any) -> None:
        self.step()
        if is_doomed(event.id):
            raise Permanent("nobody wants it")


def is_doomed(event: str) -> bool:
    """Tell whether ``doomed`` gives up on an event, by its number."""
    return int(event.rpartition("_")[2]) % 7 == 0


def handlers_on(place: AnyPlace) -> tuple[str, ...]:
    """Give the handlers that an application on this place can have."""
    others = ("file", "flaky", "doomed")
    return others if place.kind in ("redis", "dynamodb") else (*EXACTLY_ONCE, *others)
