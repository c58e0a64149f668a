"""Handlers that take long, hang, or break off: claims are extended, up to the time limit."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events._worker import engine
from stripe_events.worker import Worker
from tests.unit.recorded import HANDLE, LEASE, Handler, Service, WatchedStore
from tests.unit.waiting import LIMIT, ended, ours
from tests.unit.workers import LONG, Gate, Log, burst, event, fill, running, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import EventRouter

inbox: dict[str, Any] = {"delivery": "inbox"}


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_handler_that_exits_breaks_off_its_event_alone(
    service: Service, is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """``sys.exit()`` in a handler: its lease runs out, as if its process had died."""

    def handler(event: Any) -> None:
        if event.id == "evt_0":
            raise SystemExit(3)

    async def async_handler(event: Any) -> None:
        await asyncio.sleep(0)
        handler(event)

    async def eager_handler(event: Any) -> None:
        handler(event)

    for number, function in enumerate([handler, async_handler, eager_handler]):
        if (number == 0) == is_async:
            continue
        router = service.code({"a": function}, **inbox, scope=f"scope {number}")
        fill(service, router, 3)

        status = burst(router, concurrency=2)

        assert ("stopped", 2, 1) == (status.state, status.handled, status.failed)
        assert "claimed" == service.record("evt_0", f"scope {number}").state
    assert "SystemExit" in caplog.text


def test_a_handler_that_always_exits_is_dead_in_the_end(service: Service) -> None:
    """After as many leases as are allowed to run out."""

    def handler(event: Any) -> None:
        raise SystemExit

    router = service.code({"a": handler}, **inbox, max_abandoned=2)
    fill(service, router, 1)

    for _ in range(2):
        assert 0 == burst(router).handled
        service.clock.now += LEASE + 1
    burst(router)
    assert "dead" == service.record("evt_0").state


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_handler_that_cancels_itself_has_failed(service: Service, is_async: bool) -> None:
    """Nobody else has asked for it, so the worker goes on."""

    def handler(event: Any) -> None:
        raise asyncio.CancelledError

    async def async_handler(event: Any) -> None:
        handler(event)

    router = service.code({"a": async_handler if is_async else handler}, **inbox)
    fill(service, router, 1)

    assert (0, 1) == (burst(router)[3], service.handler("a", "evt_0").attempts)
    assert "failed" == service.record("evt_0").state


def test_ctrl_c_in_a_handler_ends_it_soon() -> None:
    """As the real one would that comes in the midst of async code; the lease covers the event."""
    service = Service(HANDLE)

    async def handler(event: Any) -> None:
        raise KeyboardInterrupt

    router = service.code({"a": handler}, **inbox)
    fill(service, router, 1)
    before = ours()

    began = monotonic()
    with pytest.raises(KeyboardInterrupt):
        Worker(router, stop_within=LONG).run(burst=True)
    assert monotonic() - began < LIMIT

    assert "claimed" == service.record("evt_0").state
    assert ended(before)
    service.close()


class Hung:
    """Handlers that hang: for ever, as far as the worker is concerned."""

    def __init__(self) -> None:
        """Let all hang but what is said otherwise."""
        self.gate, self.log = Gate(), Log()

    def __call__(self, event: Any) -> None:
        """Hang, or write down the event."""
        if event.id in {"evt_0", "evt_1", "evt_2"}:
            self.gate(event)
        else:
            self.log.add(event.id)


def test_a_hung_handler_frees_its_place(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Beyond its time limit it does not count as running; that is told, and stands in the log."""
    monkeypatch.setattr(engine, "_OVERTIME", 0.01)
    service, hung = Service(HANDLE), Hung()
    router = service.code({"a": hung}, **inbox)
    service.deliver(router, event(0))
    worker = Worker(router, concurrency=1, poll=0.01, time_limit=0.02, stop_within=0)

    with running(worker):
        hung.gate.wait_for(1)
        service.deliver(router, event(7))
        hung.log.wait_for(lambda ids: ids == ["evt_7"])
        until(lambda: worker.status.handled == 1)
        assert ("working", 1, 1) == worker.status[:3]
        assert worker.status.is_healthy
        hung.gate.open()
        until(lambda: worker.status.overtime == 0)

    assert "run beyond the time limit" in caplog.text
    service.close()


