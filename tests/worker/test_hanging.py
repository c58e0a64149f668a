"""A handler that hangs, in a thread or as a task, is run last and alone becomes dead."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events._worker import engine
from stripe_events.worker import Worker
from tests.worker.applications import LEASE, Office, add_line, lines
from tests.worker.conditions import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.worker.places import AnyPlace

MAX_ABANDONED = 2
TIME_LIMIT = 0.2


@pytest.fixture
def released() -> Any:
    """Give what ends all that hangs."""
    event = threading.Event()
    yield event
    event.set()


def in_thread(office: Office, released: threading.Event) -> Callable[..., Any]:
    """Give a handler that blocks a thread."""

    def hang(event: Any) -> None:
        if event.id == "evt_hung":
            add_line(office.file, "hung")
            released.wait()

    return hang


def in_task(office: Office, released: threading.Event) -> Callable[..., Any]:
    """Give a handler that never comes back to its task."""
    import asyncio

    async def hang(event: Any) -> None:
        if event.id == "evt_hung":
            add_line(office.file, "hung")
            await asyncio.Event().wait()

    return hang


@pytest.mark.parametrize("made", [in_thread, in_task])
def test_it_alone_is_dead_and_the_worker_goes_on(
    place: AnyPlace,
    file: Path,
    made: Callable[..., Any],
    released: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its sibling runs first after that; other events have the place that it kept."""
    monkeypatch.setattr(engine, "_OVERTIME", 0.1)
    with closing(Office(place, file, (), max_abandoned=MAX_ABANDONED, lease=LEASE / 2)) as office:
        office.router.on("charge.succeeded", name="hanging")(made(office, released))
        office.router.on("charge.succeeded", name="file")(office._file)
        with Worker(
            office.router, concurrency=1, poll=0.1, time_limit=TIME_LIMIT, stop_within=0.1
        ) as worker:
            office.receive("evt_hung")
            until(lambda: "hung" in lines(file))
            office.receive("evt_other")
            until(lambda: "evt_other" in office.in_states({"done"}))
            assert worker.status.overtime >= 1
            until(office.all_over)
            record = office.records()["evt_hung"]
    assert "dead" == record.state
    assert {"hanging": "dead", "file": "succeeded"} == {
        handler.name: handler.outcome for handler in record.handlers
    }
    assert record.handler("file").at < record.handler("hanging").at
    assert MAX_ABANDONED == record.handler("hanging").abandoned
    assert MAX_ABANDONED == lines(file)["hung"]
    assert {"hung", "evt_hung/file", "evt_other/file"} == set(lines(file))
