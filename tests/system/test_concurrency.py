"""Many deliveries at once: nothing is mixed up, nothing waits for itself, nothing is lost."""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from stripe_events import Outcome
from stripe_events.observers import Handled
from tests.unit.deliveries import signed, snapshot
from tests.unit.waiting import LIMIT, aio, ended, give_awaitable_of, opened, reached

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterator

    from stripe_events import Context, Event, EventRouter, WebhookResponse

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id")
layer_id: contextvars.ContextVar[str] = contextvars.ContextVar("layer_id")


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """See that no thread of ours outlives its test."""
    yield
    assert ended()


class Seen(NamedTuple):
    """What one run of a handler saw."""

    kind: str
    event: str
    request: str
    layer: str
    delivery: str


def note(seen: list[Seen], kind: str, event: Event, ctx: Context) -> None:
    """Note it, and answer with it once per delivery."""
    seen.append(Seen(kind, event.id, request_id.get(), layer_id.get(), ctx.delivery_id))
    if kind == "sync":
        ctx.respond({"event": event.id, "delivery": ctx.delivery_id})


def add_handlers(router: EventRouter, seen: list[Seen]) -> None:
    """Register one handler of each kind."""

    @router.on("charge.succeeded", name="sync")
    def sync_handler(event: Event, ctx: Context) -> None:
        note(seen, "sync", event, ctx)

    @router.on("charge.succeeded", name="async")
    async def async_handler(event: Event, ctx: Context) -> None:
        for _ in range(random.randrange(4)):
            await asyncio.sleep(0)
        note(seen, "async", event, ctx)

    async def late(event: Event, ctx: Context) -> None:
        await asyncio.sleep(0)
        note(seen, "disguised", event, ctx)

    @router.on("charge.succeeded", name="disguised")
    def disguised(event: Event, ctx: Context) -> Any:
        return late(event, ctx)


def add_layers(router: EventRouter, layers: str) -> None:
    """Put layers around them that set a context variable for the run, and set it back."""

    @router.middleware
    def sync_layer(event: Any, ctx: Context) -> Generator[None, Any, None]:
        token = layer_id.set(event.id)
        try:
            yield
        finally:
            assert event.id == layer_id.get()
            layer_id.reset(token)

    if layers == "mixed":

        @router.middleware
        async def async_layer(event: Any, ctx: Context) -> AsyncGenerator[None, Any]:
            await asyncio.sleep(0)
            yield
            await asyncio.sleep(0)

        @router.middleware
        def inner_layer(event: Any, ctx: Context) -> Generator[None, Any, None]:
            assert event.id == layer_id.get()
            yield


def check(responses: dict[str, WebhookResponse], seen: list[Seen], kinds: int = 3) -> None:
    """See that each delivery saw itself, and nothing of another."""
    assert {Outcome.HANDLED} == {response.outcome for response in responses.values()}
    assert kinds * len(responses) == len(seen)
    assert [] == [one for one in seen if not one.event == one.request == one.layer]
    deliveries = {(one.event, one.delivery) for one in seen}
    assert len(responses) == len(deliveries)
    assert len(responses) == len({delivery for _, delivery in deliveries})
    assert {
        event: f'{{"event": "{event}", "delivery": "{delivery}"}}'.encode()
        for event, delivery in deliveries
    } == {event: response.body for event, response in responses.items()}


async def deliver_all(router: EventRouter, ids: list[str]) -> dict[str, WebhookResponse]:
    """Deliver events on this loop, all at once, each as a request of its own."""

    async def request(one: str) -> WebhookResponse:
        request_id.set(one)
        return await router.ahandle(*signed(snapshot(id=one)))

    tasks = {one: asyncio.create_task(request(one)) for one in ids}
    return {one: await task for one, task in tasks.items()}


def deliver_one(router: EventRouter, one: str) -> WebhookResponse:
    """Deliver an event in this thread, as a request of its own."""
    request_id.set(one)
    return router.handle(*signed(snapshot(id=one)))


@pytest.mark.parametrize("layers", ["sync", "mixed"])
@pytest.mark.parametrize(("count", "threads"), [(50, 2), (200, 4), (50, 1)])
def test_many_deliveries_on_few_threads_are_not_mixed_up(
    count: int, threads: int, layers: str
) -> None:
    """Events, contexts, context variables and answers stay with their delivery."""
    seen: list[Seen] = []
    ids = [f"evt_{number}" for number in range(count)]
    with opened(handler_threads=threads) as router:
        add_layers(router, layers)
        add_handlers(router, seen)
        check(aio(deliver_all(router, ids)), seen)


def test_many_threads_on_handle_are_not_mixed_up() -> None:
    """The same in threads, whose async handlers share one loop."""
    seen: list[Seen] = []
    ids = [f"evt_{number}" for number in range(200)]
    with opened() as router, ThreadPoolExecutor(20) as pool:
        add_layers(router, "sync")
        add_handlers(router, seen)
        futures = {one: pool.submit(deliver_one, router, one) for one in ids}
        check({one: future.result(LIMIT) for one, future in futures.items()}, seen)


def test_one_router_serves_threads_and_two_loops_at_once() -> None:
    """A process may have several servers."""
    seen: list[Seen] = []
    names = {way: [f"evt_{way}_{number}" for number in range(40)] for way in ("a", "b", "c")}
    responses: dict[str, WebhookResponse] = {}
    meet = threading.Barrier(3)

    def on_loop(ids: list[str]) -> dict[str, WebhookResponse]:
        meet.wait(LIMIT)
        found: dict[str, WebhookResponse] = aio(deliver_all(router, ids))
        return found

    def in_thread(ids: list[str]) -> dict[str, WebhookResponse]:
        meet.wait(LIMIT)
        return {one: deliver_one(router, one) for one in ids}

    with opened(handler_threads=2) as router, ThreadPoolExecutor(3) as pool:
        add_layers(router, "sync")
        add_handlers(router, seen)
        ways = (on_loop, on_loop, in_thread)
        for future in [
            pool.submit(way, ids) for way, ids in zip(ways, names.values(), strict=True)
        ]:
            responses |= future.result(LIMIT)
        check(responses, seen)


