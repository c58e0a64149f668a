"""Tell observers, and the log, what became of a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

RecordName: TypeAlias = Literal[
    "Received",
    "Rejected",
    "Ignored",
    "Duplicate",
    "Busy",
    "Handled",
    "Failed",
    "Dead",
    "LateError",
    "Overdue",
]
"""The classes of ``stripe_events.observers``, which is loaded by who observes something."""


class Observers:
    """The observers of a routing table, by record class."""

    __slots__ = ("_by_name",)

    def __init__(self, observers: Iterable[tuple[type[Any], Callable[[Any], object]]]) -> None:
        """Take all observers in the order of registration."""
        self._by_name: dict[str, list[tuple[type[Any], Callable[[Any], object]]]] = {}
        for record_class, observer in observers:
            self._by_name.setdefault(record_class.__name__, []).append((record_class, observer))

    def want(self, record: RecordName) -> bool:
        """Tell whether anybody observes such records."""
        return record in self._by_name

    def tell(self, record: RecordName, *fields: Any) -> None:
        """
        Make the record and give it to its observers; without any, do nothing.

        What an observer raises is logged and goes no further.
        """
        observers = self._by_name.get(record)
        if observers is None:
            return
        made = observers[0][0](*fields)
        for _, observer in observers:
            try:
                observer(made)
            except Exception as error:  # noqa: BLE001 - an observer changes no outcome
                log("ERROR", f"an observer of {record} failed", error)


def log(
    level: str, message: str, error: BaseException | None = None, *, event_id: str | None = None
) -> None:
    """
    Write to the logger ``stripe_events``; ``logging`` is loaded by the first message.

    The record has the id as ``stripe_event``, as those of ``Context.logger`` do.
    """
    import logging

    logging.getLogger("stripe_events").log(
        getattr(logging, level),
        message,
        exc_info=error,
        extra=None if event_id is None else {"stripe_event": event_id},
    )
