"""Async handlers, and sync ones on an event loop: where they run and what becomes of them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events._verification import Verification
from stripe_events.errors import ConfigurationError, InvalidSignature
from stripe_events.observers import Failed, Handled
from tests.unit.both_ways import both, pass_through, pass_through_async
from tests.unit.deliveries import router, signed, snapshot
from tests.unit.waiting import LIMIT, aio, by_ahandle, by_handle, give_awaitable_of, opened, reached

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from stripe_events import Context, Event
    from tests.unit.both_ways import Deliver

caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")


def test_an_async_handler_runs_on_the_loop_of_ahandle() -> None:
    """Its loop is the one that the request came in on."""
    loops = []
    with opened() as router:

        @router.on("charge.succeeded")
        async def handler(event: Event) -> None:
            loops.append(asyncio.get_running_loop())

        async def main() -> None:
            response = await router.ahandle(*signed(snapshot()))
            assert 200 == response.status
            assert [asyncio.get_running_loop()] == loops

        aio(main())


def test_a_sync_handler_runs_in_a_thread_of_the_routers_own_under_ahandle() -> None:
    """The event loop's thread, and its default executor, are not for handlers."""
    names = []
    with opened() as router:

        @router.on("charge.succeeded")
        def handler(event: Event) -> None:
            names.append(threading.current_thread().name)

        by_ahandle(router, snapshot())
    assert [True] == [name.startswith("stripe-events-handler") for name in names]


def test_a_sync_handler_runs_in_the_calling_thread_under_handle() -> None:
    """The sync driver starts no thread for it."""
    threads = []
    with opened() as router:

        @router.on("charge.succeeded")
        def handler(event: Event) -> None:
            threads.append(threading.current_thread())

        by_handle(router, snapshot())
    assert [threading.current_thread()] == threads


