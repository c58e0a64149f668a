"""The one background loop of a process, on which async handlers run under ``handle``."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events._delivery import background
from tests.unit.deliveries import router as make_router
from tests.unit.deliveries import signed, snapshot
from tests.unit.waiting import LIMIT, by_handle, ended, opened, ours, reached

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from stripe_events import Context, Event, EventRouter


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """See that every test begins and ends without a thread of ours."""
    assert ended()
    yield
    assert ended()


def note_loops(router: EventRouter, into: list[object]) -> None:
    """Register an async handler that notes its loop and its thread."""

    @router.on("charge.succeeded")
    async def handler(event: Event) -> None:
        into.append((asyncio.get_running_loop(), threading.current_thread()))


def test_async_handlers_of_all_events_run_on_one_loop() -> None:
    """A daemon thread with a name of ours runs it."""
    seen: list[Any] = []
    with opened() as router:
        note_loops(router, seen)
        for _ in range(3):
            assert 200 == by_handle(router, snapshot()).status
        assert (3, 1) == (len(seen), len(set(seen)))
        thread = seen[0][1]
        assert ("stripe-events-loop", True) == (thread.name, thread.daemon)


def test_routers_share_the_loop_and_the_last_one_ends_it() -> None:
    """Closing one router leaves the other working, on the same loop."""
    seen: list[Any] = []
    with opened() as second:
        first = make_router()
        for router in (first, second):
            note_loops(router, seen)
            by_handle(router, snapshot())
        first.close()
        assert 200 == by_handle(second, snapshot()).status
        assert Outcome.DRAINING is by_handle(first, snapshot()).outcome
        assert (3, 1) == (len(seen), len(set(seen)))
        assert 1 == len(ours())


def test_a_loop_starts_again_after_the_last_router_was_closed() -> None:
    """As when an application is made anew in one process, in tests say."""
    seen: list[Any] = []
    for _ in range(2):
        with opened() as router:
            note_loops(router, seen)
            by_handle(router, snapshot())
    assert 2 == len(set(seen))


def test_a_router_that_was_dropped_does_not_keep_the_loop() -> None:
    """Only living routers count as users."""
    with opened() as router:
        note_loops(router, [])
        by_handle(router, snapshot())
        dropped = make_router()
        note_loops(dropped, [])
        by_handle(dropped, snapshot())
        del dropped
        gc.collect()


def test_a_router_that_is_closed_unused_leaves_the_loop_alone() -> None:
    """It never used it."""
    with opened() as router:
        note_loops(router, [])
        by_handle(router, snapshot())
        make_router().close()
        assert 200 == by_handle(router, snapshot()).status


class Connection:
    """A connection of asyncio streams, bound to the loop that it was opened on."""

    def __init__(self, port: int) -> None:
        """Open nothing yet."""
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.opened = 0

    async def ask(self, line: bytes) -> bytes:
        """Send a line and give the answer; the connection is opened once, and kept."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            self.opened += 1
        reader, writer = self._streams
        writer.write(line)
        await writer.drain()
        return await reader.readline()

    async def close(self) -> None:
        """Close it."""
        assert self._streams is not None
        self._streams[1].close()
        await self._streams[1].wait_closed()


@pytest.fixture
def echo() -> Iterator[int]:
    """Run a server of lines in a thread, and give its port."""
    started, stop = threading.Event(), threading.Event()
    ports: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in lines(reader):
            writer.write(line.upper())
            await writer.drain()
        writer.close()

    async def lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        while line := await reader.readline():
            yield line

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            ports.append(server.sockets[0].getsockname()[1])
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    reached(started)
    yield ports[0]
    stop.set()
    thread.join(LIMIT)


def test_a_pooled_client_survives_events(echo: int) -> None:
    """A connection that one event opened serves the next one, from another thread too."""
    connection = Connection(echo)
    answers = []
    with opened() as router, ThreadPoolExecutor(1) as other:

        @router.on("charge.succeeded")
        async def ask(event: Event) -> None:
            answers.append(await connection.ask(f"{event.id}\n".encode()))

        @router.on("charge.failed")
        async def close(event: Event) -> None:
            await connection.close()

        assert 200 == by_handle(router, snapshot(id="evt_a")).status
        assert 200 == other.submit(by_handle, router, snapshot(id="evt_b")).result(LIMIT).status
        assert 200 == by_handle(router, snapshot("charge.failed")).status
    assert ([b"EVT_A\n", b"EVT_B\n"], 1) == (answers, connection.opened)


def test_many_threads_wait_for_the_loop_at_once() -> None:
    """Their handlers are under way together, and each thread gets its own answer."""
    threads = 20
    meet = asyncio.Barrier(threads)
    with opened() as router, ThreadPoolExecutor(threads) as pool:

        @router.on("charge.succeeded")
        async def handler(event: Event, ctx: Context) -> None:
            await meet.wait()
            ctx.respond({"event": event.id})

        ids = [f"evt_{number}" for number in range(threads)]
        futures = [pool.submit(by_handle, router, snapshot(id=one)) for one in ids]
        bodies = [future.result(LIMIT).body for future in futures]
    assert [f'{{"event": "{one}"}}'.encode() for one in ids] == bodies


