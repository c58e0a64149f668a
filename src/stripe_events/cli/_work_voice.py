"""
What ``stripe-events work`` tells: words on standard error, or JSON on standard output.

What the library and ``Context.logger`` log comes the same way, so that no line gets into
another one.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from stripe_events.cli._progress import SECONDS_BETWEEN_LINES, Line
from stripe_events.cli._text import clean, clean_lines, complain, json_text, print_line
from stripe_events.errors import HandlerError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

_SECONDS_IN_PLACE: Final = 0.5
_FORMATTER: Final = logging.Formatter("%(asctime)s %(levelname)s %(message)s")


class Voice(Protocol):
    """
    Tells one thing after another, from any thread.

    ``is_gone``: nobody reads it any more. ``every``: seconds between two steps of progress.
    """

    every: float
    is_gone: bool

    def say(self, kind: str, text: str, facts: Mapping[str, object]) -> None:
        """Tell what happened: to people the text, to programs its kind and the facts."""
        ...

    def progress(self, text: str, facts: Mapping[str, object]) -> None:
        """Tell how far it is."""
        ...

    def log(self, record: logging.LogRecord) -> None:
        """Tell what was logged."""
        ...


class _Lines:
    """Lines that come one after another, until nobody reads them."""

    def __init__(self) -> None:
        self.is_gone = False
        self._lock = threading.RLock()  # a signal may come while this very thread has it

    def _write(self, write: Callable[[], None]) -> None:
        with self._lock:
            try:
                write()
            except OSError:
                self.is_gone = True


class Words(_Lines):
    """For people, on standard error."""

    def __init__(self, *, alone: bool) -> None:
        """Begin; ``alone``: nobody else writes there, so that a line may stand in place."""
        super().__init__()
        self._line = Line(in_place=alone and sys.stderr.isatty())
        self.every = _SECONDS_IN_PLACE if self._line.is_in_place else SECONDS_BETWEEN_LINES

    def say(self, kind: str, text: str, facts: Mapping[str, object]) -> None:
        """See ``Voice.say``."""
        del kind, facts
        self._write(lambda: self._beneath(lambda: complain(text)))

    def progress(self, text: str, facts: Mapping[str, object]) -> None:
        """See ``Voice.progress``."""
        del facts
        self._write(lambda: self._line.show(clean(text)))

    def log(self, record: logging.LogRecord) -> None:
        """See ``Voice.log``."""
        text = "\n".join(clean_lines(_worded(record), ""))
        self._write(lambda: self._beneath(lambda: print_line(text, sys.stderr)))

    def _beneath(self, write: Callable[[], None]) -> None:
        self._line.wipe()
        write()


class Objects(_Lines):
    """For programs: a JSON object per line on standard output, times in unix seconds."""

    every = SECONDS_BETWEEN_LINES

    def say(self, kind: str, text: str, facts: Mapping[str, object]) -> None:
        """See ``Voice.say``."""
        del text
        self._print({"kind": kind, "at": time.time(), **facts})

    def progress(self, text: str, facts: Mapping[str, object]) -> None:
        """See ``Voice.progress``."""
        self.say("progress", text, facts)

    def log(self, record: logging.LogRecord) -> None:
        """See ``Voice.log``."""
        self._print({"kind": "log", "at": record.created, **_told(record)})

    def _print(self, value: dict[str, object]) -> None:
        line = json_text(value)
        self._write(lambda: print_line(line, sys.stdout))


@contextmanager
def speaking(*, as_json: bool) -> Generator[Voice]:
    """
    Give the voice, and let it tell what is logged while the block runs.

    Where the app has configured logging itself, words are left to that; JSON is told
    besides.
    """
    logger = logging.getLogger("stripe_events")
    is_ours, level = not logger.hasHandlers(), logger.level
    voice: Voice = Objects() if as_json else Words(alone=is_ours)
    emitter = _Emitter(voice)
    if is_ours or as_json:
        logger.addHandler(emitter)
    if is_ours and level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    try:
        yield voice
    finally:
        logger.removeHandler(emitter)
        logger.setLevel(level)


class _Emitter(logging.Handler):
    def __init__(self, voice: Voice) -> None:
        super().__init__()
        self._voice = voice

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._voice.log(record)
        except Exception:  # noqa: BLE001 - as logging's own handlers do: it may be the message
            self.handleError(record)


def _worded(record: logging.LogRecord) -> str:
    """Format a record; what a handler has said begins with its name and the event's id."""
    text, said = _FORMATTER.format(record), record.getMessage()
    handler, event_id = getattr(record, "handler", None), getattr(record, "stripe_event", None)
    return text if handler is None else text.replace(said, f"{handler} {event_id}: {said}", 1)


def _told(record: logging.LogRecord) -> dict[str, object]:
    """Give what is known of a record; event, handlers and the rest only where there are any."""
    error = record.exc_info[1] if record.exc_info else None
    given: dict[str, Any] = {
        "level": record.levelname,
        "logger": record.name,
        "message": record.getMessage(),
        "event": getattr(record, "stripe_event", None),
        "handlers": _handlers(record, error),
        "delivery": getattr(record, "delivery", None),
        "error": error and type(error).__name__,
        "traceback": record.exc_info and _FORMATTER.formatException(record.exc_info),
    }
    return {name: value for name, value in given.items() if value is not None}


def _handlers(record: logging.LogRecord, error: BaseException | None) -> list[str] | None:
    handler: str | None = getattr(record, "handler", None)
    if handler is not None:
        return [handler]
    return [*error.handlers] if isinstance(error, HandlerError) else None
