"""``Worker``: runs what is due in the inbox, in a process of its own or beside an app."""

from __future__ import annotations

import asyncio
import math
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from stripe_events._delivery.drivers import Drivers
from stripe_events._delivery.observing import log
from stripe_events._recording import RESCUE_LIMIT, for_workers
from stripe_events._worker.engine import Engine
from stripe_events._worker.signals import heard
from stripe_events._worker.status import WorkerStatus
from stripe_events._worker.verbs import Verbs
from stripe_events.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from stripe_events._delivery.heartbeat import Heartbeat
    from stripe_events._delivery.ledger import Ledger
    from stripe_events.router import EventRouter
    from stripe_events.storage import Watch

__all__ = ["Worker", "WorkerStatus"]

_POLL: Final = 1.0
_LEAST: Final = 1e-6
"""Seconds above 0."""

_THREADS_PER_PLACE: Final = 4
"""Threads for each event that may run at once: those in overtime keep theirs."""


class Worker:
    """
    Runs what is due in a router's inbox: what was put there, what failed, what was left behind.

    Any number of workers on any number of machines may share a store. Sync handlers run in
    threads, async ones as tasks of the worker's event loop; one that fails is tried again as
    ``retry=`` of the router or the handler says. Claims are extended while handlers run,
    until ``time_limit``. A worker that dies loses nothing: what it held is due again when
    its leases are over.

    Run it in a process of its own (``stripe-events work module:router``, or ``run``), or
    beside an app: ``with Worker(router):`` starts it in a thread, ``async with`` in the
    running event loop, and the end of the block stops it. What keeps it from starting, say
    that the store has no tables, is logged at once, stands in ``status``, and is raised at
    the end of the block: the app in it goes on meanwhile.

    Args:
        router: whose handlers run; it is frozen by the start.
        concurrency: how many events are worked on at once. Sync handlers need a thread
            each: for those that mostly compute, more processes help, not more threads.
        poll: seconds between two looks at the store while nothing is due. A store that can
            wakes the worker at once for what a delivery makes due; what fails is found by
            polling when its time comes. None: as the store advises, else 1.
        time_limit: seconds that the handlers of one event have. Then its claim is not
            extended any more, so that another run can begin while a thread hangs.
        stop_within: seconds that running handlers have to end once the worker is stopped.
            Async ones are then cancelled and their events given back; a sync one cannot
            be: its event is due again when its lease is over.

    Raises:
        ConfigurationError: the router has no store or one without an inbox, or a
            number makes no sense.
        UsageError: what ``freeze`` raises.
    """

    def __init__(
        self,
        router: EventRouter,
        *,
        concurrency: int = 10,
        poll: float | None = None,
        time_limit: float = RESCUE_LIMIT,
        stop_within: float = 30.0,
    ) -> None:
        """Check the settings; nothing is started yet."""
        self._settings, self._ledger = for_workers(router)
        advised: float = getattr(router.store, "poll", _POLL)
        self._poll = advised if poll is None else poll
        _check(concurrency, poll=self._poll, time_limit=time_limit, stop_within=stop_within)
        self._concurrency = concurrency
        self._time_limit = time_limit
        self._stop_within = stop_within
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watch: Watch | None = None
        self._begun = False
        self._asked_to_stop = False
        self._status = WorkerStatus("new")
        self._aside: threading.Thread | asyncio.Task[WorkerStatus] | None = None
        self._failure: BaseException | None = None

    @property
    def status(self) -> WorkerStatus:
        """How it is doing; from any thread."""
        engine = self._engine
        return self._status if engine is None else engine.status()

    @property
    def poll(self) -> float:
        """The seconds between two looks at the store while nothing is due."""
        return self._poll

    @property
    def is_woken(self) -> bool:
        """Whether the store tells it at once of what any process makes due; else it polls."""
        watch = self._watch
        return watch is not None and watch.is_live

    def run(self, *, burst: bool = False) -> WorkerStatus:
        """
        Work in this thread until it is stopped, and tell what came of it.

        In the main thread SIGTERM and SIGINT stop it, too; a second one ends the process
        at once.

        Args:
            burst: end when nothing is due and nothing runs any more. What is due later, as
                after a failure, is not waited for.

        Raises:
            UsageError: it runs already, or has run; or this thread has a running event loop;
                or the store cannot be used from the start, say for it has no tables. Later
                that is tried again, as any failure of the store is.
        """
        if _has_loop():
            raise UsageError("an event loop runs in this thread: await worker.arun() there")
        with heard(self.stop):
            return asyncio.run(self.arun(burst=burst))

    async def arun(self, *, burst: bool = False) -> WorkerStatus:
        """Do the same as ``run``, in the running event loop, without an eye on signals."""
        self._begin()
        drivers = Drivers(_THREADS_PER_PLACE * self._concurrency)
        verbs = Verbs(self._ledger.store)
        ledger = self._ledger.through(verbs)
        engine = Engine(
            self._settings._replace(ledger=ledger),
            verbs,
            drivers,
            concurrency=self._concurrency,
            poll=self._poll,
            time_limit=self._time_limit,
        )
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        if self._asked_to_stop:
            engine.stop()
        try:
            self._watch = self._watched(engine)
            await engine.work(burst=burst)
        except Exception as error:
            self._failure = error
            raise
        finally:
            engine.stop()
            # A task, for who cancels this twice must not leave threads behind.
            await asyncio.shield(asyncio.ensure_future(self._close(engine, drivers, verbs, ledger)))
        return self._status

    def stop(self) -> None:
        """
        Claim nothing more, finish what runs within ``stop_within``, then end.

        From any thread, or from a signal's handler; returns at once. A worker that was
        not started yet will end at once.
        """
        self._asked_to_stop = True
        engine, loop = self._engine, self._loop
        if engine is not None and loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and the worker with it
                loop.call_soon_threadsafe(engine.stop)

    def __enter__(self) -> Self:
        thread = threading.Thread(target=self._run_aside, name="stripe-events-worker", daemon=True)
        self._aside = thread
        thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if isinstance(self._aside, threading.Thread):
            self._aside.join()
        self._raise_failure(error)

    async def __aenter__(self) -> Self:
        self._aside = asyncio.create_task(self.arun(), name="stripe-events-worker")
        self._aside.add_done_callback(self._note_failure)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if isinstance(self._aside, asyncio.Task):
            await asyncio.wait([self._aside])
        self._raise_failure(error)

    def _begin(self) -> None:
        with self._lock:
            if self._begun:
                raise UsageError("a worker runs once: make another one")
            self._begun = True

    def _watched(self, engine: Engine) -> Watch | None:
        watch = getattr(self._ledger.store, "watch", None)
        watched: Watch | None = watch and watch(self._ledger.options.scope, engine.wake)
        return watched

    async def _close(self, engine: Engine, drivers: Drivers, verbs: Verbs, ledger: Ledger) -> None:
        within = self._stop_within
        try:
            await asyncio.gather(drivers.aclose(within), engine.close(within))
        finally:
            self._status = self._stopped(engine.status())
            self._engine = None
            verbs.close()
            await asyncio.to_thread(self._let_go, ledger.heartbeat)

    def _let_go(self, heartbeat: Heartbeat) -> None:
        heartbeat.stop()
        if self._watch is not None:
            self._watch.close()

    def _run_aside(self) -> None:
        try:
            self.run()
        except BaseException as error:  # noqa: BLE001 - raised where the block ends
            self._keep(error)

    def _note_failure(self, task: asyncio.Task[WorkerStatus]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._keep(error)

    def _keep(self, error: BaseException) -> None:
        self._failure = error
        self._status = self._stopped(self._status)
        log("ERROR", f"the worker has ended: {error}", error)

    def _stopped(self, status: WorkerStatus) -> WorkerStatus:
        error = status.error if self._failure is None else str(self._failure)
        return status._replace(state="stopped", error=error)

    def _raise_failure(self, error: BaseException | None) -> None:
        if self._failure is not None and error is None:
            raise self._failure


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _check(concurrency: object, **seconds: object) -> None:
    if type(concurrency) is not int or concurrency < 1:
        msg = f"concurrency= is a whole number from 1 up, not {concurrency!r}"
        raise ConfigurationError(msg)
    for name, value in seconds.items():
        least = 0 if name == "stop_within" else _LEAST
        if not (isinstance(value, int | float) and least <= value < math.inf):
            above = "from 0 up" if name == "stop_within" else "above 0"
            msg = f"{name}= is a finite number of seconds {above}, not {value!r}"
            raise ConfigurationError(msg)
