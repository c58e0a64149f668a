"""A service with a ledger: its clock, its store, and the code that it runs, which may change."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pytest

from stripe_events import parse
from stripe_events._delivery.ledger import planned
from stripe_events.events import ChargeSucceeded
from stripe_events.observers import (
    Busy,
    Dead,
    Duplicate,
    Failed,
    Handled,
    Ignored,
    LateError,
    Overdue,
)
from stripe_events.storage import MemoryStore, Plan
from stripe_events.storage._bases import AsyncVerbs, adrive
from stripe_events.storage._operations import ReadEvent
from tests.unit import deliveries
from tests.unit.deliveries import NOW, encode, signed, snapshot
from tests.unit.waiting import LIMIT, aio, ended

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stripe_events import Context, EventRouter, WebhookResponse
    from stripe_events._recording import Rescued
    from stripe_events.storage import EventRecord, HandlerRecord
    from stripe_events.storage._operations import Operation
    from stripe_events.storage._verbs import Verb

T = TypeVar("T")

LEASE = 30.0
"""Seconds; what a router gives its claims if it is told nothing else."""


class Died(BaseException):
    """End a handler as the death of its process would: nothing after it is done."""


class Clock:
    """The time of a store, in unix seconds; tests move it on."""

    def __init__(self) -> None:
        """Begin at ``NOW``."""
        self.now = float(NOW)
        self.step = 0.0

    def __call__(self) -> float:
        """Give the time, ``step`` later each time."""
        self.now += self.step
        return self.now


class WatchedStore(MemoryStore):
    """A ``MemoryStore`` that lets others wait until it is asked for something."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """Start unasked."""
        super().__init__(clock=clock)
        self._asked = threading.Condition()
        self._broken: dict[type[Operation], BaseException | None] = {}
        self.operations: list[Operation] = []

    def break_at(self, kind: type[Operation], error: BaseException | None) -> None:
        """Raise this whenever it is asked for such a thing from now on; None mends it."""
        self._broken[kind] = error

    def _perform(self, operation: Operation) -> Any:
        error = self._broken.get(type(operation))
        if error is not None:
            raise error
        result = super()._perform(operation)
        with self._asked:
            self.operations.append(operation)
            self._asked.notify_all()
        return result

    def count(self, kind: type[Operation]) -> int:
        """Tell how often it was asked for this."""
        return sum(isinstance(operation, kind) for operation in self.operations)

    def wait_for(self, kind: type[Operation], times: int = 1) -> None:
        """Wait until it was asked so often more than it is by now."""
        with self._asked:
            wanted = self.count(kind) + times
            done = self._asked.wait_for(lambda: self.count(kind) >= wanted, LIMIT)
        assert done, f"nobody asked for {kind.__name__}"


class AsyncMemoryStore(AsyncVerbs):
    """What a ``MemoryStore`` holds, awaited; any loop may use it."""

    def __init__(self, memory: MemoryStore) -> None:
        """Take what is to be awaited."""
        self._memory = memory

    async def _run(self, verb: Verb[T]) -> T:
        return await adrive(verb, self._perform)

    async def _perform(self, operation: Operation) -> Any:
        await asyncio.sleep(0)
        return self._memory._perform(operation)


class Way(NamedTuple):
    """How a service uses the library: ``handle`` or ``ahandle``, with which kind of store."""

    is_async: bool
    awaits_store: bool = False


HANDLE, AHANDLE, AWAITED = Way(is_async=False), Way(is_async=True), Way(True, True)
WAYS = {"handle": HANDLE, "ahandle": AHANDLE, "ahandle, async store": AWAITED}

only_handle = pytest.mark.parametrize("service", [HANDLE], indirect=True, ids=["handle"])
"""For tests of what does not differ between the ways, or of the one way."""

only_async = pytest.mark.parametrize(
    "service", [AHANDLE, AWAITED], indirect=True, ids=["ahandle", "ahandle, async store"]
)


class Handler:
    """A handler that writes down its runs and raises, run by run, what it is told."""

    def __init__(self, *errors: BaseException | None) -> None:
        """Take what to raise in the first runs; after these it succeeds."""
        self._errors = list(errors)
        self.attempts: list[int] = []
        self.contexts: list[Context] = []

    def __call__(self, event: object, ctx: Context) -> None:
        """Be run."""
        self.attempts.append(ctx.attempt)
        self.contexts.append(ctx)
        error = self._errors.pop(0) if self._errors else None
        if error is not None:
            raise error

    @property
    def runs(self) -> int:
        """How often it was run."""
        return len(self.attempts)


class Service:
    """A ledger, and whatever code delivers to it."""

    def __init__(self, way: Way = HANDLE) -> None:
        """Start with an empty ledger."""
        self.way = way
        self.clock = Clock()
        self.ledger = WatchedStore(clock=self.clock)
        self.store: Any = AsyncMemoryStore(self.ledger) if way.awaits_store else self.ledger
        self.told: list[Any] = []
        self.threads = ThreadPoolExecutor(8, "request")
        self._routers: list[EventRouter] = []

    def code(self, handlers: Mapping[str, Callable[..., Any]], **options: Any) -> EventRouter:
        """Give a router with handlers of ``charge.succeeded`` by name; what it tells is kept."""
        options.setdefault("store", self.store)
        options.setdefault("busy_wait", 0)
        router = deliveries.router(**options)
        self._routers.append(router)
        for name, handler in handlers.items():
            router.on(ChargeSucceeded, name=name)(handler)
        router.observe(Busy, Dead, Duplicate, Failed, Handled, Ignored, LateError, Overdue)(
            self.told.append
        )
        return router

    def deliver(self, router: EventRouter, payload: Any = None) -> WebhookResponse:
        """Deliver an event, ``evt_1`` if none is given."""
        body, headers = signed(snapshot() if payload is None else payload)
        if not self.way.is_async:
            return router.handle(body, headers)
        response: WebhookResponse = aio(router.ahandle(body, headers))
        return response

    def process(self, router: EventRouter, payload: Any) -> WebhookResponse:
        """Hand in an event that something else has authenticated."""
        if not self.way.is_async:
            return router.process(payload)
        response: WebhookResponse = aio(router.aprocess(payload))
        return response

    def run(
        self, router: EventRouter, event_id: str = "evt_1", **options: float
    ) -> WebhookResponse:
        """Do the job of a queue that was told of an event."""
        if not self.way.is_async:
            return router.run(event_id, **options)
        response: WebhookResponse = aio(router.arun(event_id, **options))
        return response

    def rescue(self, router: EventRouter) -> Rescued:
        """Run what is due."""
        rescued: Rescued = aio(router.arescue()) if self.way.is_async else router.rescue()
        return rescued

    def die(self, handlers: Mapping[str, Callable[..., Any]], **options: Any) -> None:
        """Let code take the event in, and die with one of its handlers; its lease runs out."""
        router = self.code(handlers, **options)
        try:
            self.deliver(router)
        except Died:
            self.clock.now += LEASE
            return
        msg = "no handler died"
        raise AssertionError(msg)

    def enqueue(self, router: EventRouter) -> None:
        """Put ``evt_1`` into the inbox, as another process with this code may do."""
        settings, event = router._compiled(), parse(snapshot())
        assert settings.ledger is not None
        plan = Plan(planned(event, settings.table.candidates(event)[0]))
        arrival = settings.ledger.arrival(event, encode(snapshot()), plan, trusted=False)
        self.ledger.enqueue(arrival)

    def record(self, event_id: str = "evt_1", scope: str = "default") -> EventRecord:
        """Give what the ledger knows of an event that it has."""
        stored = self.ledger.get(scope, event_id)
        assert stored is not None, f"{event_id} is not in the ledger"
        return stored.record

    def handler(self, name: str = "a", event_id: str = "evt_1") -> HandlerRecord:
        """Give what the ledger knows of a planned handler."""
        found = self.record(event_id).handler(name)
        assert found is not None, f"{name} is not planned"
        return found

    def outcomes(self, event_id: str = "evt_1") -> dict[str, str]:
        """Give what has become of each planned handler."""
        return {one.name: one.outcome for one in self.record(event_id).handlers}

    def has(self, event_id: str = "evt_1") -> bool:
        """Tell whether an event is in the ledger."""
        return self.ledger.get("default", event_id) is not None

    def wait_until_recorded(self, event_id: str) -> None:
        """Wait until another thread's event is in the ledger."""
        while not self.has(event_id):
            self.ledger.wait_for(ReadEvent)

    def told_of(self, record: type[T]) -> list[T]:
        """Give what observers of this record class were told."""
        return [one for one in self.told if isinstance(one, record)]

    def close(self) -> None:
        """Close all routers, and see that none of their threads is left."""
        for router in self._routers:
            router.close(wait=0)
        self.threads.shutdown()
        assert ended()
