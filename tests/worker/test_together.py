"""Workers beside one another, and beside the application that receives deliveries."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter
from stripe_events.worker import Worker
from tests.unit.deliveries import NOW, SECRET, signed, snapshot
from tests.unit.waiting import aio
from tests.worker.applications import LEASE, UNENDING, Office, add_line, lines
from tests.worker.children import crew
from tests.worker.conditions import until
from tests.worker.places import async_store

if TYPE_CHECKING:
    from pathlib import Path

    from stripe_events import Context
    from tests.worker.places import AnyPlace

EVENTS = [f"evt_{number}" for number in range(100)]


def test_processes_share_an_inbox(place: AnyPlace, file: Path) -> None:
    """Each event is done once by one of three, while others still come in."""
    with (
        closing(Office(place, file)) as office,
        crew(place, file, lease=UNENDING) as workers,
    ):
        workers.hire(3)
        office.receive(*EVENTS)
        until(office.all_over)
        statuses = workers.stop()
        assert set(EVENTS) == office.in_states({"done"})
    assert {f"{event}/file": 1 for event in EVENTS} == lines(file)
    assert len(EVENTS) == sum(status.handled for status in statuses)
    assert {(0, 0)} == {(status.failed, status.dead) for status in statuses}


def test_a_worker_in_a_thread_beside_deliveries(place: AnyPlace, file: Path) -> None:
    """The application that answers also works; the end of the block ends that."""
    with closing(Office(place, file, lease=UNENDING)) as office:
        with Worker(office.router) as worker:
            office.receive(*EVENTS)
            until(lambda: worker.status.handled == len(EVENTS))
        assert "stopped" == worker.status.state
        office.receive("evt_after")
        assert {"evt_after"} == office.in_states({"pending"})
    assert {f"{event}/file": 1 for event in EVENTS} == lines(file)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_handler_that_outlasts_its_lease_runs_once(
    place: AnyPlace, file: Path, is_async: bool
) -> None:
    """Its claim is extended while it runs, in a thread or as a task; others look for work."""
    enough = threading.Event()

    def in_thread(event: Any) -> None:
        add_line(file, event.id)
        enough.wait()

    async def in_task(event: Any) -> None:
        add_line(file, event.id)
        await asyncio.to_thread(enough.wait)

    with closing(Office(place, file, ())) as office:
        office.router.on("charge.succeeded", name="long")(in_task if is_async else in_thread)
        office.receive("evt_1")
        with Worker(office.router, poll=0.05), Worker(office.router, poll=0.05):
            until(lambda: lines(file))
            ends = office.records()["evt_1"].lease_until
            until(lambda: time.time() > ends + LEASE / 4)
            enough.set()
            until(office.all_over)
        record = office.records()["evt_1"]
    assert ("done", 1, 0) == (record.state, record.token, record.abandoned)
    assert {"evt_1": 1} == lines(file)


@pytest.mark.parametrize(
    ("place", "kind"),
    [("sqlite", "sync"), ("postgres", "sync"), ("postgres", "async"), ("redis", "async")],
    indirect=["place"],
)
def test_a_worker_in_the_event_loop_of_an_application(place: AnyPlace, kind: str) -> None:
    """As in the lifespan of an ASGI app: its tasks and its threads run there, once each."""
    ran: list[str] = []

    async def in_task(event: Any, ctx: Context) -> None:
        await asyncio.sleep(0)
        ran.append(ctx.idempotency_key)

    def in_thread(event: Any, ctx: Context) -> None:
        ran.append(ctx.idempotency_key)

    async def main() -> None:
        store = place.store() if kind == "sync" else async_store(place)
        router = EventRouter(SECRET, clock=lambda: NOW, store=store, delivery="inbox")
        router.on("charge.succeeded", name="in_task")(in_task)
        router.on("charge.succeeded", name="in_thread")(in_thread)
        async with Worker(router) as worker:
            for event in EVENTS:
                response = await router.ahandle(*signed(snapshot(id=event)))
                assert "accepted" == response.outcome
            while worker.status.handled < len(EVENTS):  # noqa: ASYNC110 - it tells of no end
                await asyncio.sleep(0.01)
        assert "stopped" == worker.status.state
        await router.aclose()
        closed = store.close()
        if closed is not None:
            await closed

    aio(main())
    wanted = [f"{event}/{name}" for event in EVENTS for name in ("in_task", "in_thread")]
    assert sorted(wanted) == sorted(ran)
