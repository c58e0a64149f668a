"""Shutdowns and disconnects while events are claimed: nothing acknowledged, nothing run twice."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events.storage import Claim, MemoryStore, Release
from stripe_events.storage._operations import ReadEvent
from tests.unit.deliveries import signed, snapshot
from tests.unit.recorded import AsyncMemoryStore, Died, Handler, only_async, only_handle
from tests.unit.waiting import LIMIT, aio, reached, turns

if TYPE_CHECKING:
    from stripe_events import Context, EventRouter, WebhookResponse
    from stripe_events._recording import Rescued
    from tests.unit.recorded import Service


class Hanging:
    """An async handler that hangs until it is cancelled."""

    def __init__(self) -> None:
        """Start nothing."""
        self.started = threading.Event()
        self.cleaned_up = 0

    async def __call__(self, event: object) -> None:
        """Hang."""
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.cleaned_up += 1


def stopped(service: Service, router: EventRouter, handler: Hanging) -> WebhookResponse:
    """Close the router while the handler hangs, and give what Stripe was answered."""
    answer = service.threads.submit(service.deliver, router)
    reached(handler.started)
    router.close(wait=0)
    return answer.result(LIMIT)


def test_a_running_async_handler_is_cancelled_and_its_claim_given_back(service: Service) -> None:
    """Uncounted, when its clean-up is over; Stripe is told to come again."""
    handler = Hanging()

    response = stopped(service, service.code({"a": handler}), handler)

    assert (503, Outcome.DRAINING) == (response.status, response.outcome)
    assert (1, "pending", 0) == (
        handler.cleaned_up,
        service.record().state,
        service.handler().attempts,
    )
    again = Handler()
    assert Outcome.HANDLED == service.deliver(service.code({"a": again})).outcome
    assert [1] == again.attempts


def test_what_ran_before_the_shutdown_stays_recorded(service: Service) -> None:
    """Only the cancelled handler, and what follows it, is left."""
    handler, later = Hanging(), Handler()
    before = Handler()

    stopped(service, service.code({"a": before, "b": handler, "c": later}), handler)

    assert {"a": "succeeded", "b": "planned", "c": "planned"} == service.outcomes()
    assert (1, 0) == (before.runs, later.runs)


class SlowStore(MemoryStore):
    """A ledger that takes its time to take a claim back."""

    begun, go_on = threading.Event(), threading.Event()

    def give_back(self, claim: Claim, release: Release) -> None:
        """Wait first."""
        self.begun.set()
        reached(self.go_on)
        super().give_back(claim, release)


class SlowAsyncStore(AsyncMemoryStore):
    """The same, awaited."""

    begun, go_on = threading.Event(), threading.Event()

    async def give_back(self, claim: Claim, release: Release) -> None:
        """Wait first."""
        self.begun.set()
        await asyncio.to_thread(reached, self.go_on)
        await super().give_back(claim, release)


@only_async
def test_a_claim_is_given_back_however_slow_the_store_is(service: Service) -> None:
    """The step is shielded: another cancellation does not cut it short."""

    async def main() -> WebhookResponse:
        delivery = asyncio.create_task(router.ahandle(*signed(snapshot())))
        await turns(handler.started.is_set)
        closing = asyncio.create_task(router.aclose(wait=0))
        await turns(store.begun.is_set)
        router._drivers._driver().cancel()
        await asyncio.sleep(0)
        store.go_on.set()
        await closing
        return await delivery

    handler = Hanging()
    store: Any = SlowStore(clock=service.clock)
    if service.way.awaits_store:
        memory, store = store, SlowAsyncStore(store)
    else:
        memory = store
    router = service.code({"a": handler}, store=store)

    response: WebhookResponse = aio(main())

    assert Outcome.DRAINING == response.outcome
    assert "pending" == memory.get("default", "evt_1").record.state


def test_a_handler_that_gave_its_answer_is_acknowledged_though_others_are_cancelled(
    service: Service,
) -> None:
    """Stripe does not come again, so what is left is the inbox's."""
    handler = Hanging()

    def answering(event: object, ctx: Context) -> None:
        ctx.respond({"approved": True})

    response = stopped(service, service.code({"answering": answering, "b": handler}), handler)

    record = service.record()
    assert (200, b'{"approved": true}') == (response.status, response.body)
    assert ("pending", "inbox", service.clock.now) == (record.state, record.lane, record.due)


@only_async
def test_a_sync_handler_that_still_runs_keeps_its_claim(service: Service) -> None:
    """Its thread cannot be stopped: were the claim given back, it could run twice at once."""
    running, go_on = threading.Event(), threading.Event()

    def handler(event: object) -> None:
        running.set()
        reached(go_on)

    async def main() -> WebhookResponse:
        delivery = asyncio.create_task(router.ahandle(*signed(snapshot())))
        await turns(running.is_set)
        await router.aclose(wait=0)
        return await delivery

    router = service.code({"a": handler})
    response: WebhookResponse = aio(main())

    assert (503, "claimed") == (response.status, service.record().state)
    assert Outcome.BUSY == service.deliver(service.code({"a": Handler()})).outcome
    go_on.set()


@only_handle
def test_a_sync_handler_is_recorded_by_the_thread_that_runs_it(service: Service) -> None:
    """Its router was closed meanwhile; those after it do not start, and are given back."""
    running, go_on = threading.Event(), threading.Event()

    def handler(event: object) -> None:
        running.set()
        reached(go_on)

    later = Handler()
    router = service.code({"a": handler, "b": later})
    answer = service.threads.submit(service.deliver, router)
    reached(running)
    router.close(wait=0)
    go_on.set()

    assert Outcome.DRAINING == answer.result(LIMIT).outcome
    assert {"a": "succeeded", "b": "planned"} == service.outcomes()
    assert ("pending", 0) == (service.record().state, later.runs)


