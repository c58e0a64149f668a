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
from stripe_events._worker.suspects import Patience, divided, is_suspect
from stripe_events._worker.tally import Tally
from stripe_events.errors import LostClaim, UsageError
from stripe_events.storage._results import Query

if TYPE_CHECKING:
    from stripe_events._delivery.drivers import Drivers
    from stripe_events._delivery.settings import Settings
    from stripe_events._messages import WebhookResponse
    from stripe_events._worker.status import State
    from stripe_events._worker.verbs import Verbs
    from stripe_events.storage._results import Claim, Taken

_SOON: Final = 0.02
"""Seconds after which a worker with some room claims, though it waits for more."""

_BURST: Final = 0.2
"""Seconds between two looks of a worker that is to end when nothing is due."""

_FIRST_PAUSE: Final = 1.0
"""Seconds, at most, after which a store that has failed is asked again; then twice as many."""

_LONGEST_PAUSE: Final = 10.0
_SILENT: Final = 30.0
"""Seconds, besides two looks, after which a worker that has got no turn is deaf."""

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
        self._stop = self._loop.create_future()
        self._claiming: asyncio.Task[list[Taken]] | None = None
        self._running: dict[asyncio.Task[WebhookResponse], float] = {}
        self._overtime: set[asyncio.Task[WebhookResponse]] = set()
        self._suspect: asyncio.Task[WebhookResponse] | None = None
        self._patience = Patience()
        self._held: dict[Claim, Taken] = {}
        self._asked = 0.0
        self._turned = monotonic()
        self._tally = Tally()
        self._looked: float | None = None
        self._error: str | None = None

    def stop(self) -> None:
        """Claim nothing more; on the loop."""
        if not self._stopping:
            self._stop.set_result(None)
        self._changed.set()

    def wake(self) -> None:
        """Look for due events soon; from any thread."""
        with suppress(RuntimeError):  # the loop is closed: there is nobody to wake
            self._loop.call_soon_threadsafe(self._wake)

    def status(self) -> WorkerStatus:
        """Tell how it is doing; from any thread."""
        looked = None if self._looked is None else monotonic() - self._looked
        running, overtime = len(self._running), len(self._overtime)
        counts, trouble = self._tally.counts(), self._trouble()
        return WorkerStatus(self._state(), running + overtime, overtime, *counts, looked, trouble)

    async def work(self, *, burst: bool) -> None:
        """
        Work until ``stop``, or with ``burst`` until nothing is due and nothing running.

        Raises:
            UsageError: the store refuses to work from the start, say for it has no tables.
                Later that is a failure as others are: a failover may be behind it.
        """
        while not self._stopping:
            await self._until_there_is_room()
            if self._stopping:
                return
            taken = await self._claimed(self._room())
            await self._begin(taken)
            if taken:
                continue
            if burst and self._is_idle() and await self._is_empty():
                return
            await self._until_due(_BURST if burst else self._poll)

    async def close(self, seconds: float) -> None:
        """Give back what is claimed but was not begun; wait ``seconds`` for a claim to come in."""
        await self._returned([*self._held.values()])
        claiming = self._claiming
        if claiming is None:
            return
        await asyncio.wait([claiming], timeout=seconds)
        if not claiming.done():
            claiming.cancel()
        elif not claiming.cancelled() and claiming.exception() is None:
            await self._returned(claiming.result())

    @property
    def _stopping(self) -> bool:
        return self._stop.done()

    def _state(self) -> State:
        if self._stopping:
            return "stopping"
        if self._error is not None:
            return "store failing"
        return "working" if self._running or self._overtime else "idle"

    def _trouble(self) -> str | None:
        """Say why no more can be begun, if so."""
        silent = monotonic() - self._turned
        if self._error is not None:
            return self._error
        if self._is_stuck():
            return _STUCK.format(len(self._overtime))
        if silent > _SILENT + 2 * self._poll and not self._stopping:
            return _DEAF.format(silent)
        return None

    def _wake(self) -> None:
        self._woken = True
        self._changed.set()

    def _is_stuck(self) -> bool:
        return len(self._overtime) >= _MOST_OVERTIME * self._concurrency

    def _room(self) -> int:
        return 0 if self._is_stuck() else self._concurrency - len(self._running)

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
        self._turned = monotonic()

    async def _claimed(self, limit: int) -> list[Taken]:
        options = self._ledger.options
        due = (options.scope, self._ledger.code, os.urandom(8).hex(), options.lease, limit)
        pause = min(self._poll, _FIRST_PAUSE)
        while not self._stopping:
            self._woken = False
            self._asked = self._loop.time()
            claiming = self._claiming = asyncio.create_task(self._verbs.take_due(*due))
            await asyncio.wait([claiming, self._stop], return_when=asyncio.FIRST_COMPLETED)
            if self._stopping:
                break  # ``close`` gives back what it claims
            self._claiming = None
            self._turned = monotonic()
            try:
                taken = claiming.result()
            except Exception as error:  # noqa: BLE001 - a store may be the user's code
                self._note_failure(error)
                await self._until_due(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self._note_success()
                return taken
        return []

    def _note_failure(self, error: Exception) -> None:
        if isinstance(error, UsageError) and self._looked is None:
            raise error
        if self._error is None:
            log("WARNING", "the store gives no due events; trying again until it does", error)
        self._error = f"{type(error).__name__}: {error}"

    def _note_success(self) -> None:
        self._looked = self._turned
        if self._error is not None:
            log("INFO", "the store gives due events again")
            self._error = None

    def _is_idle(self) -> bool:
        """Tell whether nothing runs or waits here, and the store can be asked."""
        waits = self._patience.is_needed(self._loop.time())
        return not (self._running or waits or self._error is not None)

    async def _is_empty(self) -> bool:
        """Tell whether really nothing is due: some stores set aside what others try to claim."""
        if not callable(getattr(self._ledger.store, "list", None)):
            return True
        query = Query(overdue=0.0)
        try:
            due = await self._verbs.ask("list", self._ledger.options.scope, query, limit=1)
        except Exception as error:  # noqa: BLE001 - a store may be the user's code
            self._note_failure(error)
            return False
        return not due

    async def _begin(self, taken: list[Taken]) -> None:
        """Run what was claimed, but of repeated suspects one at a time, and nothing too late."""
        self._held = {one.claimed.claim: one for one in taken}
        most = self._ledger.options.max_abandoned
        now, waiting = divided(taken, most, is_one_running=self._suspect in self._running)
        if waiting:  # first, so that they are not held when this process dies of the one
            await self._returned(waiting, self._patience.pause(self._loop.time()))
        for one in now:
            if self._stopping:
                return  # ``close`` gives back what is held
            if self._is_late():
                log("WARNING", _TOO_LATE.format(len(self._held), self._ledger.options.lease))
                await self._returned([*self._held.values()])
                return
            del self._held[one.claimed.claim]
            task = self._start(one)
            if is_suspect(one, most):
                self._suspect = task

    def _is_late(self) -> bool:
        """Tell whether what was asked for last may not be held any more when it is begun."""
        return self._loop.time() - self._asked > self._ledger.options.lease / 2

    async def _returned(self, taken: list[Taken], seconds: float = 0.0) -> None:
        """Give back what was claimed and not begun, to be due again in so many seconds."""
        release = self._ledger.release(inline=seconds, inbox=seconds)
        for one in taken:
            claim = one.claimed.claim
            try:
                await self._verbs.give_back(claim, release)
            except LostClaim:
                pass
            except Exception as error:  # noqa: BLE001 - a store may be the user's code
                log("WARNING", f"{claim.id} was not given back; it is due after its lease", error)
            else:
                self._tally.add_returned()
            self._held.pop(claim, None)
            self._turned = monotonic()

    def _start(self, taken: Taken) -> asyncio.Task[WebhookResponse]:
        delivery = Delivery(self._settings.clock(), None, self._time_limit)
        flow = resume(self._settings, self._ledger, taken, delivery)
        task = self._drivers.start(flow)
        self._running[task] = self._loop.time() + self._time_limit
        task.add_done_callback(partial(self._ended, taken, delivery))
        return task

    def _ended(self, taken: Taken, delivery: Delivery, task: asyncio.Task[Any]) -> None:
        if delivery.is_abandoned:
            return  # its thread runs on, and its claim is held
        if task is self._suspect:
            self._patience.end()
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


_STUCK = "{} handlers run beyond their time limit, so that nothing more is begun"

_DEAF = "no turn for {:.0f} s: the store does not answer, or the event loop is blocked"

_TOO_LATE = (
    "the store was so slow that {} events are given back unbegun: more than half of their lease "
    "of {:g} s was over"
)

_LATE = (
    "{} handlers run beyond the time limit of {:g} s: their leases are left to run out, and "
    "the worker goes on without them ({} in all)"
)