def test_handle_inside_an_async_handler_is_refused_instead_of_deadlocking() -> None:
    """The inner delivery fails and says what to do; the outer one goes on."""
    inner: list[Any] = []
    with opened() as router:

        @router.on("charge.failed")
        async def never(event: Event) -> None:
            inner.append("ran")

        @router.on("charge.succeeded")
        async def handler(event: Event) -> None:
            inner.append(router.handle(*signed(snapshot("charge.failed"))))

        assert 200 == by_handle(router, snapshot()).status
    (response,) = inner
    assert Outcome.FAILED is response.outcome
    assert [
        "router.handle() was called inside an async handler: await router.ahandle() there"
    ] == list(map(str, response.error.exceptions))


def test_ahandle_inside_an_async_handler_works() -> None:
    """What the refusal advises."""
    inner: list[Any] = []
    with opened() as router:

        @router.on("charge.failed")
        async def other(event: Event) -> None:
            inner.append("ran")

        @router.on("charge.succeeded")
        async def handler(event: Event) -> None:
            inner.append((await router.ahandle(*signed(snapshot("charge.failed")))).status)

        assert 200 == by_handle(router, snapshot()).status
    assert ["ran", 200] == inner


@pytest.mark.parametrize("exits", [SystemExit, KeyboardInterrupt])
def test_a_handler_that_exits_ends_its_caller_and_not_the_loop(exits: type[BaseException]) -> None:
    """As with a sync handler, the exception is the caller's; other threads are still served."""
    with opened() as router:

        @router.on("charge.failed")
        async def leave(event: Event) -> None:
            raise exits

        @router.on("charge.succeeded")
        async def handler(event: Event) -> None:
            """Do nothing."""

        with pytest.raises(exits):
            by_handle(router, snapshot("charge.failed"))
        assert 200 == by_handle(router, snapshot()).status


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_task_that_exits_does_not_end_the_loop() -> None:
    """A handler may have started it and gone; whoever waits for the loop must not hang."""
    tasks = []
    with opened() as router:

        @router.on("charge.succeeded")
        async def handler(event: Event) -> None:
            async def leave() -> None:
                raise SystemExit

            tasks.append(asyncio.ensure_future(leave()))
            await asyncio.wait([tasks[-1]])

        assert 200 == by_handle(router, snapshot()).status
        assert 200 == by_handle(router, snapshot()).status
    assert [SystemExit, SystemExit] == [type(task.exception()) for task in tasks]


def test_ctrl_c_ends_the_waiting_for_an_async_handler() -> None:
    """The main thread is free at once, the handler is cancelled, the loop lives on."""
    cancelled = threading.Event()
    main = threading.main_thread()
    assert threading.current_thread() is main
    with opened() as router:

        @router.on("charge.failed")
        async def handler(event: Event) -> None:
            signal.pthread_kill(main.ident, signal.SIGINT)
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        @router.on("charge.succeeded")
        async def after(event: Event) -> None:
            """Do nothing."""

        with pytest.raises(KeyboardInterrupt):
            by_handle(router, snapshot("charge.failed"))
        reached(cancelled)
        assert 200 == by_handle(router, snapshot()).status


def test_tasks_that_handlers_leave_behind_end_with_the_loop() -> None:
    """They are cancelled and may clean up."""
    seen = []
    with opened() as router:
        tasks = []

        @router.on("charge.succeeded")
        async def handler(event: Event) -> None:
            async def background_task() -> None:
                try:
                    await asyncio.Event().wait()
                finally:
                    await asyncio.sleep(0)
                    seen.append("cleaned up")

            tasks.append(asyncio.ensure_future(background_task()))
            await asyncio.sleep(0)

        by_handle(router, snapshot())
    assert ["cleaned up"] == seen


def test_the_loop_is_closed_when_it_ends() -> None:
    """No loop is left open for the garbage collector to warn of."""
    seen: list[Any] = []
    with opened() as router:
        note_loops(router, seen)
        by_handle(router, snapshot())
    (loop, thread), *_ = seen
    assert (True, False) == (loop.is_closed(), thread.is_alive())
    assert background._shared.thread is None


def test_no_task_is_kept_after_its_event() -> None:
    """Nothing grows with the number of events."""
    with opened() as router:
        note_loops(router, [])
        for _ in range(3):
            by_handle(router, snapshot())
        handlers = router._drivers._async_handlers
        assert handlers is not None
        assert set() == handlers._bridge._tasks


def test_a_process_that_never_closes_its_router_ends_in_silence() -> None:
    """Scripts forget; neither a hang nor a warning is the answer."""
    script = """
        import asyncio
        from stripe_events import EventRouter
        from stripe_events._verification import TrustedSource

        router = EventRouter(verifier=TrustedSource())
        payload = b'''{"id": "evt_1", "object": "event", "type": "charge.succeeded",
            "data": {"object": {"id": "ch_1", "object": "charge"}}}'''

        @router.on("charge.succeeded", name="async")
        async def async_handler(event):
            print("async")

        @router.on("charge.succeeded", name="sync")
        def sync_handler(event):
            print("sync")

        print(router.handle(payload, None).status)
        print(asyncio.run(router.ahandle(payload, None)).status)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT * 2,
    )
    assert ("", 0) == (done.stderr, done.returncode)
    assert ["async", "sync", "200"] * 2 == done.stdout.split()
