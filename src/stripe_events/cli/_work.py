"""``stripe-events work``: a worker in a process of its own."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, nullcontext, suppress
from inspect import isawaitable
from typing import TYPE_CHECKING, Final

from stripe_events._recording import for_workers
from stripe_events._worker.signals import heard
from stripe_events.cli._app import load
from stripe_events.cli._text import bear_any_character, complain
from stripe_events.cli._work_ending import Watchdog, left_behind
from stripe_events.cli._work_endpoint import serving
from stripe_events.cli._work_health import Health, HealthFile
from stripe_events.cli._work_report import Report, Start
from stripe_events.cli._work_voice import speaking
from stripe_events.errors import StoreError, UsageError
from stripe_events.worker import Worker

if TYPE_CHECKING:
    from argparse import Namespace

    from stripe_events.cli._work_voice import Voice
    from stripe_events.router import EventRouter
    from stripe_events.worker import WorkerStatus

_TICK: Final = 0.2
"""Seconds between two looks at the worker."""

_GRACE: Final = 10.0
"""Seconds, besides ``--stop-within``, in which cancelled handlers clean up and all is closed."""


def work(arguments: Namespace) -> int:
    """
    Run a worker for the router that is meant, until it is stopped or nothing is due.

    Returns:
        The exit status, as ``--help`` tells it.
    """
    bear_any_character()
    try:
        router = load(arguments.target, "work")
        with speaking(as_json=arguments.json) as voice:
            status = _Shift(router, voice, arguments).run()
            failed = arguments.burst and (status.failed or status.dead)
            return 1 if failed or voice.is_gone else 0
    except UsageError as error:
        complain(str(error))
        return 2
    except StoreError as error:
        complain(f"the store failed: {error}")
        return 1


class _Shift:
    """One run of the command: a worker, what tells of it, and what ends it."""

    def __init__(self, router: EventRouter, voice: Voice, arguments: Namespace) -> None:
        self._router = router
        self._voice = voice
        self._arguments = arguments
        self._worker = Worker(
            router,
            concurrency=arguments.concurrency,
            poll=arguments.poll,
            time_limit=arguments.time_limit,
            stop_within=arguments.stop_within,
        )
        self._health = Health(
            lambda: self._worker.status,
            concurrency=arguments.concurrency,
            poll=self._worker.poll,
        )
        self._report = Report(voice, arguments.stop_within)
        self._file: HealthFile | None = None

    def run(self) -> WorkerStatus:
        arguments = self._arguments
        endpoint = serving(arguments.health, self._health) if arguments.health else nullcontext()
        with endpoint as where, ExitStack() as stack:
            if arguments.health_file is not None:
                self._file = HealthFile(arguments.health_file, self._health)
                stack.callback(self._remove_file)
            told = for_workers(self._router), arguments.concurrency, where and str(where)
            self._report.started(Start.of(arguments.target, *told))
            self._watchdog = stack.enter_context(Watchdog(self._last_words))
            stack.enter_context(heard(self._stop))
            status = asyncio.run(self._work())
            self._report.stopped(status)
            return status

    def _stop(self) -> None:
        self._watchdog.allow(self._arguments.stop_within + _GRACE)
        self._worker.stop()

    async def _work(self) -> WorkerStatus:
        work = asyncio.create_task(self._worker.arun(burst=self._arguments.burst))
        while not work.done():
            await asyncio.wait([work], timeout=_TICK)
            self._look()
        self._watchdog.allow(_GRACE)
        if left_behind():
            self._watchdog.bite()
        closed = getattr(self._router.store, "close", bool)()
        if isawaitable(closed):
            await closed
        return work.result()

    def _look(self) -> None:
        self._health.beat()
        self._report.look(self._worker.status, is_woken=self._worker.is_woken)
        if self._file is not None and (failure := self._file.keep()):
            self._report.file_failed(failure)
        if self._voice.is_gone:
            self._stop()

    def _last_words(self) -> None:
        self._report.forced()
        self._remove_file()

    def _remove_file(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # its age tells
                self._file.remove()
