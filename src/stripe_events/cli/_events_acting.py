"""``stripe-events events retry``, ``replay`` and ``drop``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from stripe_events.cli._events_selection import applicable, checked_filters, with_handlers
from stripe_events.cli._progress import Progress
from stripe_events.cli._text import complain, json_text, plain
from stripe_events.errors import UsageError
from stripe_events.storage._results import Changed

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from stripe_events.cli._ledger import Ledger
    from stripe_events.storage._results import Acted, Query

_DONE: Final = {"retry": "retried", "replay": "replayed", "drop": "dropped"}

_WAIVED: Final = "replay: what these handlers did happens again, exactly-once is waived"

_DUE: Final = "They are due now: a worker runs them, or router.rescue(), or --run here."


class Step(NamedTuple):
    """One call of a verb; no handlers are all of them."""

    event_id: str
    handlers: tuple[str, ...]


def act(ledger: Ledger, arguments: Namespace) -> int:
    """Apply the verb to all that is meant, one after another, and tell what became of each."""
    verb: str = arguments.action
    if verb == "replay":
        complain(_WAIVED)
    steps = list(_steps(ledger, arguments, checked_filters(arguments)))
    if not steps:
        complain("no event matches")
        return 0
    events = len({step.event_id for step in steps})
    if not arguments.ids and not confirmed(arguments, f"{verb} {counted(events)}"):
        return 1
    tally = _Tally(verb, len(steps), as_json=arguments.json)
    try:
        for step in steps:
            tally.note(step, ledger.act(verb, *step))
    finally:
        tally.end()
    ran_well = verb == "drop" or not tally.done or _go_on(ledger, arguments)
    return 1 if tally.refused or not ran_well else 0


def confirmed(arguments: Namespace, what: str) -> bool:
    """
    Ask on the terminal, unless ``--yes`` answers already.

    Raises:
        UsageError: there is no terminal to ask on.
    """
    if arguments.yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"{what}? There is nobody to ask: add --yes")
    print(f"{what}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    complain("nothing was done")
    return False


def counted(events: int) -> str:
    """Give a number of events in words."""
    return f"{events} event{'' if events == 1 else 's'}"


def _steps(ledger: Ledger, arguments: Namespace, query: Query) -> Iterator[Step]:
    verb, handlers = arguments.action, tuple(arguments.handlers)
    if arguments.ids:
        for event_id in dict.fromkeys(arguments.ids):
            yield from _of_one(verb, event_id, handlers)
        return
    # Nothing else than what the verb can be applied to: else each would be a refusal.
    states = query.states or arguments.allowed_states
    query = query._replace(states=states, erased=None if verb == "drop" else False)
    found = Progress("found")
    for record in with_handlers(ledger, query, handlers):
        names = applicable(verb, record, handlers)
        if names:
            found.advance()
            yield from _of_one(verb, record.id, names if handlers else ())
    found.wipe()


def _of_one(verb: str, event_id: str, handlers: tuple[str, ...]) -> Iterator[Step]:
    if verb == "drop":
        return (Step(event_id, (name,)) for name in handlers)
    return iter([Step(event_id, handlers)])


class _Tally:
    """Tells what became of each step, and in the end of all, however that comes."""

    def __init__(self, verb: str, total: int, *, as_json: bool) -> None:
        self.done = self.refused = 0
        self._verb = verb
        self._as_json = as_json
        self._total = total
        self._progress = Progress(_DONE[verb], total)

    def note(self, step: Step, acted: Acted) -> None:
        self._progress.advance()
        if isinstance(acted, Changed):
            self.done += 1
        else:
            self.refused += 1
        if self._as_json:
            self._progress.wipe()
            print(json_text(_as_json(self._verb, step, acted)))
        elif not isinstance(acted, Changed):
            self._progress.wipe()
            complain(f"{step.event_id}: {acted.reason}")

    def end(self) -> None:
        self._progress.wipe()
        seen = self._progress.count
        rest = f" of {self._total}" if seen < self._total else ""
        refused = f", refused {self.refused}" if self.refused else ""
        summary = f"{_DONE[self._verb]} {self.done}{rest}{refused}"
        print(summary, file=sys.stderr if self._as_json else sys.stdout, flush=True)


def _as_json(verb: str, step: Step, acted: Acted) -> dict[str, object]:
    line: dict[str, object] = {"id": step.event_id}
    if verb == "drop":
        line["handler"] = step.handlers[0]
    if isinstance(acted, Changed):
        return {**line, "done": True, "state": acted.record.state}
    return {**line, "done": False, "reason": acted.reason}


def _go_on(ledger: Ledger, arguments: Namespace) -> bool:
    """Run what is due, or say who does; give whether nothing went wrong."""
    if not arguments.run:
        print(_DUE, file=sys.stderr)
        return True
    ran = ledger.rescue()
    if arguments.json:
        print(json_text({"ran": plain(ran)}))
    else:
        how = f"{ran.handled} handled, {ran.failed} failed, {ran.dead} dead"
        print(f"ran {counted(ran.events)}: {how}")
    return not (ran.failed or ran.dead)
