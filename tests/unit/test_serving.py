"""What servers and adapters ask of a router: open, refuse, a lease for one delivery."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events.errors import (
    AsyncStoreError,
    ConfigurationError,
    DuplicateHandler,
    LengthRequired,
    UsageError,
)
from stripe_events.observers import Rejected
from stripe_events.storage import MemoryStore
from tests.unit.both_ways import Deliver, both, pass_through_async
from tests.unit.deliveries import router, signed, snapshot
from tests.unit.recorded import AsyncMemoryStore
from tests.unit.waiting import aio, ended, ours

if TYPE_CHECKING:
    from stripe_events import WebhookResponse


@both
def test_a_closed_router_opens_again(deliver: Deliver) -> None:
    """With new threads and a new loop, for handlers of both kinds."""
    others = ours()
    serves = router(store=MemoryStore())
    seen: list[str] = []

    @serves.on_any(name="async")
    async def wait_for(event: Any) -> None:
        seen.append("async")

    serves.on_any(name="sync")(lambda event: seen.append("sync"))
    for number in range(3):
        serves.open()
        payload = snapshot(id=f"evt_{number}")
        assert Outcome.HANDLED is deliver(serves, payload).outcome
        serves.close()
        assert Outcome.DRAINING is deliver(serves, payload).outcome
        assert ended(but=others)
    assert ["async", "sync"] * 3 == seen


def test_opening_an_open_router_changes_nothing() -> None:
    """What is under way goes on and is waited for."""
    serves = router()
    outcomes: list[Any] = []

    @serves.on_any(name="opening")
    def opening(event: Any) -> None:
        serves.open()
        closing = threading.Thread(target=serves.close)
        closing.start()
        closing.join(0.05)
        outcomes.append(closing.is_alive())

    serves.handle(*signed(snapshot()))
    assert [True] == outcomes


def test_opening_says_what_the_first_delivery_would() -> None:
    """A name that two handlers have, at start-up."""
    serves, other = router(), EventRouter()
    for each in (serves, other):
        each.on_any(name="twice")(lambda event: None)
    serves.include(other)
    with pytest.raises(DuplicateHandler):
        serves.open()


def test_what_cannot_be_read_is_refused_as_other_deliveries_are() -> None:
    """Observers are told, the answer is that of the error."""
    serves = router()
    told: list[Any] = []
    serves.observe(Rejected)(told.append)
    error = LengthRequired("no length")
    response = serves.reject(error)
    assert (Outcome.LENGTH_REQUIRED, 411, error) == (
        response.outcome,
        response.status,
        response.error,
    )
    assert [error] == [record.error for record in told]


def test_the_limit_of_bodies_can_be_asked_for() -> None:
    """In bytes, for adapters to read no more."""
    assert (4 * 1024 * 1024, 10) == (
        router().max_body_bytes,
        router(max_body_bytes=10).max_body_bytes,
    )


def test_what_could_serve_nothing_is_refused() -> None:
    """Before the first delivery, by what is known then."""
    awaited = router(store=AsyncMemoryStore(MemoryStore()))
    layered = router()
    layered.on_any(name="any")(lambda event: None)
    layered.middleware(pass_through_async)
    for serves in (awaited, layered):
        serves.check_servable(is_async=True)
    with pytest.raises(AsyncStoreError):
        awaited.check_servable()
    with pytest.raises(UsageError, match="async middleware"):
        layered.check_servable()
    with pytest.raises(ConfigurationError, match="no secrets"):
        EventRouter().check_servable(is_async=True)
    EventRouter().check_servable(is_verified=False)


def test_checking_freezes_nothing() -> None:
    """Handlers may be registered after an adapter was made."""
    serves = router()
    serves.check_servable()
    serves.on_any(name="late")(lambda event: None)
    assert Outcome.HANDLED is serves.handle(*signed(snapshot())).outcome


def beats() -> int:
    """Count the threads that extend leases."""
    return sum(thread.name == "stripe-events-heartbeat" for thread in threading.enumerate())


def handle(serves: EventRouter, **options: float) -> WebhookResponse:
    """Deliver in this thread, signed."""
    return serves.handle(*signed(snapshot()), **options)


def ahandle(serves: EventRouter, **options: float) -> WebhookResponse:
    """Deliver on a loop, signed."""
    response: WebhookResponse = aio(serves.ahandle(*signed(snapshot()), **options))
    return response


def process(serves: EventRouter, **options: float) -> WebhookResponse:
    """Deliver in this thread, trusted."""
    return serves.process(snapshot(), **options)


def aprocess(serves: EventRouter, **options: float) -> WebhookResponse:
    """Deliver on a loop, trusted."""
    response: WebhookResponse = aio(serves.aprocess(snapshot(), **options))
    return response


@pytest.mark.parametrize("way", [handle, ahandle, process, aprocess])
@pytest.mark.parametrize(
    ("options", "lease", "threads"),
    [
        ({"time_limit": 600.0, "lease": 602.0}, 602.0, 0),
        ({"time_limit": 600.0, "lease": 601.0}, 601.0, 1),
        ({"time_limit": 600.0}, 30.0, 1),
        ({"time_limit": 5.0}, 7.0, 0),
    ],
)
def test_a_delivery_may_have_a_lease_of_its_own(
    way: Any, options: dict[str, float], lease: float, threads: int
) -> None:
    """One that outlasts what handlers may take needs no thread to extend it."""
    store = MemoryStore(clock=lambda: 1_000.0)
    serves = router(store=store)
    seen: list[Any] = []

    @serves.on_any(name="looking")
    def looking(event: Any) -> None:
        seen.append((store._events["default", event.id].lease_until, beats()))

    way(serves, **options)
    serves.close()
    assert [(1_000.0 + lease, threads)] == seen


def test_a_router_that_is_being_closed_cannot_be_opened() -> None:
    """Or the rest of the closing would end what the opening has begun."""
    serves = router()
    closing = threading.Thread(target=serves.close)
    refused: list[str] = []

    @serves.on("charge.succeeded", name="slow")
    def slow(event: Any) -> None:
        closing.start()
        while serves.process(snapshot("charge.failed")).outcome is not Outcome.DRAINING:
            pass
        with pytest.raises(UsageError) as caught:
            serves.open()
        refused.append(str(caught.value))

    assert Outcome.HANDLED is serves.process(snapshot()).outcome
    closing.join()
    assert ["the router is being closed: open it when close() has returned"] == refused
    serves.open()
    assert Outcome.IGNORED is serves.process(snapshot("charge.failed")).outcome
