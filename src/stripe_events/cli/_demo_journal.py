"""What the process says of a delivery from inside, beside the HTTP answer."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stripe_events.errors import HandlerError, SignatureError
from stripe_events.observers import Dead, Failed, Rejected

if TYPE_CHECKING:
    from collections.abc import Generator

    from stripe_events.router import EventRouter


class Notes:
    """
    What was noted since the last row.

    ``ran``: what handlers said. ``diagnoses``: why something failed, in a few words.
    ``log``: what the library logged, in full, with tracebacks.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.ran: list[str] = []
        self.diagnoses: list[str] = []
        self.log: list[str] = []


class Journal(logging.Handler):
    """
    Take down what handlers, observers and the log tell of one delivery at a time.

    While it listens, Python's handler of last resort is silent; nothing is dropped, for
    all of it is in ``Notes``.
    """

    def __init__(self) -> None:
        """Start with empty notes."""
        super().__init__()
        self._notes = Notes()

    def take(self) -> Notes:
        """Give what was noted since the last time, and start anew."""
        notes, self._notes = self._notes, Notes()
        return notes

    def emit(self, record: logging.LogRecord) -> None:
        """Note a handler's word, or what the library logs."""
        handler: str | None = getattr(record, "handler", None)
        if handler is None:
            self._notes.log.append(self.format(record))
        else:
            self._notes.ran.append(f"{handler.rpartition(':')[2]}: {record.getMessage()}")

    def observe(self, router: EventRouter) -> None:
        """Be told of failures in the router; before its first delivery."""
        router.observe(Rejected)(self._rejected)
        router.observe(Failed, Dead)(self._failed)

    @contextmanager
    def listening(self) -> Generator[None, None, None]:
        """Receive what is logged under ``stripe_events``, from INFO up."""
        logger = logging.getLogger("stripe_events")
        level = logger.level
        logger.setLevel(logging.INFO)
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.setLevel(level)

    def _rejected(self, record: Rejected) -> None:
        error = record.error
        name = error.diagnosis if isinstance(error, SignatureError) else type(error).__name__
        self._notes.diagnoses.append(name)

    def _failed(self, record: Failed | Dead) -> None:
        error = record.error
        errors = error.exceptions if isinstance(error, HandlerError) else [error]
        self._notes.diagnoses += [f"{type(error).__name__}: {error}" for error in errors]
