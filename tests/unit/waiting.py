"""Wait for other threads and tasks without sleeping, and for a limited time only."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.unit.deliveries import router, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Generator, Iterator

    from stripe_events import EventRouter, WebhookResponse
    from stripe_events._delivery.effects import Effect
    from stripe_events._delivery.flow import Flow

__all__ = [
    "LIMIT",
    "aio",
    "by_ahandle",
    "by_handle",
    "closed_in_the_end",
    "closing_every_router",
    "ended",
    "give_awaitable_of",
    "opened",
    "ours",
    "reached",
    "recording",
    "turns",
]

LIMIT = 20.0
"""Seconds after which a test fails instead of hanging; never waited out by one that passes."""


def reached(event: threading.Event) -> None:
    """Wait until another thread got there."""
    assert event.wait(LIMIT), "nobody got there"


def aio(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a test's coroutine on an event loop of its own."""

    async def limited() -> Any:
        async with asyncio.timeout(LIMIT):
            return await main

    return asyncio.run(limited())


async def turns(until: Callable[[], object]) -> None:
    """Give other tasks of the loop their turns until it is so."""
    while not until():  # noqa: ASYNC110 - what is waited for has no event to wait on
        await asyncio.sleep(0)


def give_awaitable_of(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an async handler as decorators do that know nothing of async."""

    def wrapper(event: object) -> Any:
        return handler(event)

    return wrapper


def by_handle(to: EventRouter, payload: object) -> WebhookResponse:
    """Deliver in this thread."""
    return to.handle(*signed(payload))


def by_ahandle(to: EventRouter, payload: object) -> WebhookResponse:
    """Deliver on an event loop."""
    response: WebhookResponse = aio(to.ahandle(*signed(payload)))
    return response


def ours() -> list[threading.Thread]:
    """Give the threads that the library has started and that still run."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("stripe-events")]


_to_close: list[EventRouter] = []


def closed_in_the_end(made: EventRouter) -> EventRouter:
    """Give a router, which is closed when the test is over."""
    _to_close.append(made)
    return made


@contextmanager
def closing_every_router() -> Iterator[None]:
    """See that a test leaves no thread of a router behind that only ``close`` can end."""
    before = ours()
    yield
    while _to_close:
        _to_close.pop().close()
    left = {thread.name for thread in ours() if thread not in before}
    assert set() == left & {"stripe-events-heartbeat", "stripe-events-loop"}


def ended(but: Collection[threading.Thread] = ()) -> bool:
    """Wait for the library's threads to end, but for some, and tell whether they did."""
    if any(thread not in but for thread in ours()):
        gc.collect()  # threads of what nobody holds any more end with it
    for thread in ours():
        if thread not in but:
            thread.join(LIMIT)
    return all(thread in but for thread in ours())


@contextmanager
def opened(**options: Any) -> Iterator[EventRouter]:
    """Give a router, close it in the end, and see that no thread of it is left."""
    opened_router = router(**options)
    try:
        yield opened_router
    finally:
        opened_router.close(wait=0)
        assert ended()


def recording(flow: Flow, seen: list[str]) -> Generator[Effect, Any, WebhookResponse]:
    """Pass a flow on as it is, and write down the names of the effects it yields."""
    try:
        effect = next(flow)
        while True:
            seen.append(type(effect).__name__)
            try:
                value = yield effect
            except Exception as error:  # noqa: BLE001 - the flow says what it means
                effect = flow.throw(error)
            else:
                effect = flow.send(value)
    except StopIteration as end:
        response: WebhookResponse = end.value
        return response
