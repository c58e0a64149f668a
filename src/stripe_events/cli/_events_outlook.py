"""What would run now of a recorded event, by the code that is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stripe_events._parse import parse
from stripe_events.storage._plans import merged, running_order
from stripe_events.storage._records import OVER
from stripe_events.storage._results import Code, Plan, PlannedHandler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stripe_events._registry import Explanation
    from stripe_events.router import EventRouter
    from stripe_events.storage._records import EventRecord, HandlerRecord
    from stripe_events.storage._results import StoredEvent


class Prospect(NamedTuple):
    """Whether a handler would run, and why."""

    handler: str
    runs: bool
    why: str


class Outlook(NamedTuple):
    """
    What the next attempt would do.

    ``handlers``: those of the plan, and those whose filters are for other events of the
    type; first what would run, in order. ``unclear``: why filters could not be asked.
    """

    handlers: tuple[Prospect, ...]
    unclear: str | None = None


def outlook(router: EventRouter, stored: StoredEvent, now: float) -> Outlook:
    """Say what would become of an event that was claimed now; filters are asked."""
    record = stored.record
    code = _code(router)
    explanations, unclear = _explained(router, stored.payload)
    plan = _joining(explanations) if record.state not in OVER else Plan()
    meant = merged(record, plan, code, now)
    order = running_order(meant.handlers, code)
    handlers = [_prospect(handler, record, code) for handler in meant.handlers]
    handlers += _refusals(explanations, meant)
    handlers.sort(key=lambda one: order.index(one.handler) if one.runs else len(order))
    return Outlook(tuple(handlers), unclear)


def _code(router: EventRouter) -> Code:
    table = router._table()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    former = tuple((old, handler.name) for handler in table.handlers for old in handler.formerly)
    return Code(frozenset(table.by_name), former, table.retired)


def _explained(
    router: EventRouter, payload: bytes | None
) -> tuple[Sequence[Explanation], str | None]:
    if payload is None:
        return (), "the payload was erased, so filters cannot be asked"
    try:
        return router.explain(parse(payload)), None
    except Exception as error:  # noqa: BLE001 - a filter is the user's code
        return (), f"filters could not be asked: {type(error).__name__}: {error}"


def _joining(explanations: Sequence[Explanation]) -> Plan:
    wanted = tuple(PlannedHandler(one.handler) for one in explanations if one.runs)
    refused = tuple(one.handler for one in explanations if one.refused_by == "where")
    return Plan(wanted, refused)


def _prospect(handler: HandlerRecord, record: EventRecord, code: Code) -> Prospect:
    name = handler.name
    before = record.handler(name) or _renamed(handler, record)
    if handler.outcome == "dropped" and before is not None and not before.is_settled:
        return Prospect(name, runs=False, why="it was retired")
    if handler.is_settled:
        return Prospect(name, runs=False, why=_SETTLED[handler.outcome])
    if name not in code.handlers:
        return Prospect(name, runs=False, why=_MISSING)
    if before is None:
        return Prospect(name, runs=True, why="it was registered since")
    why = _LEFT[before.outcome]
    if before.name != name:
        why = f"{why}; it was called {before.name}"
    return Prospect(name, runs=True, why=why)


def _renamed(handler: HandlerRecord, record: EventRecord) -> HandlerRecord | None:
    return next((found for old in handler.formerly if (found := record.handler(old))), None)


def _refusals(explanations: Sequence[Explanation], meant: EventRecord) -> Iterator[Prospect]:
    for one in explanations:
        if one.refused_by in ("type", "fallback") or meant.handler(one.handler):
            continue
        if one.handler in meant.refused:
            yield Prospect(one.handler, runs=False, why="its where refuses the event")
        elif one.refused_by is None:
            yield Prospect(one.handler, runs=False, why="it is not in the plan")
        else:
            yield Prospect(one.handler, runs=False, why=f"its {one.refused_by} refuses the event")


_MISSING = "missing: the running code has no handler of this name (formerly=, retire, or drop)"

_LEFT = {"planned": "it is still to run", "failed": "it failed before"}

_SETTLED = {
    "succeeded": "it succeeded",
    "skipped": "it was skipped",
    "dead": "it is dead, until retry",
    "dropped": "it was dropped",
}
