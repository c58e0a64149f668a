"""What a worker does when its store fails, handlers hang or break off, or a start is refused."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events._worker import engine
from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage._operations import ReadDue, ReadEvent, ReadList, Write
from stripe_events.worker import Worker, WorkerStatus
from tests.unit.recorded import HANDLE, LEASE, AsyncMemoryStore, Handler, Service, WatchedStore
from tests.unit.waiting import LIMIT, aio, ended, ours
from tests.unit.workers import LONG, Log, burst, event, fill, running, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import EventRouter

inbox: dict[str, Any] = {"delivery": "inbox"}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a store that has failed be asked again soon."""
    monkeypatch.setattr(engine, "_FIRST_PAUSE", 0.01)


def test_a_store_that_fails_is_asked_until_it_works(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """The status says so meanwhile; both are logged, once."""
    caplog.set_level("INFO")
    router = service.code({"a": Handler()}, **inbox)
    fill(service, router, 1)
    service.ledger.break_at(ReadDue, StoreError("gone fishing"))
    worker = Worker(router, poll=LONG)

    with running(worker):
        until(lambda: worker.status.state == "store failing")
        assert "StoreError: gone fishing" == worker.status.error
        assert (False, None) == (worker.status.is_healthy, worker.status.looked)
        service.ledger.break_at(ReadDue, None)
        until(lambda: worker.status.handled == 1)
        assert (True, None) == (worker.status.is_healthy, worker.status.error)
        assert worker.status.looked is not None

    assert 1 == caplog.text.count("the store gives no due events; trying again")
    assert 1 == caplog.text.count("the store gives due events again")


def test_pauses_grow_while_a_store_fails_though_the_worker_was_woken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What has woken it once does not let it ask in a loop without a pause."""
    service, asked = Service(HANDLE), Log()

    class Failing(WatchedStore):
        def take_due(self, *arguments: Any) -> Any:
            asked.add(1)
            if len(asked.entries) == 3:
                wakes[0]()
            msg = "down"
            raise StoreError(msg)

        def watch(self, scope: str, wake: Callable[[], None]) -> Any:
            wakes.append(wake)
            return super().watch(scope, wake)

    wakes: list[Callable[[], None]] = []
    pauses: list[float] = []
    until_due = engine.Engine._until_due

    async def noted(self: engine.Engine, seconds: float) -> None:
        pauses.append(seconds)
        assert len(pauses) < 50, "it asks without pauses"
        await until_due(self, seconds)

    monkeypatch.setattr(engine.Engine, "_until_due", noted)
    monkeypatch.setattr(engine, "_LONGEST_PAUSE", 0.04)
    router = service.code({"a": Handler()}, **inbox, store=Failing(clock=service.clock))

    with running(Worker(router, poll=LONG)):
        asked.wait_for(lambda entries: len(entries) >= 7)

    assert [0.01, 0.02, 0.04, 0.04, 0.04] == pauses[:5]
    service.close()


def test_a_burst_over_a_store_that_fails_at_first_empties_it(service: Service) -> None:
    """Nothing due was found only when the store has said so; also if the second look fails."""
    router = service.code({"a": Handler()}, **inbox)
    fill(service, router, 3)
    service.ledger.break_at(ReadDue, StoreError("down"))
    service.ledger.break_at(ReadList, StoreError("down"))
    worker = Worker(router)

    with running_burst(worker) as thread:
        until(lambda: worker.status.error)
        assert thread.is_alive()
        service.ledger.break_at(ReadDue, None)
        until(lambda: worker.status.handled == 3)
        until(lambda: worker.status.error)
        service.ledger.break_at(ReadList, None)

    assert ("stopped", 3, None) == (
        worker.status.state,
        worker.status.handled,
        worker.status.error,
    )


def running_burst(worker: Worker) -> Any:
    """Let a thread empty the inbox, and wait for its end."""

    class Burst:
        def __enter__(self) -> threading.Thread:
            self.thread = threading.Thread(target=worker.run, kwargs={"burst": True})
            self.thread.start()
            return self.thread

        def __exit__(self, *_: object) -> None:
            self.thread.join(LIMIT)
            assert not self.thread.is_alive()

    return Burst()


@pytest.mark.parametrize("error", [StoreError("down"), OSError("down"), TypeError("a defect")])
def test_an_end_that_cannot_be_recorded_is_left_to_the_lease(
    service: Service, error: Exception
) -> None:
    """The worker goes on with others, and with this one when its lease is over."""
    handler = Handler()

    def breaking(event: object, ctx: Any) -> None:
        handler(event, ctx)
        if handler.runs == 1:
            for kind in (Write, ReadEvent):
                service.ledger.break_at(kind, error)

    router = service.code({"a": breaking}, **inbox)
    fill(service, router, 1)

    first = burst_of_one(service, router)
    for kind in (Write, ReadEvent):
        service.ledger.break_at(kind, None)
    assert (0, 1, "claimed") == (first.handled, first.failed, service.record("evt_0").state)
    service.clock.now += LEASE
    assert 1 == burst(router).handled
    assert 2 == handler.runs


def burst_of_one(service: Service, router: EventRouter) -> WorkerStatus:
    """Work until one attempt has failed."""
    worker = Worker(router, poll=LONG)
    with running(worker):
        until(lambda: worker.status.failed == 1)
    return worker.status


def test_a_suspend_that_fails_is_left_to_the_lease(service: Service) -> None:
    """The failure itself is recorded by then."""

    class Failing(Handler):
        def __call__(self, event: object, ctx: Any) -> None:
            super().__call__(event, ctx)
            msg = "no"
            raise ValueError(msg)

    router = service.code({"a": Failing()}, **inbox)
    fill(service, router, 1)

    def refuse(*_: Any) -> Any:
        msg = "down"
        raise StoreError(msg)

    async def arefuse(*_: Any) -> Any:
        refuse()

    service.store.suspend = arefuse if service.way.awaits_store else refuse
    status = burst_of_one(service, router)

    assert (1, "claimed", "failed") == (
        status.failed,
        service.record("evt_0").state,
        service.handler("a", "evt_0").outcome,
    )


def test_a_claim_that_was_lost_is_no_success(service: Service) -> None:
    """Another worker has the event: what this one did is not recorded over it."""

    def handler(event: object) -> None:
        service.clock.now += 2 * LEASE
        code = router._compiled().ledger
        assert code is not None
        service.ledger.take_due("default", code.code, "another", LEASE, 1)

    router = service.code({"a": handler}, **inbox)
    fill(service, router, 1)

    status = burst(router)

    record = service.record("evt_0")
    assert (0, 1) == (status.handled, status.failed)
    assert ("claimed", "another") == (record.state, record.claim_id)


def test_a_store_that_refuses_its_use_ends_it(service: Service) -> None:
    """By a UsageError that says what to do; a block raises it at its end."""
    service.ledger.break_at(ReadDue, ConfigurationError("there are no tables: make them"))
    router = service.code({"a": Handler()}, **inbox)
    worker, aside, awaited = Worker(router), Worker(router), Worker(router)
    before = ours()

    with pytest.raises(ConfigurationError, match="no tables"):
        worker.run()

    def block() -> None:
        with aside:
            until(lambda: aside.status.state == "stopped")
            assert aside.status.error
            assert not aside.status.is_healthy

    async def main() -> None:
        async with awaited:
            while awaited.status.state != "stopped":  # noqa: ASYNC110 - a status tells nobody
                await asyncio.sleep(0.001)

    with pytest.raises(ConfigurationError):
        block()
    with pytest.raises(ConfigurationError):
        aio(main())
    assert ended(before)


def test_a_store_that_refuses_its_use_later_is_asked_until_it_works(service: Service) -> None:
    """A failover may be behind it: nobody is there who would start it anew."""
    router = service.code({"a": Handler()}, **inbox)
    worker = Worker(router, poll=0.01)

    with running(worker):
        until(lambda: worker.status.looked is not None)
        service.ledger.break_at(ReadDue, ConfigurationError("the server is a replica"))
        until(lambda: worker.status.state == "store failing")
        assert "ConfigurationError: the server is a replica" == worker.status.error
        service.ledger.break_at(ReadDue, None)
        fill(service, router, 1)
        until(lambda: worker.status.handled == 1)

    assert worker.status == worker.status._replace(state="stopped", error=None)


@pytest.mark.parametrize("deaf", ["the store", "the loop"])
def test_a_worker_that_gets_no_turn_is_not_healthy(
    deaf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any thread can see that: the store does not answer, or an async handler does not await."""
    monkeypatch.setattr(engine, "_SILENT", 0.05)
    service, go_on = Service(HANDLE), threading.Event()

    class Hanging(WatchedStore):
        def take_due(self, *arguments: Any) -> Any:
            if deaf == "the store":
                assert go_on.wait(LIMIT)
            return super().take_due(*arguments)

    async def handler(event: object) -> None:
        assert go_on.wait(LIMIT)

    router = service.code({"a": handler}, **inbox, store=Hanging(clock=service.clock))
    service.deliver(router, event(0))
    worker = Worker(router, poll=0.01)

    with running(worker):
        until(lambda: not worker.status.is_healthy)
        assert "no turn for 0 s: the store does not answer" in str(worker.status.error)
        go_on.set()
        until(lambda: worker.status.handled == 1)
        until(lambda: worker.status.is_healthy)

    assert (None, False) == (worker.status.error, worker.status.is_healthy)
    service.close()


def test_a_watch_that_cannot_be_begun_ends_it(service: Service) -> None:
    """A store of the user's may be wrong there; the status does not say that all is well."""

    def watch(*_: Any) -> Any:
        msg = "no watches today"
        raise TypeError(msg)

    service.store.watch = watch
    worker = Worker(service.code({"a": Handler()}, **inbox))

    with pytest.raises(TypeError, match="no watches"), worker:
        until(lambda: worker.status.state == "stopped")
    assert not worker.status.is_healthy


def test_a_store_that_cancels_itself_has_failed() -> None:
    """Some clients let a cancellation of their own through: nobody asked the worker to end."""
    service = Service(HANDLE)

    class Cancelling(AsyncMemoryStore):
        def __init__(self, memory: Any) -> None:
            super().__init__(memory)
            self.times = {"take_due": 2, "finish_each": 1}

        def check(self, verb: str) -> None:
            self.times[verb] -= 1
            if self.times[verb] >= 0:
                raise asyncio.CancelledError

        async def take_due(self, *arguments: Any) -> Any:
            self.check("take_due")
            return await super().take_due(*arguments)

        async def finish_each(self, endings: Any) -> Any:
            self.check("finish_each")
            return [await self.finish(*ending) for ending in endings]

    router = service.code({"a": Handler()}, **inbox, store=Cancelling(service.ledger))
    fill_awaited(service, router)
    worker = Worker(router, poll=0.01)

    with running(worker):
        until(lambda: worker.status.failed + worker.status.handled == 12)
    service.clock.now += LEASE
    assert worker.status.failed == burst(router).handled
    service.close()


def fill_awaited(service: Service, router: EventRouter) -> None:
    """Fill the inbox of a router whose store is awaited."""

    async def main() -> None:
        for number in range(12):
            await router.aprocess(event(number))

    aio(main())
