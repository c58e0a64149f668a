"""MemoryStore keeps the contract, also where its verbs are awaited one step at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from stripe_events.storage import MemoryStore
from stripe_events.storage._bases import AsyncVerbs, adrive
from stripe_events.testing import StoreContract
from tests.stores.clock import Clock

if TYPE_CHECKING:
    from stripe_events.storage._operations import Operation
    from stripe_events.storage._verbs import Verb

T = TypeVar("T")


class AsyncMemoryStore(AsyncVerbs):
    """A MemoryStore whose verbs give way to others before each operation."""

    def __init__(self, store: MemoryStore) -> None:
        """Take the store that holds everything."""
        self._store = store

    async def _run(self, verb: Verb[T]) -> T:
        return await adrive(verb, self._perform)

    async def _perform(self, operation: Operation) -> Any:
        await asyncio.sleep(0)
        return self._store._perform(operation)


class TestMemoryStore(StoreContract):
    """All cases, on a clock that can be moved."""

    def make_store(self) -> MemoryStore:
        """Give an empty store."""
        self.clock = Clock()
        return MemoryStore(clock=self.clock)

    def advance(self, store: object, seconds: float) -> None:
        """Move the clock."""
        self.clock.now += seconds


class TestAsyncMemoryStore(TestMemoryStore):
    """The same cases, awaited; every hook may be awaited too."""

    async def make_store(self) -> AsyncMemoryStore:  # type: ignore[override]
        """Give an empty store."""
        await asyncio.sleep(0)
        return AsyncMemoryStore(super().make_store())

    async def advance(self, store: object, seconds: float) -> None:  # type: ignore[override]
        """Move the clock."""
        await asyncio.sleep(0)
        super().advance(store, seconds)
