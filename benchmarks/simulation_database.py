"""
A model of one PostgreSQL server and of the sessions that use it.

A statement travels, waits until one of a few processors is free, works for a while,
waits for the disk if it has written or locked anything, and travels back. What it writes or
locks others skip until then, as ``SKIP LOCKED`` does. In a transaction they skip it until the
commit, and only that waits for the disk. How often workers then find nothing, or lose what they
have read to others, is written down nowhere here: it follows.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from benchmarks.simulation_rows import Rows
from stripe_events.storage import _steps, _together, _verbs
from stripe_events.storage._admission import Admit
from stripe_events.storage._bases import AsyncVerbs, adrive
from stripe_events.storage._guesses import Guesses, Settle
from stripe_events.storage._operations import (
    ReadDue,
    ReadEvent,
    ReadKeys,
    ReadParked,
    ReadPayloads,
    Write,
    WriteEach,
)
from stripe_events.storage._results import NOTHING_NEW
from stripe_events.storage._wakes import made_due, noted
from stripe_events.storage._watching import AGAIN, SPACING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.simulation_rows import Begun, Identity
    from stripe_events.errors import ProcessingError
    from stripe_events.storage import Watch
    from stripe_events.storage._results import (
        Accepted,
        Arrival,
        Claim,
        Code,
        Ending,
        Finished,
        HandlerResult,
        Plan,
        Recorded,
        Taken,
    )
    from stripe_events.storage._steps import Step, Steps
    from stripe_events.storage._verbs import Verb

_LOOK: Final = 30e-6
"""Seconds of a processor for a look whether anything is due."""

_BRACKET: Final = 30e-6
"""Seconds of a processor for a BEGIN, and for a COMMIT."""

_WRITES: Final = (Write, WriteEach, Admit, Settle)

__all__ = ["Database", "Server", "Session"]

T = TypeVar("T")

_EPOCH: Final = 1_800_000_000.0
"""What the clock of the database shows when the simulation begins (unix seconds)."""

_COSTS: Final[dict[type[Any], tuple[float, float]]] = {
    ReadEvent: (50e-6, 0.0),
    ReadKeys: (50e-6, 0.0),
    ReadParked: (50e-6, 0.0),
    ReadDue: (100e-6, 3e-6),
    ReadPayloads: (80e-6, 10e-6),
    Write: (100e-6, 0.0),
    WriteEach: (200e-6, 18e-6),
    Admit: (100e-6, 0.0),
    Settle: (100e-6, 0.0),
}
"""
Seconds of a processor: of a statement, and of each event in it. Rounded from what
``python -m benchmarks scaling-statements`` finds, for charges, on the machine of the figures
in docs/scaling.md.
"""


class Server(NamedTuple):
    """
    What the database runs on; times in seconds.

    ``processors``: statements that work at the same time. ``trip``: there and back between
    a worker and the server. ``flush``: until the disk has a commit.
    """

    processors: int = 8
    trip: float = 500e-6
    flush: float = 1e-3


class Database:
    """One server, on the running event loop; it counts what it is asked."""

    def __init__(self, server: Server) -> None:
        """Begin empty."""
        self._loop = asyncio.get_running_loop()
        self._server = server
        self._processors = asyncio.Semaphore(server.processors)
        self.rows = Rows(self.clock)
        self.statements: Counter[str] = Counter()
        self.claims: Counter[str] = Counter()
        self.busy = 0.0
        self._watching: dict[object, Callable[[], None]] = {}

    def clock(self) -> float:
        """Give the time of the database, in unix seconds."""
        return _EPOCH + self._loop.time()

    async def perform(self, step: Step) -> Any:
        """Give what a step gives, once its time has passed, in a transaction of its own."""
        begun = await self._begun(step, set())
        if begun.locked or isinstance(step, _WRITES):
            await asyncio.sleep(self._server.flush)
        given = self.rows.end(begun)
        await asyncio.sleep(self._server.trip / 2)
        return given

    async def take(self, scope: str, verb: Verb[list[Taken]]) -> list[Taken]:
        """Look whether anything is due, and only then perform a verb, in one transaction."""
        await self._work("Look", _LOOK)
        is_due = self.rows.is_due(scope)
        await asyncio.sleep(self._server.trip / 2)
        if not is_due:
            return []
        await self._work("Begin", _BRACKET)
        await asyncio.sleep(self._server.trip / 2)
        locked: set[Identity] = set()
        taken = await adrive(verb, partial(self._perform_within, locked))
        await self._work("Commit", _BRACKET)
        await asyncio.sleep(self._server.flush)
        self.rows.free(locked)
        await asyncio.sleep(self._server.trip / 2)
        return taken

    async def _perform_within(self, locked: set[Identity], step: Step) -> Any:
        begun = await self._begun(step, locked)
        given = self.rows.end(begun)
        self.rows.hold(begun, locked)
        await asyncio.sleep(self._server.trip / 2)
        return given

    async def _begun(self, step: Step, locked: set[Identity]) -> Begun:
        self.statements[type(step).__name__] += 1
        await asyncio.sleep(self._server.trip / 2)
        async with self._processors:
            begun = self.rows.begin(step, locked)
            fixed, each = _COSTS[type(step)]
            await self._spend(fixed + each * begun.events)
        return begun

    async def _work(self, name: str, seconds: float) -> None:
        self.statements[name] += 1
        await asyncio.sleep(self._server.trip / 2)
        async with self._processors:
            await self._spend(seconds)

    async def _spend(self, seconds: float) -> None:
        self.busy += seconds
        await asyncio.sleep(seconds)

    def hint(self) -> None:
        """Wake whoever watches, and once more a little later: a statement of its own."""
        self.statements["Notify"] += 1
        for wake in self._watching.values():
            self._loop.call_later(self._server.trip, wake)
            self._loop.call_later(self._server.trip + AGAIN, wake)

    def watch(self, wake: Callable[[], None]) -> _Watch:
        """Call ``wake`` at every hint."""
        watch = _Watch(self._watching)
        self._watching[watch] = wake
        return watch


class _Watch:
    """See ``Watch``."""

    is_live = True

    def __init__(self, watching: dict[object, Callable[[], None]]) -> None:
        self._watching = watching

    def close(self) -> None:
        self._watching.pop(self, None)


class Session(AsyncVerbs):
    """A store as a process has it: the steps of ``AsyncPostgresStore``, over the model."""

    def __init__(self, database: Database, *, wakes: bool = True) -> None:
        """Share the database; ``wakes``: its workers are woken, and need not poll for all."""
        self._database = database
        self._guesses = Guesses()
        self._hinted = -SPACING
        if wakes:
            self.watch = self._watch

    async def accept(self, arrival: Arrival, lease: float) -> Accepted:
        """See ``AsyncEventStore.accept``."""
        return await self._run(_steps.accept(self._guesses, arrival, lease))

    async def enqueue(self, arrival: Arrival) -> Recorded:
        """See ``AsyncInboxStore.enqueue``."""
        return await self._run(_steps.enqueue(arrival))

    async def finish(
        self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW
    ) -> Finished:
        """See ``AsyncEventStore.finish``."""
        return await self._run(_steps.finish(self._guesses, claim, result, joined))

    async def finish_each(self, endings: Sequence[Ending]) -> list[Finished | ProcessingError]:
        """See ``AsyncBatchStore.finish_each``."""
        return await self._run(_together.finish_each(self._guesses, endings))

    async def take_due(
        self, scope: str, code: Code, claim_id: str, lease: float, limit: int
    ) -> list[Taken]:
        """See ``AsyncInboxStore.take_due``; what comes of it is counted."""
        verb = _verbs.take_due(scope, code, claim_id, lease, limit)
        steps: list[tuple[Any, Any]] = []
        taken = await self._database.take(scope, noted(verb, steps))
        claims = self._database.claims
        claims["some" if taken else "none"] += 1
        for step, given in steps:
            self._heed(step, given)
            if isinstance(step, WriteEach):
                claims["won"] += given.count(True)
                claims["lost"] += given.count(False)
        return taken

    def _watch(self, _scope: str, wake: Callable[[], None]) -> Watch:
        """See ``WatchableStore.watch``."""
        return self._database.watch(wake)

    async def _run(self, verb: Steps[T]) -> T:
        return await adrive(verb, self._perform)

    async def _perform(self, step: Step) -> Any:
        given = await self._database.perform(step)
        self._heed(step, given)
        return given

    def _heed(self, step: Step, given: Any) -> None:
        self._guesses.note(step, given)
        now = asyncio.get_running_loop().time()
        if made_due(step, given, self._database.clock()) and now >= self._hinted + SPACING:
            self._hinted = now
            self._database.hint()
