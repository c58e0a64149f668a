"""How the plan of an event follows the running code; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.storage._records import SETTLED, ErrorRecord, EventRecord, HandlerRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stripe_events.storage._results import Code, Plan

_DIED = ErrorRecord(
    "Abandoned", "the process died, or lost its lease, while this handler was running"
)


def planned(plan: Plan, code: Code | None) -> tuple[HandlerRecord, ...]:
    """
    Give the handler records of a new event.

    They know their former names from the start: older code that still runs must not
    let a handler join under a name that it had before.
    """
    pairs = () if code is None else code.formerly
    return tuple(
        [
            # By position, which is twice as fast as by name.
            HandlerRecord(
                name,
                "planned",
                0,
                0,
                None,
                None,
                None,
                0,
                None,
                formerly or tuple([old for old, new in pairs if new == name]),
                stale_key,
                undecided,
            )
            for name, stale_key, undecided, formerly in plan.wanted
        ]
    )


def to_be_asked(record: EventRecord | None, plan: Plan, code: Code) -> tuple[str, ...]:
    """Give the handlers whose ``where`` has to be asked, for it was not asked before."""
    if record is None or not plan.undecided:
        return plan.undecided
    known = known_names(record, code)
    return tuple(name for name in plan.undecided if name not in known)


def known_names(record: EventRecord, code: Code | None = None) -> set[str]:
    """Give the names that the plan has decided on, former and (by ``code``) later ones too."""
    names = set(record.refused)
    for handler in record.handlers:
        names.add(handler.name)
        names.update(handler.formerly)
    if code is not None and code.formerly:
        names.update(new for old, new in code.formerly if old in names)
    return names


def merged(record: EventRecord, plan: Plan, code: Code | None, now: float) -> EventRecord:
    """
    Continue renamed handlers, drop retired ones, let new ones join.

    A name that the record knows, be it as a former one, never joins again. Settled
    handlers stay as they are.
    """
    handlers = record.handlers
    if code is not None and code.formerly:
        handlers = _renamed(handlers, code.formerly)
    if code is not None and code.retired:
        handlers = tuple(_retired(handler, code, now) for handler in handlers)
    record = record if handlers is record.handlers else record._replace(handlers=handlers)
    if not (plan.wanted or plan.refused):
        return record
    known = known_names(record, code)
    joining = [handler for handler in planned(plan, code) if handler.name not in known]
    refused = [name for name in plan.refused if name not in known]
    if not (joining or refused):
        return record
    return record._replace(
        handlers=(*record.handlers, *joining), refused=(*record.refused, *refused)
    )


def _renamed(
    handlers: tuple[HandlerRecord, ...], pairs: Sequence[tuple[str, str]]
) -> tuple[HandlerRecord, ...]:
    names = {handler.name for handler in handlers}
    for old, new in pairs:
        if old in names and new not in names:
            names = names - {old} | {new}
            handlers = tuple(
                handler._replace(name=new, formerly=(*handler.formerly, old))
                if handler.name == old
                else handler
                for handler in handlers
            )
    return handlers


def _retired(handler: HandlerRecord, code: Code, now: float) -> HandlerRecord:
    if handler.name in code.retired and handler.outcome not in SETTLED:
        return handler._replace(outcome="dropped", at=now)
    return handler


def running_order(handlers: Iterable[HandlerRecord], code: Code) -> tuple[str, ...]:
    """Give what a claim runs: what is left and known to the code, suspects last."""
    names = code.handlers
    left = [h for h in handlers if h.outcome not in SETTLED and h.name in names]
    if len(left) > 1:
        left.sort(key=_abandoned)
    return tuple([handler.name for handler in left])


def _abandoned(handler: HandlerRecord) -> int:
    return handler.abandoned


def with_suspect(record: EventRecord, code: Code, now: float) -> EventRecord:
    """
    Count against the handler that was running when an attempt died.

    That is the first of its ``running`` that this claim did not record. After
    ``max_abandoned`` such runs it is dead.
    """
    for name in record.running:
        suspect = find(record, name)
        if suspect is None or suspect.is_settled or suspect.token == record.token:
            continue
        abandoned, attempts = suspect.abandoned + 1, suspect.attempts + 1
        blamed = suspect._replace(
            abandoned=abandoned, attempts=attempts, error=_DIED._replace(attempt=attempts, at=now)
        )
        if abandoned >= code.max_abandoned:
            blamed = blamed._replace(outcome="dead", token=record.token, at=now)
        return replaced(record, blamed)
    return record


def names_of(handler: HandlerRecord) -> frozenset[str]:
    """Give all names by which a handler may be meant, former ones too."""
    return frozenset((handler.name, *handler.formerly))


def find(record: EventRecord, name: str) -> HandlerRecord | None:
    """Give the handler of this name, or that was called so formerly."""
    found = record.handler(name)
    if found is None:
        return next((handler for handler in record.handlers if name in handler.formerly), None)
    return found


def replaced(record: EventRecord, handler: HandlerRecord) -> EventRecord:
    """Give the record with this handler in the place of the one of the same name."""
    return record._replace(handlers=with_handler(record.handlers, handler))


def with_handler(
    handlers: tuple[HandlerRecord, ...], handler: HandlerRecord
) -> tuple[HandlerRecord, ...]:
    """Give the handlers with this one in the place of the one of the same name."""
    if len(handlers) == 1:
        return (handler,)
    return tuple(handler if one.name == handler.name else one for one in handlers)


def all_settled(handlers: Iterable[HandlerRecord]) -> bool:
    """Tell whether nothing is left to do."""
    return SETTLED.issuperset([handler.outcome for handler in handlers])
