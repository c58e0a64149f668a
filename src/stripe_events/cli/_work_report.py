"""What ``stripe-events work`` tells in the course of its run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from stripe_events.cli._work_progress import Pace, in_words

if TYPE_CHECKING:
    from stripe_events._delivery.ledger import Ledger
    from stripe_events._delivery.settings import Settings
    from stripe_events.cli._work_voice import Voice
    from stripe_events.worker import WorkerStatus

_NONE_FOR_INBOX: Final = (
    "no handler is for the inbox: only what failed or was left behind is run "
    '(EventRouter(delivery="inbox"), or delivery="inbox" of a handler)'
)

_LEFT: Final = ", {} left running: due again when their leases are over"


class Start(NamedTuple):
    """What is run: the router, its store by class, how many events at once, of how many."""

    router: str
    store: str
    scope: str
    concurrency: int
    handlers: int
    inbox: int
    health: str | None
    pid: int

    @classmethod
    def of(
        cls, target: str, told: tuple[Settings, Ledger], concurrency: int, health: str | None
    ) -> Start:
        """Take what a router was told."""
        settings, ledger = told
        options = ledger.options
        ways = [handler.delivery or options.inbox.delivery for handler in settings.table.handlers]
        return cls(
            target,
            type(ledger.store).__name__,
            options.scope,
            concurrency,
            len(ways),
            ways.count("inbox"),
            health,
            os.getpid(),
        )

    def __str__(self) -> str:
        """Give it in words."""
        health = f", health at http://{self.health}/healthz" if self.health else ""
        return (
            f"working for {self.router} with {self.store}, scope {self.scope!r}: "
            f"{self.concurrency} events at once, {self.inbox} of {self.handlers} handlers are "
            f"for the inbox{health}"
        )


class Report:
    """Tells a voice what is new."""

    def __init__(self, voice: Voice, stop_within: float) -> None:
        """Tell nothing yet."""
        self._voice = voice
        self._stop_within = stop_within
        self._pace = Pace(voice.every)
        self._is_woken = self._is_stopping = False

    def started(self, start: Start) -> None:
        """Tell what is run."""
        self._voice.say("started", str(start), start._asdict())
        if not start.inbox:
            self._voice.say("note", _NONE_FOR_INBOX, {"text": _NONE_FOR_INBOX})

    def look(self, status: WorkerStatus, *, is_woken: bool) -> None:
        """Tell what has changed since the last time."""
        is_ending = status.state in ("stopping", "stopped")
        if is_woken != self._is_woken and not is_ending:
            self._is_woken = is_woken
            how = "wakes it at once" if is_woken else "does not wake it any more: it polls"
            self._voice.say("woken", f"the store {how}", {"woken": is_woken})
        if status.state == "stopping" and not self._is_stopping:
            self._is_stopping = True
            self._voice.say("stopping", self._stopping(status), status._asdict())
        step = self._pace.step(status)
        if step is not None:
            self._voice.progress(str(step), {**status._asdict(), "rate": step.rate})

    def stopped(self, status: WorkerStatus) -> None:
        """Tell what all came to."""
        told = in_words(status._replace(running=0, overtime=0))
        left = _LEFT.format(status.running) if status.running else ""
        self._voice.say("stopped", f"stopped: {told}{left}", status._asdict())

    def forced(self) -> None:
        """Tell that threads are left behind."""
        text = (
            "ended by force, for handlers did not end in time: their events are due again "
            "when their leases are over"
        )
        self._voice.say("forced", text, {"text": text})

    def file_failed(self, why: str) -> None:
        """Tell that nothing can be written into the file."""
        self._voice.say("note", why, {"text": why})

    def _stopping(self, status: WorkerStatus) -> str:
        if not status.running:
            return "stopping"
        events = "1 event is" if status.running == 1 else f"{status.running} events are"
        return f"stopping: {events} finished first, within {self._stop_within:g} s"
