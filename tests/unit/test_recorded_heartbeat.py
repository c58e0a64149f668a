"""How leases are kept from ending while somebody works (LEDGER section 3)."""

from __future__ import annotations

import asyncio
import math
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events._delivery.heartbeat import Heartbeat
from stripe_events.errors import StoreError
from stripe_events.storage import Claim, MemoryStore
from stripe_events.storage._operations import ExtendLeases
from tests.unit.deliveries import signed, snapshot
from tests.unit.recorded import AHANDLE, Died, Handler, Service, only_handle
from tests.unit.waiting import LIMIT, aio, ended, ours, reached, turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events import Context, EventRouter

SHORT = 0.03
"""Seconds; a lease whose beats come every ten milliseconds."""

A, B = Claim("default", "evt_a", 1, "x"), Claim("default", "evt_b", 1, "y")
NEVER = math.inf


class Extending:
    """What a heartbeat needs of a store: writes down what it is asked, and may raise or lose."""

    def __init__(self, *errors: BaseException) -> None:
        """Take what the first calls raise."""
        self._errors = list(errors)
        self.lost: list[Claim] = []
        self.calls: list[list[Claim]] = []
        self.loops: set[Any] = set()
        self._called = threading.Condition()

    def extend(self, claims: Sequence[Claim], lease: float) -> list[Claim]:
        """Extend leases."""
        with self._called:
            self.calls.append(list(claims))
            self._called.notify_all()
        if self._errors:
            raise self._errors.pop(0)
        return self.lost

    def wait_for(self, *claims: Claim) -> None:
        """Wait until exactly these have been extended from now on."""
        with self._called:
            after = len(self.calls)
            assert self._called.wait_for(lambda: list(claims) in self.calls[after:], LIMIT)


class AsyncExtending(Extending):
    """The same, awaited."""

    async def extend(self, claims: Sequence[Claim], lease: float) -> list[Claim]:  # type: ignore[override]
        """Extend leases."""
        self.loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return super().extend(claims, lease)


@pytest.fixture(params=[Extending, AsyncExtending])
def store(request: pytest.FixtureRequest) -> Extending:
    """Give what is extended, of either kind."""
    made: Extending = request.param()
    return made


def heartbeat_of(store: Extending) -> Heartbeat:
    """Give a quick heartbeat of it."""
    return Heartbeat(store, SHORT, is_async=isinstance(store, AsyncExtending))


def heartbeat_in(router: EventRouter) -> Heartbeat:
    """Give the one of a router."""
    ledger = router._compiled().ledger
    assert ledger is not None
    return ledger.heartbeat


def test_the_claim_of_a_long_handler_is_kept_alive(service: Service) -> None:
    """Long after its lease would have been over, a second delivery is told to wait."""

    def long(event: object) -> None:
        for _ in range(10):
            service.clock.now += SHORT / 2
            service.ledger.wait_for(ExtendLeases, 2)
        outcomes.append(service.deliver(service.code({"a": Handler()})).outcome)

    outcomes: list[Outcome] = []
    router = service.code({"a": long}, lease=SHORT)

    assert Outcome.HANDLED == service.deliver(router).outcome
    assert [Outcome.BUSY] == outcomes
    assert 1 == service.record().token


def test_the_claim_of_a_rescued_event_is_kept_alive_too(service: Service) -> None:
    """Its handlers have fifteen minutes."""
    service.die({"a": Handler(Died())})

    def long(event: object) -> None:
        service.ledger.wait_for(ExtendLeases, 2)

    assert 1 == service.rescue(service.code({"a": long}, lease=SHORT)).handled


def test_all_claims_are_extended_by_one_statement(store: Extending) -> None:
    """On one connection, however many events are worked on."""
    heartbeat = heartbeat_of(store)
    heartbeat.add(A, NEVER)
    heartbeat.add(B, NEVER)

    store.wait_for(A, B)

    heartbeat.stop()
    assert ended()


def test_a_claim_is_left_alone_when_its_time_limit_is_over(store: Extending) -> None:
    """A handler that hangs does not keep its event for ever."""
    heartbeat = heartbeat_of(store)
    heartbeat.add(A, monotonic() - 1)
    heartbeat.add(B, NEVER)

    store.wait_for(B)

    heartbeat.stop()
    assert all(A not in call for call in store.calls)


def test_the_time_limit_of_a_delivery_bounds_its_heartbeat(service: Service) -> None:
    """A handler that goes on longer can be taken over."""

    def handler(event: object, ctx: Context) -> None:
        (end,) = heartbeat_in(router)._ends.values()
        over.append(end - monotonic() - ctx.remaining())

    over: list[float] = []
    router = service.code({"a": handler})

    assert Outcome.HANDLED == service.deliver(router).outcome
    assert [pytest.approx(0.0, abs=1.0)] == over


def test_nothing_is_extended_once_nothing_is_worked_on(store: Extending) -> None:
    """The thread sleeps until there is something again, and then goes on."""
    heartbeat = heartbeat_of(store)
    heartbeat.add(A, NEVER)
    store.wait_for(A)
    heartbeat.remove(A)
    heartbeat.remove(A)  # unknown by now, which is ignored
    (thread,) = ours()
    heartbeat.add(B, NEVER)

    store.wait_for(B)

    assert [thread] == ours()
    heartbeat.stop()
    assert [] not in store.calls


