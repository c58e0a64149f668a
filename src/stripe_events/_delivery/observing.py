"""Tell observers, and the log, what became of a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stripe_events.observers import Record


class Observers:
    """The observers of a routing table, by record class."""

    __slots__ = ("_by_class",)

    def __init__(self, observers: Iterable[tuple[type[Any], Callable[[Any], object]]]) -> None:
        """Take all observers in the order of registration."""
        self._by_class: dict[type[Any], list[Callable[[Any], object]]] = {}
        for record_class, observer in observers:
            self._by_class.setdefault(record_class, []).append(observer)

    def tell(self, record_class: type[Record], *fields: Any) -> None:
        """
        Make the record and give it to its observers; without any, do nothing.

        What an observer raises is logged and goes no further.
        """
        observers = self._by_class.get(record_class)
        if observers is None:
            return
        record = record_class(*fields)
        for observer in observers:
            try:
                observer(record)
            except Exception as error:  # noqa: BLE001 - an observer changes no outcome
                log("ERROR", f"an observer of {type(record).__name__} failed", error)


def log(level: str, message: str, error: BaseException | None = None) -> None:
    """Write to the logger ``stripe_events``; ``logging`` is loaded by the first message."""
    import logging

    logging.getLogger("stripe_events").log(
        getattr(logging, level),
        message,
        exc_info=error,
    )
