"""What has died repeatedly runs one at a time; the others are sent away, and not all the time."""

from __future__ import annotations

import asyncio
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events._worker import engine, suspects
from stripe_events._worker.suspects import Patience
from stripe_events.storage import Code
from stripe_events.storage._operations import ReadDue
from stripe_events.worker import Worker
from tests.unit.recorded import HANDLE, Handler, Service, WatchedStore
from tests.unit.waiting import LIMIT, aio, ended, ours, reached
from tests.unit.workers import LONG, Gate, Log, event, fill, running, until

if TYPE_CHECKING:
    from stripe_events import EventRouter

inbox: dict[str, Any] = {"delivery": "inbox"}
DEATHS = 2
"""After so many runs that died, of five, an event runs alone."""


def suspected(service: Service, router: EventRouter, count: int) -> None:
    """Let so many events have died with workers."""
    fill(service, router, count)
    code = Code(frozenset({"a"}))
    for number in range(1 + DEATHS):
        service.ledger.take_due("default", code, f"dead {number}", 1.0, count)
        service.clock.now += 2


def test_suspects_are_away_longer_each_time_until_one_has_ended() -> None:
    """What must go while others are away belongs to the same time."""
    patience = Patience()
    longest = []
    now = 100.0
    for _ in range(6):
        pauses = [patience.pause(now) for _ in range(200)]
        most = max(pauses)
        assert min(pauses) >= most / 4.1
        longest.append(round(most))
        assert patience.is_needed(now + most - 0.01)
        assert not patience.is_needed(now + most)
        now += 10
    assert [1, 2, 4, 8, 10, 10] == longest

    patience.pause(now)
    patience.end()
    assert patience.is_needed(now)
    assert patience.pause(now) <= 1.0


def test_suspects_run_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though there is room for all; a burst waits for those that were sent away."""
    monkeypatch.setattr(suspects, "_FIRST", 0.1)
    monkeypatch.setattr(engine, "_BURST", 0.01)
    ends, end = Log(), Patience.end
    monkeypatch.setattr(Patience, "end", lambda self: (ends.add(1), end(self)))
    service, gate, began = Service(HANDLE), Gate(), monotonic()
    service.ledger = service.store = WatchedStore(
        clock=lambda: service.clock.now + monotonic() - began
    )
    router = service.code({"a": gate}, **inbox)
    suspected(service, router, 3)
    worker = Worker(router, poll=LONG)
    thread = threading.Thread(target=worker.run, kwargs={"burst": True})
    thread.start()

    gate.wait_for(1)
    until(lambda: worker.status.returned > 3)  # they came back, and had to go again
    gate.open()
    thread.join(LIMIT)

    assert ("stopped", 3, 1) == (worker.status.state, worker.status.handled, gate.most)
    assert 3 == len(ends.entries)
    service.close()


class Slow(WatchedStore):
    """A store that can be held up when something is given back."""

    def __init__(self, **options: Any) -> None:
        """Hold up nothing."""
        super().__init__(**options)
        self.asked, self.go_on = threading.Event(), threading.Event()

    def give_back(self, *arguments: Any) -> None:
        """Wait, and give back."""
        self.asked.set()
        reached(self.go_on)
        super().give_back(*arguments)


def test_what_was_taken_beside_suspects_is_given_back_when_it_is_cancelled() -> None:
    """Nothing of it has begun, so nobody is to wait for its lease."""
    service = Service(HANDLE)
    store = service.ledger = service.store = Slow(clock=service.clock)
    handler = Handler()
    router = service.code({"a": handler}, **inbox)
    suspected(service, router, 3)
    for number in range(3, 6):
        service.deliver(router, event(number))
    before = ours()
    worker = Worker(router, poll=LONG)

    async def main() -> None:
        work = asyncio.create_task(worker.arun())
        await asyncio.to_thread(reached, store.asked)
        work.cancel()
        store.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await work

    aio(main())

    states = {service.record(f"evt_{number}").state for number in range(6)}
    assert ({"pending"}, 0) == (states, handler.runs)
    assert ended(before)
    service.close()


def test_what_was_held_up_for_half_of_its_lease_is_not_begun(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Another worker might begin it as well; it is taken again."""
    service = Service(HANDLE)

    class Late(WatchedStore):
        def take_due(self, *arguments: Any) -> Any:
            taken = super().take_due(*arguments)
            if taken and not late.is_set():
                late.set()
                wait.wait(0.3)
            return taken

    late, wait, handler = threading.Event(), threading.Event(), Handler()
    store = service.ledger = Late(clock=service.clock)
    service.store = store
    router = service.code({"a": handler}, **inbox, lease=0.5)
    fill(service, router, 2)
    worker = Worker(router, poll=LONG)

    with running(worker):
        until(lambda: worker.status.handled == 2)

    assert (2, 2) == (worker.status.returned, handler.runs)
    assert "2 events are given back unbegun" in caplog.text
    assert store.count(ReadDue) > 1
    service.close()
