"""
Nothing is stuck: whatever a ledger has come to, a worker with all the code settles it.

The worst is supposed to have happened: every process died, and every lease and due
time has passed. Nobody else comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.storage._records import OVER, SETTLED
from tests.model.flows import Choice, Effect, Job
from tests.model.machine import Machine, Process, Raised, Returned
from tests.model.search import require
from tests.model.settings import MAX_ABANDONED

if TYPE_CHECKING:
    from collections.abc import Hashable

    from stripe_events.storage._records import EventRecord, HandlerRecord, KeyRecord
    from tests.model.flows import Call
    from tests.model.ledgers import Database, Ledger
    from tests.model.settings import Setting

LONG = 10
"""Longer than any lease and due time."""

ROUNDS = 24


class Recovery:
    """Settle ledgers, each once."""

    def __init__(self, setting: Setting, machine: Machine, database: Database) -> None:
        """Know nothing yet."""
        self._setting = setting
        self._machine = machine
        self._database = database
        self._known: set[tuple[tuple[EventRecord, ...], tuple[KeyRecord, ...]]] = set()

    def check(self, ledger: Ledger) -> None:
        """Raise ``Violated`` if a ledger is stuck."""
        place = (ledger.events, ledger.keys)
        if place in self._known:
            return
        self._known.add(place)
        for killer in ("", *self._setting.versions[0].handlers):
            self._check(ledger, killer)

    def _check(self, ledger: Ledger, killer: str) -> None:
        for record in self.settled(ledger, killer).events:
            stuck = f"{record.id} is stuck: a worker leaves it {record.state}"
            require(record.state in OVER, stuck)
            before = ledger.event(record.id)
            assert before is not None
            for one in record.handlers:
                _check_handler(before, one, killer)

    def settled(self, ledger: Ledger, killer: str = "") -> Ledger:
        """Let workers run all that is due until nothing is; ``killer`` kills its process."""
        job = Job("worker", self._setting.versions[0].name, 0)
        for _ in range(ROUNDS):
            ledger = self._worked(ledger._replace(now=ledger.now + LONG), job, killer)
            if all(record.state in OVER for record in ledger.events):
                break
        return ledger

    def _worked(self, ledger: Ledger, job: Job, killer: str) -> Ledger:
        process = Process(job)
        while True:
            request = self._machine.request(process)
            sent: Hashable = None
            if isinstance(request, Returned):
                return ledger
            if isinstance(request, Choice):
                sent = "succeeds"
            elif isinstance(request, Effect):
                if request.handler == killer:
                    return ledger
            else:
                if request.in_transaction and request.handler == killer:
                    return ledger
                ledger, sent = self._called(ledger, process, request)
            process = process._replace(results=(*process.results, sent))

    def _called(self, ledger: Ledger, process: Process, call: Call) -> tuple[Ledger, Hashable]:
        answers: tuple[Hashable, ...] = ()
        while True:
            asked = self._machine.operation(call, answers)
            if isinstance(asked, Returned | Raised):
                return ledger, self._machine.result(process, asked)
            ledger, answer, _ = self._database.perform(ledger, asked)
            answers = (*answers, answer)


def _check_handler(before: EventRecord, one: HandlerRecord, killer: str) -> None:
    """Check how a handler ended that had been left; one that never ends dies alone."""
    names = (one.name, *one.formerly)
    was = next((other for other in before.handlers if other.name in names), None)
    if was is not None and was.outcome in SETTLED:
        return
    if one.name == killer:
        ended = one.outcome in ("dead", "skipped", "dropped")
        require(ended, f"{killer} kills its process, and is {one.outcome}")
    elif one.outcome == "dead":
        blamed = one.abandoned >= MAX_ABANDONED or one.missing_since is not None
        require(blamed, f"{one.name} is dead without need")
        suspect = before.state == "claimed" or (was is not None and was.abandoned)
        require(suspect or one.missing_since is not None, f"{one.name} is dead through {killer}")