def test_a_delivery_after_the_shutdown_claims_nothing(service: Service) -> None:
    """It is told to come again."""
    router = service.code({"a": Handler()})
    router.close(wait=0)

    assert (503, False) == (service.deliver(router).status, service.has())


def test_a_waiting_twin_is_sent_away_by_a_shutdown(service: Service) -> None:
    """It has claimed nothing, so nothing is lost."""
    service.die({"a": Handler(Died())})
    service.clock.now -= 1
    router = service.code({"a": Handler()}, busy_wait=LIMIT)
    twin = service.threads.submit(service.deliver, router)
    service.ledger.wait_for(ReadEvent, 2)

    router.close(wait=0)

    assert Outcome.DRAINING == twin.result(LIMIT).outcome


@only_async
def test_a_disconnect_does_not_cancel_the_handler(service: Service) -> None:
    """The client is gone, the event is handled."""

    async def handler(event: object) -> None:
        running.set()
        await go_on.wait()

    async def main() -> None:
        delivery = asyncio.create_task(router.ahandle(*signed(snapshot())))
        await running.wait()
        delivery.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivery
        go_on.set()
        await router.aclose()

    running, go_on = asyncio.Event(), asyncio.Event()
    router = service.code({"a": handler})
    aio(main())

    assert {"a": "succeeded"} == service.outcomes()


@only_async
def test_a_disconnect_during_the_accept_cancels_nothing(service: Service) -> None:
    """The event may be recorded by then: it is worked on."""

    async def main() -> None:
        delivery = asyncio.create_task(router.ahandle(*signed(snapshot())))
        await turns(lambda: service.ledger.count(ReadEvent))
        delivery.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivery
        await router.aclose()

    router = service.code({"a": Handler()})
    aio(main())

    assert {"a": "succeeded"} == service.outcomes()


def rescuing(service: Service, router: EventRouter) -> Any:
    """Let ``evt_1`` be due, and start its rescue in another thread."""
    service.die({"a": Handler(Died())})
    return service.threads.submit(service.rescue, router)


def test_a_rescue_that_is_stopped_gives_its_claim_back_for_the_next_one(service: Service) -> None:
    """It is due at once: nobody else may come for it for days."""
    handler = Hanging()
    router = service.code({"a": handler})
    rescue = rescuing(service, router)
    reached(handler.started)

    router.close(wait=0)

    assert (0, 0, 0, 0) == rescue.result(LIMIT)
    record = service.record()
    assert ("pending", service.clock.now) == (record.state, record.due)
    again = Handler()
    assert 1 == service.rescue(service.code({"a": again})).handled
    assert [2] == again.attempts  # the first one died, the second was not counted


def test_a_rescue_by_a_closed_router_runs_nothing(service: Service) -> None:
    """And claims nothing."""
    service.die({"a": Handler(Died())})
    router = service.code({"a": Handler()})
    router.close(wait=0)

    assert (0, 0, 0, 0) == service.rescue(router)
    assert (1, 0) == (service.record().token, service.handler().abandoned)


@only_async
def test_cancelling_a_rescue_stops_the_waiting_not_the_handler(service: Service) -> None:
    """As with a delivery."""

    async def handler(event: object) -> None:
        running.set()
        await go_on.wait()

    async def main() -> None:
        rescue: asyncio.Task[Rescued] = asyncio.create_task(router.arescue())
        await running.wait()
        rescue.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rescue
        go_on.set()
        await router.aclose()

    running, go_on = asyncio.Event(), asyncio.Event()
    service.die({"a": Handler(Died())})
    router = service.code({"a": handler})
    aio(main())

    assert {"a": "succeeded"} == service.outcomes()


@only_async
def test_cancelling_a_rescue_that_is_claiming_leaves_nothing_claimed(service: Service) -> None:
    """The claim may be made by then: the event is worked on, and its handler not blamed."""

    async def main() -> None:
        rescue: asyncio.Task[Rescued] = asyncio.create_task(router.arescue())
        await asyncio.to_thread(reached, claimed)
        rescue.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rescue
        go_on.set()
        await router.aclose()

    claimed, go_on = threading.Event(), threading.Event()
    service.die({"a": Handler(Died())})
    service.store = _slowly_claiming(service, claimed, go_on)
    router = service.code({"a": Handler()})
    aio(main())

    assert {"a": "succeeded"} == service.outcomes()


def _slowly_claiming(service: Service, claimed: threading.Event, go_on: threading.Event) -> Any:
    """Give the store, whose answer to ``take_due`` is on its way until it may go on."""

    class Slow(MemoryStore):
        def take_due(self, *arguments: Any) -> Any:
            taken = service.ledger.take_due(*arguments)
            claimed.set()
            reached(go_on)
            return taken

        def _perform(self, operation: Any) -> Any:
            return service.ledger._perform(operation)

    class AsyncSlow(AsyncMemoryStore):
        async def take_due(self, *arguments: Any) -> Any:
            taken = await super().take_due(*arguments)
            claimed.set()
            await asyncio.to_thread(reached, go_on)
            return taken

    return AsyncSlow(service.ledger) if service.way.awaits_store else Slow()