def test_with_too_many_in_overtime_nothing_more_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not healthy then: a supervisor should start it anew. What ends makes room again."""
    monkeypatch.setattr(engine, "_OVERTIME", 0.01)
    service, hung = Service(HANDLE), Hung()
    router = service.code({"a": hung}, **inbox)
    fill(service, router, 3)
    worker = Worker(router, concurrency=1, poll=0.01, time_limit=0.02, stop_within=0)

    with running(worker):
        until(lambda: worker.status.overtime == 3)
        service.deliver(router, event(7))
        assert not worker.status.is_healthy
        assert "3 handlers run beyond their time limit" in str(worker.status.error)
        assert [] == hung.log.entries
        hung.gate.open()
        hung.log.wait_for(lambda ids: ids == ["evt_7"])
        until(lambda: worker.status.is_healthy)

    service.close()


class Beaten(WatchedStore):
    """A store that tells when leases were extended."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """Have extended none."""
        super().__init__(clock=clock)
        self.beats = Log()

    def extend(self, claims: Any, lease: float) -> Any:
        """Extend, and tell."""
        lost = super().extend(claims, lease)
        self.beats.add([claim.id for claim in claims])
        return lost


def beaten(service: Service, handler: Any, lease: float) -> tuple[EventRouter, Log]:
    """Give a router with short leases, and what tells of its heartbeat."""
    service.ledger = Beaten(clock=service.clock)
    service.store = service.ledger
    return service.code({"a": handler}, **inbox, lease=lease), service.ledger.beats


def test_claims_are_extended_while_handlers_run() -> None:
    """Several times per lease; closing the router does not end that."""
    service, gate = Service(HANDLE), Gate()
    router, beats = beaten(service, gate, lease=0.06)
    fill(service, router, 2)

    with Worker(router, poll=LONG) as worker:
        gate.wait_for(2)
        beats.wait_for(lambda entries: ["evt_0", "evt_1"] in map(sorted, entries))
        router.close(wait=0)
        seen = len(beats.entries)
        beats.wait_for(lambda entries: len(entries) > seen + 2)
        gate.open()
        until(lambda: worker.status.handled == 2)

    assert [] == [one.name for one in ours() if "heartbeat" in one.name]
    service.close()


def test_the_end_of_a_worker_does_not_end_the_heartbeat_of_the_router() -> None:
    """Each has its own."""
    service, gate = Service(HANDLE), Gate()
    router, beats = beaten(service, Handler(), lease=0.06)
    router.on("charge.failed", name="b", delivery="inline")(gate)
    inline = service.threads.submit(service.deliver, router, event(5, type="charge.failed"))
    gate.wait_for(1)

    fill(service, router, 1)
    assert 1 == burst(router).handled
    seen = len(beats.entries)
    beats.wait_for(lambda entries: ["evt_5"] in entries[seen:])

    gate.open()
    assert 200 == inline.result(LIMIT).status
    service.close()


def test_heartbeats_end_at_the_time_limit() -> None:
    """So that another worker can have the event of a handler that hangs."""
    service, gate = Service(HANDLE), Gate()
    router, beats = beaten(service, gate, lease=0.03)
    fill(service, router, 1)
    worker = Worker(router, poll=LONG, time_limit=0.2, stop_within=0)

    with running(worker):
        beats.wait_for(lambda entries: entries)
        heartbeat = worker._engine._ledger.heartbeat  # type: ignore[union-attr]
        until(lambda: not heartbeat._ends)
        service.clock.now += 1
        other = Handler()
        assert 1 == burst(service.code({"a": other}, **inbox)).handled
        gate.open()
        until(lambda: worker.status.failed == 1)

    assert ("done", 1) == (service.record("evt_0").state, other.runs)
    service.close()
