"""What ``stripe-events work`` tells of its worker: when, in which words, and to whom."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.cli._work_progress import Pace, in_words
from stripe_events.cli._work_report import Report
from stripe_events.cli._work_voice import Objects, Words, speaking
from stripe_events.errors import HandlerError
from stripe_events.worker import WorkerStatus
from tests.unit.test_cli_events_progress import Clock, Stream

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BUSY = WorkerStatus("working", running=2, handled=10)


class Heard:
    """A voice that is written down."""

    every = 5.0
    is_gone = False

    def __init__(self) -> None:
        """Have heard nothing."""
        self.lines: list[str] = []

    def say(self, kind: str, text: str, facts: Mapping[str, object]) -> None:
        """Write down what happened."""
        assert facts
        self.lines.append(f"{kind}: {text}")

    def progress(self, text: str, facts: Mapping[str, object]) -> None:
        """Write down how far it is."""
        self.say("progress", text, facts)

    def log(self, record: logging.LogRecord) -> None:
        """Write down what was logged."""
        self.lines.append(record.getMessage())


def test_the_first_work_is_told_at_once_and_then_now_and_then() -> None:
    """The rate counts what came since it was told, or since the worker was last idle."""
    clock = Clock()
    pace = Pace(5.0, clock=clock)
    idle = WorkerStatus("idle")
    assert pace.step(idle) is None
    clock.now = 60.0
    assert pace.step(idle) is None
    clock.now = 60.2
    assert "2 handled, 1 running" == str(pace.step(idle._replace(running=1, handled=2)))
    clock.now = 65.1
    assert pace.step(BUSY) is None
    clock.now = 65.2
    assert "10 handled (1.6/s), 2 running" == str(pace.step(BUSY))
    clock.now = 99.0
    assert pace.step(BUSY) is None


def test_nothing_is_said_of_what_is_nothing() -> None:
    """But for what was handled, which is the point of it all."""
    assert "0 handled" == in_words(WorkerStatus("idle"))
    everything = WorkerStatus("store failing", 5, 1, 7, 2, 3, 4)
    assert (
        "7 handled, 2 failed, 3 dead, 4 given back, 5 running, 1 in overtime, the store fails"
    ) == in_words(everything)


def test_what_changes_is_told_once() -> None:
    """That the store wakes it or not, and that it stops; of its end nothing but that."""
    heard = Heard()
    report = Report(heard, 30.0)
    for is_woken in (False, True, True, False, True):
        report.look(BUSY, is_woken=is_woken)
    for state in ("stopping", "stopping", "stopped"):
        report.look(BUSY._replace(state=state), is_woken=False)
    report.stopped(BUSY._replace(running=0))
    assert [
        "progress: 10 handled, 2 running",
        "woken: the store wakes it at once",
        "woken: the store does not wake it any more: it polls",
        "woken: the store wakes it at once",
        "stopping: stopping: 2 events are finished first, within 30 s",
        "stopped: stopped: 10 handled",
    ] == heard.lines


def test_what_threads_still_run_in_the_end_is_told() -> None:
    """It is neither done nor given back."""
    heard = Heard()
    Report(heard, 30.0).stopped(WorkerStatus("stopped", 2, 1, 10, returned=3))
    told = "10 handled, 3 given back, 2 left running: due again when their leases are over"
    assert [f"stopped: stopped: {told}"] == heard.lines


def test_an_idle_worker_stops_without_waiting() -> None:
    """There is nothing that it could say of events."""
    heard = Heard()
    Report(heard, 30.0).look(WorkerStatus("stopping"), is_woken=False)
    assert ["stopping: stopping"] == heard.lines


def record(message: str, error: Exception | None = None, **extra: str) -> logging.LogRecord:
    """Give what was logged."""
    exc_info = None if error is None else (type(error), error, None)
    made = logging.LogRecord("stripe_events", logging.ERROR, "", 0, message, None, exc_info)
    vars(made).update(extra, created=7.0)
    return made


def test_words_get_out_of_the_way_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal; what could steer that is escaped, line ends of tracebacks are kept."""
    stream = Stream(is_terminal=True)
    monkeypatch.setattr(sys, "stderr", stream)
    words = Words(alone=True)
    words.progress("1 handled", {})
    words.log(record("said\x1b[2J", ValueError("two\nlines"), handler="mail", stripe_event="evt_1"))
    words.progress("2 handled", {})
    words.say("stopped", "stopped", {})
    shown, logged, more, stopped = stream.getvalue().split("\r\x1b[K")[1:]
    assert ("1 handled", "2 handled") == (shown, more)
    assert logged.endswith("ERROR mail evt_1: said\\x1b[2J\nValueError: two\nlines\n")
    assert "stripe-events: stopped\n" == stopped


def test_beside_the_logging_of_an_app_no_line_stands_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the app writes would get into it."""
    stream = Stream(is_terminal=True)
    monkeypatch.setattr(sys, "stderr", stream)
    Words(alone=False).progress("1 handled", {})
    assert "1 handled\n" == stream.getvalue()


def test_objects_have_what_is_known_of_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not known of a record is left out."""
    objects = Objects()
    objects.log(record("broken", HandlerError("1 failed", [ValueError("no")], ["mail"])))
    objects.log(record("said", handler="mail", stripe_event="evt_1", delivery="dlv_1"))
    failed, said = map(json.loads, capsys.readouterr().out.splitlines())
    known: dict[str, Any] = {
        "kind": "log",
        "at": 7.0,
        "level": "ERROR",
        "logger": "stripe_events",
        "handlers": ["mail"],
    }
    assert {**known, "message": "said", "event": "evt_1", "delivery": "dlv_1"} == said
    assert "ValueError: no" in failed.pop("traceback")
    assert {**known, "message": "broken", "error": "HandlerError"} == failed


def test_who_reads_nothing_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe without a reader raises nothing into whoever logs."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(os.dup(writer), "w", buffering=1) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        objects = Objects()
        objects.log(record("said"))
        assert objects.is_gone
        os.dup2(os.open(tmp_path / "rest", os.O_CREAT | os.O_WRONLY), stream.fileno())
    os.close(writer)


def configured(monkeypatch: pytest.MonkeyPatch, *handlers: logging.Handler) -> logging.Logger:
    """Give the library's logger, with none of the handlers that pytest adds."""
    found = logging.getLogger("stripe_events")
    monkeypatch.setattr(found, "propagate", False)
    monkeypatch.setattr(found, "handlers", [*handlers])
    return found


def test_logging_is_configured_for_as_long_as_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """From INFO up, as handlers say what they did."""
    logger = configured(monkeypatch)
    with speaking(as_json=False):
        assert (1, logging.INFO) == (len(logger.handlers), logger.level)
    assert (0, logging.NOTSET) == (len(logger.handlers), logger.level)


@pytest.mark.parametrize("as_json", [False, True])
def test_logging_that_is_configured_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    """JSON is told besides."""
    logger = configured(monkeypatch, logging.NullHandler())
    with speaking(as_json=as_json):
        assert (1 + as_json, logging.NOTSET) == (len(logger.handlers), logger.level)


def test_a_message_that_cannot_be_formatted_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Logging tells where it is, as it does with its own handlers."""
    broken = record("%s and %s")
    broken.args = ("one",)
    logger = configured(monkeypatch)
    with speaking(as_json=True):
        logger.handle(broken)
    told = capsys.readouterr()
    assert ("", True) == (told.out, "--- Logging error ---" in told.err)