@both
@pytest.mark.parametrize("middleware", [None, pass_through], ids=["bare", "middleware"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_handlers_see_the_callers_context_variables(
    deliver: Deliver, kind: str, middleware: Any
) -> None:
    """Also in another thread, or on another loop, tracing and tenants are found."""
    seen = []
    with opened() as router:
        if middleware:
            router.middleware(middleware)

        if kind == "sync":

            @router.on("charge.succeeded")
            def sync_handler(event: Event) -> None:
                seen.append(caller.get())
        else:

            @router.on("charge.succeeded")
            async def async_handler(event: Event) -> None:
                await asyncio.sleep(0)
                seen.append(caller.get())

        token = caller.set("request 7")
        try:
            assert 200 == deliver(router, snapshot()).status
        finally:
            caller.reset(token)
    assert ["request 7"] == seen


@both
def test_handlers_see_what_middleware_sets(deliver: Deliver) -> None:
    """A context variable that middleware sets around the handler is there in it."""
    seen = []
    with opened() as router:

        @router.middleware
        def name_tenant(event: object, ctx: Context) -> Generator[None, Any, None]:
            token = caller.set("tenant")
            yield
            caller.reset(token)

        @router.on("charge.succeeded", name="sync")
        def sync_handler(event: Event) -> None:
            seen.append(caller.get())

        @router.on("charge.succeeded", name="async")
        async def async_handler(event: Event) -> None:
            seen.append(caller.get())

        assert 200 == deliver(router, snapshot()).status
    assert ["tenant", "tenant"] == seen


class Later:
    """An awaitable that is no coroutine."""

    def __init__(self, seen: list[str]) -> None:
        """Take where to say that it was awaited."""
        self.seen = seen

    def __await__(self) -> Generator[Any, Any, None]:
        """Say so, after one turn of the loop."""
        yield from asyncio.sleep(0).__await__()
        self.seen.append("ran")


async def work(seen: list[str]) -> None:
    """Say, after one turn of the loop, that it was awaited."""
    await asyncio.sleep(0)
    seen.append("ran")


async def work_on(event: Event, seen: list[str]) -> None:
    """Do the same for an event."""
    await work(seen)


class CalledAsync:
    """An object whose call is async."""

    def __init__(self, seen: list[str]) -> None:
        """Take where to say that it ran."""
        self.seen = seen

    async def __call__(self, event: Event) -> None:
        """Say so."""
        await work(self.seen)


class CalledGivesAwaitable:
    """An object whose call is plain and gives a coroutine."""

    def __init__(self, seen: list[str]) -> None:
        """Take where to say that it ran."""
        self.seen = seen

    def __call__(self, event: Event) -> Awaitable[None]:
        """Give the coroutine."""
        return work(self.seen)


def given_twice(seen: list[str]) -> Callable[..., Any]:
    """Give an async handler that gives a coroutine instead of awaiting it."""

    async def handler(event: Event) -> Awaitable[None]:
        return work(seen)

    return handler


ASYNC_IN_DISGUISE: dict[str, Callable[[list[str]], Callable[..., Any]]] = {
    "async method": lambda seen: CalledAsync(seen).__call__,
    "partial": lambda seen: partial(work_on, seen=seen),
    "lambda": lambda seen: lambda event: work(seen),
    "partial of a lambda": lambda seen: partial(lambda event, to: work(to), to=seen),
    "wrapper": lambda seen: give_awaitable_of(partial(work_on, seen=seen)),
    "object": CalledAsync,
    "object that gives a coroutine": CalledGivesAwaitable,
    "bound method": lambda seen: CalledGivesAwaitable(seen).__call__,
    "awaitable object": lambda seen: lambda event: Later(seen),
    "coroutine of a coroutine": given_twice,
    "coroutine of a coroutine, wrapped": lambda seen: give_awaitable_of(given_twice(seen)),
}


@both
@pytest.mark.parametrize("layers", [(), (pass_through,), (pass_through, pass_through_async)])
@pytest.mark.parametrize("disguise", ASYNC_IN_DISGUISE)
def test_nothing_that_a_handler_returns_is_dropped_unawaited(
    deliver: Deliver, layers: tuple[Any, ...], disguise: str
) -> None:
    """A handler is async if what it returns is awaitable, whatever it looks like."""
    seen: list[str] = []
    if pass_through_async in layers and deliver is by_handle:
        layers = (pass_through, pass_through)
    with opened() as router:
        for layer in layers:
            router.middleware(layer)
        router.on("charge.succeeded", name="it")(ASYNC_IN_DISGUISE[disguise](seen))
        response = deliver(router, snapshot())
    assert (Outcome.HANDLED, ["ran"]) == (response.outcome, seen)


@both
@pytest.mark.parametrize("disguise", ["partial", "wrapper", "awaitable object"])
def test_what_an_awaitable_raises_is_the_handlers_failure(deliver: Deliver, disguise: str) -> None:
    """It is awaited inside the run, not somewhere else."""

    async def fail(event: Event) -> None:
        msg = "no"
        raise LookupError(msg)

    handlers = {
        "partial": partial(fail),
        "wrapper": give_awaitable_of(fail),
        "awaitable object": lambda event: asyncio.wait_for(fail(event), LIMIT),
    }
    with opened() as router:
        router.on("charge.succeeded", name="it")(handlers[disguise])
        response = deliver(router, snapshot())
    assert Outcome.FAILED is response.outcome
    assert ["LookupError('no')"] == list(map(repr, response.error.exceptions))


@pytest.mark.parametrize("middleware", [None, pass_through_async], ids=["bare", "middleware"])
def test_an_awaitable_from_a_thread_does_not_hold_the_thread(middleware: Any) -> None:
    """With one thread, three handlers that only give awaitables are under way at once."""
    with opened(handler_threads=1) as router:
        if middleware:
            router.middleware(middleware)

        async def main() -> list[int]:
            meet = asyncio.Barrier(3)
            router.on("charge.succeeded", name="it")(lambda event: meet.wait())
            answers = await asyncio.gather(*(router.ahandle(*signed(snapshot())) for _ in range(3)))
            return [answer.status for answer in answers]

        assert [200, 200, 200] == aio(main())


def test_an_awaitable_from_the_only_thread_may_need_the_thread() -> None:
    """A handler that passes another event on to the same router does not wait for itself."""
    seen = []
    with opened(handler_threads=1) as router:
        other = signed(snapshot("charge.failed"))
        router.on("charge.succeeded", name="outer")(lambda event: router.ahandle(*other))

        @router.on("charge.failed", name="inner")
        def inner(event: Event) -> None:
            seen.append(event.type)

        assert 200 == by_ahandle(router, snapshot()).status
    assert ["charge.failed"] == seen


def test_a_slow_sync_handler_does_not_block_the_loop() -> None:
    """The handler waits for what only the running loop can do."""
    turn = threading.Event()
    with opened() as router:

        @router.on("charge.succeeded")
        def handler(event: Event) -> None:
            asked.set()
            reached(turn)

        asked = threading.Event()

        async def main() -> int:
            delivery = asyncio.create_task(router.ahandle(*signed(snapshot())))
            await asyncio.to_thread(reached, asked)
            turn.set()
            return (await delivery).status

        assert 200 == aio(main())


class Blocking:
    """A verifier that waits, in a thread; it does what it is told."""

    blocking = True

    def __init__(self, verify: Callable[[], Verification]) -> None:
        """Take what it does."""
        self._verify = verify
        self.threads: list[threading.Thread] = []

    def verify(self, body: bytes, headers: object) -> Verification:
        """Note where it runs, and do it."""
        self.threads.append(threading.current_thread())
        return self._verify()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (InvalidSignature("no"), Outcome.SIGNATURE_INVALID),
        (ConfigurationError("nothing to compare with"), Outcome.FAILED),
        (OSError("unreachable"), Outcome.FAILED),
        (StopIteration(), Outcome.FAILED),
        (concurrent.futures.CancelledError(), Outcome.FAILED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_blocking_verifier_runs_in_a_thread_and_its_errors_map(
    error: Exception, outcome: Outcome
) -> None:
    """The loop goes on, and what the verifier raises means what it always means."""

    def verify() -> Verification:
        raise error

    verifier = Blocking(verify)
    router = EventRouter(verifier=verifier)
    assert outcome is by_ahandle(router, snapshot()).outcome
    assert [False] == [thread is threading.current_thread() for thread in verifier.threads]
    router.close()


def test_a_blocking_verifier_does_not_queue_behind_handlers() -> None:
    """With every handler thread busy, a delivery is still verified."""
    verified = threading.Semaphore(0)
    go_on = threading.Event()

    def verify() -> Verification:
        verified.release()
        return Verification(None, None)

    router = EventRouter(verifier=Blocking(verify), handler_threads=1)

    @router.on("charge.succeeded")
    def handler(event: Event) -> None:
        reached(go_on)

    async def main() -> list[int]:
        deliveries = [asyncio.create_task(router.ahandle(*signed(snapshot()))) for _ in range(2)]
        for _ in deliveries:
            assert await asyncio.to_thread(verified.acquire, timeout=LIMIT)
        go_on.set()
        return [(await delivery).status for delivery in deliveries]

    try:
        assert [200, 200] == aio(main())
    finally:
        go_on.set()
        router.close()


def test_observers_hear_of_runs_under_ahandle() -> None:
    """What a delivery came to is told on the loop as in a thread."""
    told: list[Any] = []
    with opened() as router:
        router.observe(Handled, Failed)(told.append)

        @router.on("charge.succeeded", name="it")
        def handler(event: Event) -> None:
            """Do nothing."""

        by_ahandle(router, snapshot())
    assert [("it", "succeeded")] == [(run.handler, run.outcome) for run in told[0].runs]


def test_a_task_factory_of_the_loop_makes_the_task_of_a_delivery() -> None:
    """Tools for tracing and debugging put one there."""
    made: list[str] = []
    served = router()

    @served.on_any(name="any")
    async def handle(event: object) -> None:
        made.append("handled")

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        made.append(coroutine.__name__)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        await served.ahandle(*signed(snapshot()))

    aio(main())
    assert ["_perform_rest", "handled"] == made[:2]  # then the loop is ended