class Counting(threading.Condition):
    """Counts how often it wakes others, and tells when one waits without end."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        super().__init__()
        self.waits = threading.Event()
        self.woken = 0

    def wait(self, timeout: float | None = None) -> bool:
        """Wait as ever."""
        if timeout is None:
            self.waits.set()
        return super().wait(timeout)

    def notify_all(self) -> None:
        """Wake as ever."""
        self.woken += 1
        super().notify_all()


def test_a_thread_that_sleeps_is_woken_once_for_many_short_claims() -> None:
    """Each time would cost a delivery more than all else that the ledger does for it."""
    heartbeat = heartbeat_of(Extending())
    heartbeat._changed = changed = Counting()
    heartbeat.add(A, NEVER)
    heartbeat.remove(A)
    reached(changed.waits)
    heartbeat._lease, changed.woken = LIMIT, 0

    for _ in range(100):
        heartbeat.add(A, NEVER)
        heartbeat.remove(A)

    assert 1 == changed.woken
    heartbeat.stop()
    assert ended()


@pytest.mark.parametrize("error", [StoreError("refused"), OSError("broken"), Died()])
def test_a_store_that_fails_is_asked_again_at_the_next_beat(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread outlives whatever a store raises."""
    store = Extending(error, error)
    heartbeat = heartbeat_of(store)
    heartbeat.add(A, NEVER)

    for _ in range(3):
        store.wait_for(A)

    heartbeat.stop()
    assert "leases could not be extended; trying again" in caplog.text


def test_a_claim_that_was_lost_is_not_extended_again(
    store: Extending, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has taken it over; the operator reads of it."""
    heartbeat = heartbeat_of(store)
    store.lost = [A]
    heartbeat.add(A, NEVER)
    heartbeat.add(B, NEVER)

    store.wait_for(A, B)
    store.wait_for(B)

    heartbeat.stop()
    assert "the claim on evt_a was lost while it was worked on" in caplog.text


def test_a_claim_that_is_settled_during_a_beat_is_not_called_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The store has it as done already, and the delivery has not let go of it yet."""

    class Settling(Extending):
        def extend(self, claims: Sequence[Claim], lease: float) -> list[Claim]:
            if self.calls:
                heartbeat.remove(A)
            return super().extend(claims, lease)

    store = Settling()
    heartbeat = heartbeat_of(store)
    store.lost = [A]
    heartbeat.add(A, NEVER)
    heartbeat.add(B, NEVER)

    store.wait_for(B)

    heartbeat.stop()
    assert "" == caplog.text


def test_an_async_store_is_extended_on_one_loop_of_the_heartbeats_own() -> None:
    """Its connection there lives across beats, and deliveries on other loops never wait."""
    store = AsyncExtending()
    heartbeat = heartbeat_of(store)
    heartbeat.add(A, NEVER)

    for _ in range(3):
        store.wait_for(A)

    heartbeat.stop()
    assert 1 == len(store.loops)
    assert all(loop.is_closed() for loop in store.loops)


def test_a_delivery_that_the_lease_covers_needs_no_heartbeat(service: Service) -> None:
    """As on Lambda, which freezes the process after the answer, and threads with it."""

    def handler(event: object) -> None:
        threads.extend(thread.name for thread in ours())
        lease.append(service.record().lease_until - service.clock.now)

    threads: list[str] = []
    lease: list[float] = []
    router = service.code({"a": handler})
    body, headers = signed(snapshot())
    if service.way.is_async:
        aio(router.ahandle(body, headers, time_limit=5.0))
    else:
        router.handle(body, headers, time_limit=5.0)

    assert [7.0] == lease
    assert "stripe-events-heartbeat" not in threads


def test_the_heartbeat_ends_with_the_router() -> None:
    """Also one that a handler still needs would: its lease runs out."""
    service = Service(AHANDLE)
    service.deliver(service.code({"a": Handler()}))
    assert "stripe-events-heartbeat" in [thread.name for thread in ours()]

    service.close()

    assert [] == ours()


def test_a_loop_goes_on_while_its_router_waits_for_the_heartbeat() -> None:
    """A store that does not answer holds up the shutdown for a while, nobody else."""

    class Hanging(MemoryStore):
        def extend(self, claims: Sequence[Claim], lease: float) -> list[Claim]:
            asked.set()
            assert answer.wait(LIMIT)
            return []

    async def close() -> None:
        await router.aclose(wait=0)
        ended_in_order.append("router")

    async def release() -> None:
        await turns(lambda: heartbeat._thread is None)
        ended_in_order.append("store")
        answer.set()

    async def main() -> None:
        await asyncio.gather(close(), release())

    asked, answer = threading.Event(), threading.Event()
    ended_in_order: list[str] = []
    service = Service(AHANDLE)
    router = service.code({"a": lambda _: reached(asked)}, store=Hanging(), lease=SHORT * 100)
    heartbeat = heartbeat_in(router)
    service.deliver(router)

    aio(main())

    assert ["store", "router"] == ended_in_order
    assert ended()


def test_a_heartbeat_can_be_stopped_before_it_began() -> None:
    """A router that is closed unused."""
    heartbeat = heartbeat_of(Extending())

    heartbeat.stop()
    heartbeat.stop()

    assert ended()


@only_handle
def test_what_ends_a_thread_ends_its_heartbeat(service: Service) -> None:
    """The process lives on, but nobody works on the event any more: the lease is to end."""
    router = service.code({"a": Handler(KeyboardInterrupt())})

    with pytest.raises(KeyboardInterrupt) as raised:  # its traceback keeps all frames
        service.deliver(router)

    assert {} == heartbeat_in(router)._ends
    assert raised