def test_closing_while_two_loops_and_threads_deliver_answers_everyone() -> None:
    """Each is handled or told to come again; nobody hangs and nothing raises."""
    seen: list[Seen] = []
    meet = threading.Barrier(4)
    with opened(handler_threads=2) as router, ThreadPoolExecutor(3) as pool:
        add_layers(router, "sync")
        add_handlers(router, seen)

        def on_loop(way: str) -> list[WebhookResponse]:
            meet.wait(LIMIT)
            return list(aio(deliver_all(router, [f"evt_{way}_{n}" for n in range(60)])).values())

        def in_thread(way: str) -> list[WebhookResponse]:
            meet.wait(LIMIT)
            return [deliver_one(router, f"evt_{way}_{n}") for n in range(60)]

        futures = [
            pool.submit(on_loop, "a"),
            pool.submit(on_loop, "b"),
            pool.submit(in_thread, "c"),
        ]
        meet.wait(LIMIT)
        router.close(wait=LIMIT)
        responses = [response for future in futures for response in future.result(LIMIT)]
    outcomes = [response.outcome for response in responses]
    assert {Outcome.HANDLED, Outcome.DRAINING} >= set(outcomes)
    assert 3 * outcomes.count(Outcome.HANDLED) == len(seen)


def test_awaitables_from_busy_threads_do_not_deadlock() -> None:
    """Fifty handlers on two threads give awaitables which all wait for the last one."""
    count = 50
    with opened(handler_threads=2) as router:

        async def main() -> list[int]:
            meet = asyncio.Barrier(count)
            router.on("charge.succeeded", name="it")(give_awaitable_of(lambda event: meet.wait()))
            answers = await asyncio.gather(
                *(router.ahandle(*signed(snapshot())) for _ in range(count))
            )
            return [answer.status for answer in answers]

        assert [200] * count == aio(main())


def test_awaitables_under_sync_middleware_come_one_by_one() -> None:
    """The middleware may depend on its thread, which is therefore kept; all the same all end."""
    seen: list[threading.Thread] = []
    with opened(handler_threads=2) as router:

        @router.middleware
        def layer(event: object, ctx: Context) -> Generator[None, Any, None]:
            thread = threading.current_thread()
            yield
            assert thread is threading.current_thread()
            seen.append(thread)

        async def turn() -> None:
            await asyncio.sleep(0)

        router.on("charge.succeeded", name="it")(lambda event: turn())

        async def main() -> list[int]:
            answers = await asyncio.gather(
                *(router.ahandle(*signed(snapshot())) for _ in range(50))
            )
            return [answer.status for answer in answers]

        assert [200] * 50 == aio(main())
    assert (50, True) == (len(seen), len(set(seen)) <= 2)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_client_that_is_gone_does_not_take_the_work_with_it(kind: str) -> None:
    """A server that cancels requests of closed connections leaves the handler alone."""
    go_on = threading.Event()
    started, over, gone = threading.Event(), threading.Event(), threading.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request: a line with the signature, then the body up to a zero byte."""
        signature = (await reader.readline()).strip()
        body = (await reader.readuntil(b"\0"))[:-1]
        answer = asyncio.create_task(router.ahandle(body, signature))
        closed = asyncio.create_task(reader.read())
        await asyncio.wait([answer, closed], return_when=asyncio.FIRST_COMPLETED)
        assert closed.done()
        answer.cancel()
        await asyncio.wait([answer])
        assert answer.cancelled()
        writer.close()
        gone.set()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            body, headers = signed(snapshot())
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(headers["Stripe-Signature"].encode() + b"\n" + body + b"\0")
            await asyncio.to_thread(reached, started)
            writer.close()
            await writer.wait_closed()
            await asyncio.to_thread(reached, gone)
            assert not over.is_set()
            go_on.set()
            await asyncio.to_thread(reached, over)

    with opened() as router:
        router.observe(Handled)(lambda record: over.set())

        def sync_handler(event: Event) -> None:
            started.set()
            reached(go_on)

        async def async_handler(event: Event) -> None:
            started.set()
            await asyncio.to_thread(reached, go_on)

        router.on("charge.succeeded", name="it")(sync_handler if kind == "sync" else async_handler)
        try:
            aio(main())
        finally:
            go_on.set()


def test_random_cancellation_loses_no_delivery() -> None:
    """Of a hundred requests, half are cancelled at some moment: what began, ends."""
    moments = random.Random(7)
    began: list[str] = []
    finished: list[str] = []

    async def main() -> None:
        async def handler(event: Event) -> None:
            began.append(event.id)
            for _ in range(moments.randrange(5)):
                await asyncio.sleep(0)

        router.on("charge.succeeded", name="async")(handler)
        router.on("charge.succeeded", name="sync")(lambda event: finished.append(event.id))
        tasks = []
        for number in range(100):
            tasks.append(asyncio.create_task(router.ahandle(*signed(snapshot(id=f"e{number}")))))
            for _ in range(moments.randrange(3)):
                await asyncio.sleep(0)
            if number % 2:
                tasks[moments.randrange(len(tasks))].cancel()
        await asyncio.wait(tasks)
        await router.aclose(wait=LIMIT)

    with opened(handler_threads=2) as router:
        aio(main())
    assert len(began) > 50
    assert sorted(began) == sorted(finished)
