"""Which rows of the transitions table a search has taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.storage._operations import ExtendLeases, Write, WriteEach
from stripe_events.storage._results import Enqueued
from stripe_events.storage._table import TRANSITIONS, Transition
from tests.model.machine import Returned
from tests.model.search import Violated

if TYPE_CHECKING:
    from stripe_events.storage._records import EventRecord
    from tests.model.flows import Call


class Rows:
    """The rows that were taken; a write that no row allows is a violation."""

    def __init__(self) -> None:
        """Begin with none."""
        self.taken: set[Transition] = set()

    def note(
        self,
        call: Call,
        answers: tuple[Any, ...],
        operation: object,
        following: object,
    ) -> None:
        """Find the row of an operation that was made, or of a verb that has ended without."""
        if isinstance(operation, Write) and answers[-1]:
            first, *successors = operation.changes
            told = following.value if isinstance(following, Returned) else None
            self._wrote(call.verb, *first, enqueued=isinstance(told, Enqueued))
            for change in successors:
                # Whichever verb settles the head: the table has it as finish's.
                self._wrote(call.verb if call.verb == "forget" else "finish", *change)
        elif isinstance(operation, WriteEach):
            for change, made in zip(operation.changes, answers[-1], strict=True):
                if made:
                    self._wrote(call.verb, *change)
        elif isinstance(operation, ExtendLeases):
            if not answers[-1]:
                self.taken.update(row for row in TRANSITIONS if row.verb == "extend")
        elif isinstance(following, Returned) and not any(one is True for one in answers):
            self._only_read(call, answers, following)

    def _wrote(
        self,
        verb: str,
        old: EventRecord | None,
        new: EventRecord | None,
        *,
        enqueued: bool = False,
    ) -> None:
        source, target = old.state if old else "absent", new.state if new else "absent"
        rows = [
            row
            for row in TRANSITIONS
            if (row.verb, row.source, row.target) == (verb, source, target) and row.writes != "-"
            if (row.gives == "Enqueued") == enqueued
        ]
        if len(rows) != 1:
            raise Violated(f"{verb} takes {source} to {target}: {len(rows)} rows")
        self.taken.add(rows[0])

    def _only_read(self, call: Call, answers: tuple[Any, ...], ended: Returned) -> None:
        if call.verb not in ("accept", "enqueue"):
            return
        reads = [one for one in answers if type(one) is tuple and isinstance(one[0], int)]
        record: EventRecord | None = reads[-1][1]
        source = record.state if record else "absent"
        gives = type(ended.value).__name__
        rows = [
            row
            for row in TRANSITIONS
            if (row.verb, row.source, row.gives) == (call.verb, source, gives)
            and row.writes.startswith(("-", "last seen"))
        ]
        if len(rows) != 1:
            raise Violated(f"{call.verb} leaves {source} and gives {gives}: {len(rows)} rows")
        self.taken.add(rows[0])
