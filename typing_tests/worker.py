"""What type checkers know about workers. Never run."""

from __future__ import annotations

from typing import Literal, assert_type

from stripe_events import EventRouter, Retry
from stripe_events.storage import AsyncPostgresStore, SQLiteStore
from stripe_events.worker import Worker, WorkerStatus

router = EventRouter(
    "whsec_x", store=SQLiteStore("app.db"), delivery="inbox", retry=Retry(attempts=3)
)
awaited = EventRouter("whsec_x", store=AsyncPostgresStore("dbname=app"), delivery="inbox")

worker = Worker(router)
Worker(awaited, concurrency=20, poll=0.5, time_limit=60, stop_within=10)
Worker(router, poll=None)

assert_type(worker.run(), WorkerStatus)
assert_type(worker.run(burst=True), WorkerStatus)
assert_type(worker.status, WorkerStatus)
assert_type(worker.is_woken, bool)
worker.stop()


def beside_an_app() -> int:
    """Run a worker in a thread."""
    with Worker(router) as beside:
        assert_type(beside, Worker)
    return beside.status.handled  # a block swallows nothing, so this is always reached


async def lifespan() -> None:
    """Run a worker in the running event loop."""
    async with Worker(awaited, concurrency=4) as beside:
        assert_type(beside, Worker)
    assert_type(await worker.arun(burst=True), WorkerStatus)


def health(status: WorkerStatus) -> str:
    """Read what a worker tells of itself."""
    assert_type(
        status.state, Literal["new", "working", "idle", "store failing", "stopping", "stopped"]
    )
    counts = (status.running, status.overtime, status.handled, status.failed, status.returned)
    assert_type(counts, tuple[int, int, int, int, int])
    assert_type(status.dead, int)
    assert_type(status.looked, float | None)
    assert_type(status.error, str | None)
    assert_type(status.is_healthy, bool)
    if status.state == "finished":  # type: ignore[comparison-overlap] # pyright: ignore[reportUnnecessaryComparison]
        return "no such state"
    return status.state


Worker()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
Worker(router, 10)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
Worker(router, concurrency=1.5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
Worker(router, concurrency=None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
Worker(router, poll="1")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
worker.run(burst="yes")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
worker.status = WorkerStatus("new")  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
WorkerStatus("busy")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
