"""
The loop of a worker: claim what is due, as much as there is room for, and start it.

What becomes of an event is decided by its flow, as for a delivery; here is only when to
look for more. Polling is what finds everything; being woken makes it soon.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from stripe_events._delivery.context import Delivery
from stripe_events._delivery.observing import log
from stripe_events._delivery.recorded import resume
from stripe_events._worker.status import WorkerStatus
from stripe_events._worker.tally import Tally
from stripe_events.errors import LostClaim, UsageError
from stripe_events.storage._results import Query

if TYPE_CHECKING:
    from stripe_events._delivery.drivers import Drivers
    from stripe_events._delivery.settings import Settings
    from stripe_events._messages import WebhookResponse
    from stripe_events._worker.status import State
    from stripe_events._worker.verbs import Verbs
    from stripe_events.storage._results import Taken

_SOON: Final = 0.02
"""Seconds after which a worker with some room claims, though it waits for more."""

_BURST: Final = 0.2
"""Seconds between two looks of a worker that is to end when nothing is due."""

_LONGEST_PAUSE: Final = 10.0
_OVERTIME: Final = 5.0
"""Seconds beyond its time limit after which a handler does not count as running."""

_MOST_OVERTIME: Final = 3
"""For how many handlers in overtime a worker goes on, in multiples of its concurrency."""


class Engine:
    """
    One run of a worker, on the running event loop.

    Args:
        settings: of the router; their ledger asks ``verbs``.
        verbs: of the store.
        drivers: of this worker alone, to be closed at the end.
        concurrency: how many events may be worked on at once.
        poll: seconds between two looks at a store that does not wake.
        time_limit: seconds that the handlers of an event have.
    """

    def __init__(
        self,
        settings: Settings,
        verbs: Verbs,
        drivers: Drivers,
        *,
        concurrency: int,
        poll: float,
        time_limit: float,
    ) -> None:
        """Be ready to run; nothing is claimed yet."""
        assert settings.ledger is not None  # noqa: S101 - a worker is refused without one
        self._settings = settings
        self._ledger = settings.ledger
        self._verbs = verbs
        self._drivers = drivers
        self._concurrency = concurrency
        self._poll = poll
        self._time_limit = time_limit
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._woken = False
        self._stopping = False
        self._running: dict[asyncio.Task[WebhookResponse], float] = {}
        self._overtime: set[asyncio.Task[WebhookResponse]] = set()
        self._tally = Tally()
        self._looked: float | None = None
        self._error: str | None = None

    def stop(self) -> None:
        """Claim nothing more; on the loop."""
        self._stopping = True
        self._changed.set()

    def wake(self) -> None:
        """Look for due events soon; from any thread."""
        with suppress(RuntimeError):  # the loop is closed: there is nobody to wake
            self._loop.call_soon_threadsafe(self._wake)

    def status(self) -> WorkerStatus:
        """Tell how it is doing; from any thread."""
        looked = None if self._looked is None else monotonic() - self._looked
        running, overtime = len(self._running), len(self._overtime)
        counts = self._tally.counts()
        return WorkerStatus(
            self._state(), running + overtime, overtime, *counts, looked, self._error
        )

    async def work(self, *, burst: bool) -> None:
        """
        Work until ``stop``, or with ``burst`` until nothing is due and nothing running.

        Raises:
            UsageError: the store refuses to work, say for it has no tables.
        """
        while not self._stopping:
            await self._until_there_is_room()
            if self._stopping:
                return
            self._woken = False
            taken = await self._claimed(self._room())
            if self._stopping:
                await self._returned(taken)
                return
            for one in taken:
                self._start(one)
            if taken:
                continue
            if burst and self._error is None and not self._running and await self._is_empty():
                return
            await self._until_due(_BURST if burst else self._poll)

    def _state(self) -> State:
        if self._stopping:
            return "stopping"
        if self._error is not None:
            return "store failing"
        return "working" if self._running else "idle"

    def _wake(self) -> None:
        self._woken = True
        self._changed.set()

    def _room(self) -> int:
        if len(self._overtime) >= _MOST_OVERTIME * self._concurrency:
            return 0
        return self._concurrency - len(self._running)

    async def _until_there_is_room(self) -> None:
        """Wait for any room, and then a moment for as much as half of all."""
        while not (self._stopping or self._room() > 0):
            await self._wait(self._poll)
            self._let_go_of_overtime()
        end = self._loop.time() + _SOON
        while not self._stopping and self._room() * 2 < self._concurrency:
            left = end - self._loop.time()
            if left <= 0:
                return
            await self._wait(left)

    async def _until_due(self, seconds: float) -> None:
        """Wait until something may be due: woken, or by the clock."""
        end = self._loop.time() + seconds * random.uniform(0.75, 1.25)  # noqa: S311 - spreads workers
        while not (self._stopping or self._woken):
            left = end - self._loop.time()
            if left <= 0:
                break
            await self._wait(left)
        self._let_go_of_overtime()

    async def _wait(self, seconds: float) -> None:
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _claimed(self, limit: int) -> list[Taken]:
        options = self._ledger.options
        due = (options.scope, self._ledger.code, os.urandom(8).hex(), options.lease, limit)
        pause = self._poll
        while not self._stopping:
            try:
                taken = await self._verbs.take_due(*due)
            except UsageError:
                raise
            except Exception as error:  # noqa: BLE001 - a store may be the user's code
                self._note_failure(error)
                await self._until_due(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            self._note_success()
            return taken
        return []

    def _note_failure(self, error: Exception) -> None:
        if self._error is None:
            log("WARNING", "the store gives no due events; trying again until it does", error)
        self._error = f"{type(error).__name__}: {error}"

    def _note_success(self) -> None:
        self._looked = monotonic()
        if self._error is not None:
            log("INFO", "the store gives due events again")
            self._error = None

    async def _is_empty(self) -> bool:
        """Tell whether really nothing is due: some stores set aside what others try to claim."""
        if not callable(getattr(self._ledger.store, "list", None)):
            return True
        query = Query(overdue=0.0)
        return not await self._verbs.ask("list", self._ledger.options.scope, query, limit=1)

    async def _returned(self, taken: list[Taken]) -> None:
        """Give back what was claimed when the stop came."""
        release = self._ledger.release(inline=0.0)
        for one in taken:
            with suppress(LostClaim):
                await self._verbs.give_back(one.claimed.claim, release)

    def _start(self, taken: Taken) -> None:
        delivery = Delivery(self._settings.clock(), None, self._time_limit)
        flow = resume(self._settings, self._ledger, taken, delivery)
        task = self._drivers.start(flow)
        self._running[task] = self._loop.time() + self._time_limit
        task.add_done_callback(partial(self._ended, taken))

    def _ended(self, taken: Taken, task: asyncio.Task[Any]) -> None:
        self._running.pop(task, None)
        self._overtime.discard(task)
        self._tally.add(taken, task)
        if taken.claimed.record.order_key is not None:
            self._woken = True  # its successor may be due by that
        self._changed.set()

    def _let_go_of_overtime(self) -> None:
        now = self._loop.time()
        late = [task for task, ends in self._running.items() if now > ends + _OVERTIME]
        for task in late:
            del self._running[task]
            self._overtime.add(task)
        if late:
            log("WARNING", _LATE.format(len(late), self._time_limit, len(self._overtime)))


_LATE = (
    "{} handlers run beyond the time limit of {:g} s: their leases are left to run out, and "
    "the worker goes on without them ({} in all)"
)
