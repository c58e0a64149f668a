"""
The verbs of a worker's store, awaited, be it sync or async.

The ends of handlers that come while others are being written go into the next write
together: the busier the worker, the fewer commits for each.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from stripe_events._callables import is_async
from stripe_events._delivery.bridge import is_being_cancelled
from stripe_events.errors import LostClaim, StoreError
from stripe_events.storage._results import NOTHING_NEW, Ending, Finished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events.storage._results import (
        Accepted,
        Arrival,
        Claim,
        Code,
        HandlerResult,
        Plan,
        Release,
        Taken,
    )

_AT_ONCE: Final = 200
"""As many ends of handlers as one write takes."""

_DOWN: Final = 3
"""After how many failures in a row a store is asked for no more of a batch."""

_THREADS: Final = 4
"""How many verbs of a sync store may be under way at once."""

_Waiting: TypeAlias = "tuple[Ending, asyncio.Future[Finished]]"


class Verbs:
    """A store on the event loop that uses it first."""

    def __init__(self, store: Any) -> None:
        """Take the store; no thread is started yet."""
        self._store = store
        self._is_async = is_async(store.accept)
        self._batches = callable(getattr(store, "finish_each", None))
        self._threads = ThreadPoolExecutor(_THREADS, "stripe-events-worker-store")
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Let go of the threads; the store stays open, for it is not the worker's."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def accept(self, arrival: Arrival, lease: float) -> Accepted:
        """See ``EventStore.accept``."""
        accepted: Accepted = await self.ask("accept", arrival, lease)
        return accepted

    async def finish(
        self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW
    ) -> Finished:
        """See ``EventStore.finish``; many that come at the same time are one write."""
        if not self._batches:
            told: Finished = await self.ask("finish", claim, result, joined)
            return told
        future: asyncio.Future[Finished] = asyncio.get_running_loop().create_future()
        self._waiting.append((Ending(claim, result, joined), future))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await future

    async def suspend(self, claim: Claim, release: Release) -> None:
        """See ``EventStore.suspend``."""
        await self.ask("suspend", claim, release)

    async def give_back(self, claim: Claim, release: Release) -> None:
        """See ``EventStore.give_back``."""
        await self.ask("give_back", claim, release)

    async def take_due(
        self, scope: str, code: Code, claim_id: str, lease: float, limit: int
    ) -> list[Taken]:
        """See ``InboxStore.take_due``."""
        taken: list[Taken] = await self.ask("take_due", scope, code, claim_id, lease, limit)
        return taken

    async def is_settled(self, claim: Claim, handler: str) -> bool | None:
        """See ``TransactionalStore.is_settled``."""
        settled: bool | None = await self.ask("is_settled", claim, handler)
        return settled

    async def ask(self, verb: str, *arguments: Any, **options: Any) -> Any:
        """Call any verb of the store and give its result, or raise what it raises."""
        function = getattr(self._store, verb)
        if self._is_async:
            try:
                return await function(*arguments, **options)
            except asyncio.CancelledError as error:
                if is_being_cancelled():
                    raise
                raise StoreError(f"the store cancelled itself in {verb}()") from error
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: function(*arguments, **options))

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                await self._write(self._next())
        finally:  # who waits must learn of it, also if this task is cancelled with its loop
            self._writing = None
            _let_go(self._waiting)

    def _next(self) -> list[_Waiting]:
        """Take what goes into one write: of each event one, at most."""
        batch: dict[tuple[str, str], _Waiting] = {}
        left: list[_Waiting] = []
        for waiting in self._waiting:
            claim = waiting[0].claim
            event = claim.scope, claim.id
            if len(batch) == _AT_ONCE or event in batch:
                left.append(waiting)
            else:
                batch[event] = waiting
        self._waiting = left
        return list(batch.values())

    async def _write(self, batch: list[_Waiting]) -> None:
        try:
            told = await self._written([ending for ending, _ in batch])
            for (_, future), answer in zip(batch, told, strict=True):
                _answer(future, answer)
        except Exception as error:  # noqa: BLE001 - told to everybody who waits
            for _, future in batch:
                _answer(future, error)
        finally:
            _let_go(batch)

    async def _written(self, endings: Sequence[Ending]) -> Sequence[Finished | Exception]:
        if len(endings) == 1:
            told: Finished = await self.ask("finish", *endings[0])
            return [told]
        try:
            each: list[Finished | Exception] = await self.ask("finish_each", endings)
        except Exception:  # noqa: BLE001 - a store may be the user's code; each is told its own
            return await self._written_singly(endings)
        return each

    async def _written_singly(self, endings: Sequence[Ending]) -> list[Finished | Exception]:
        """
        Write them one after another, so that only whose own write fails is told so.

        What has been written already is not written again by that. A store that fails each
        time is down: the rest is told its last error, for it may take long to give each.
        """
        told: list[Finished | Exception] = []
        failures = 0
        for ending in endings:
            try:
                told.append(await self.ask("finish", *ending))
                failures = 0
            except Exception as error:  # noqa: BLE001 - told to the one who waits
                told.append(error)
                failures = 0 if isinstance(error, LostClaim) else failures + 1
                if failures == _DOWN:
                    return told + [error] * (len(endings) - len(told))
        return told


def _let_go(waiting: list[_Waiting]) -> None:
    for _, future in waiting:
        future.cancel()


def _answer(future: asyncio.Future[Finished], answer: Finished | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
