"""Two versions of the code at once, and a switch between inline and inbox."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.errors import HandlerMissing
from stripe_events.storage import Enqueued
from tests.unit.deliveries import deliver, router, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stripe_events import Context, EventRouter
    from tests.stores.faults.places import Place


class Bank:
    """What handlers need; it is offline at first."""

    def __init__(self) -> None:
        """Have seen nobody."""
        self.is_online = False
        self.calls: list[str] = []
        self.keys: set[str] = set()

    def handler(self, name: str) -> Callable[[Any, Context], None]:
        """Give a handler that calls it."""

        def call(event: Any, ctx: Context) -> None:
            self.calls.append(name)
            self.keys.add(ctx.idempotency_key)
            if not self.is_online:
                raise ConnectionError("bank offline")

        return call


@pytest.fixture
def bank() -> Bank:
    """Give one that is offline."""
    return Bank()


@pytest.fixture
def versions(place: Place, bank: Bank) -> Iterator[tuple[EventRouter, EventRouter]]:
    """Give the old code, and the new one, which renames a handler and has one more."""
    stores = place.store(), place.store()
    old, new = router(store=stores[0]), router(store=stores[1])
    old.on("charge.succeeded", name="pay")(bank.handler("pay"))
    new.on("charge.succeeded", name="payout", formerly="pay")(bank.handler("payout"))
    new.on("charge.succeeded", name="thank")(lambda event: bank.calls.append("thank"))
    with closing(stores[0]), closing(stores[1]), closing(old), closing(new):
        yield old, new


def outcomes(of: EventRouter) -> dict[str, str]:
    """Give how the handlers of the event have ended."""
    record = of.store.get("default", "evt_1").record
    return {handler.name: handler.outcome for handler in record.handlers}


def test_new_code_continues_what_old_code_began(
    versions: tuple[EventRouter, EventRouter], bank: Bank
) -> None:
    """A renamed handler goes on under its new name with the same key; a new one joins."""
    old, new = versions
    assert 500 == deliver(old, snapshot()).status
    bank.is_online = True
    assert 200 == deliver(new, snapshot()).status
    assert ["pay", "payout", "thank"] == bank.calls
    assert {"evt_1/pay"} == bank.keys
    assert {"payout": "succeeded", "thank": "succeeded"} == outcomes(new)
    assert "duplicate" == deliver(old, snapshot()).outcome
    assert 3 == len(bank.calls)


def test_old_code_leaves_to_new_code_what_it_does_not_have(
    versions: tuple[EventRouter, EventRouter], bank: Bank
) -> None:
    """It neither runs the handler under its former name, nor says that all is done."""
    old, new = versions
    assert 500 == deliver(new, snapshot()).status
    bank.is_online = True
    response = deliver(old, snapshot())
    assert 500 == response.status
    assert isinstance(response.error, HandlerMissing)
    assert ["payout", "thank"] == bank.calls
    assert 200 == deliver(new, snapshot()).status
    assert ["payout", "thank", "payout"] == bank.calls
    assert {"evt_1/pay"} == bank.keys


def test_an_event_that_failed_inline_goes_on_in_the_inbox(place: Place, bank: Bank) -> None:
    """The next delivery puts it there; whoever rescues runs what is left, and then all is done."""
    with closing(place.store()) as store:
        inline = router(store=store)
        inline.on("charge.succeeded", name="pay")(bank.handler("pay"))
        inline.on("charge.succeeded", name="thank")(lambda event: bank.calls.append("thank"))
        with closing(inline):
            assert 500 == deliver(inline, snapshot()).status
            assert 0 == inline.rescue().events
            bank.is_online = True
            assert Enqueued() == store.enqueue(arrival_of(inline))
            assert 1 == inline.rescue().handled
            assert ["pay", "thank", "pay"] == bank.calls
            assert "duplicate" == deliver(inline, snapshot()).outcome


def test_an_event_in_the_inbox_can_be_delivered_inline(place: Place, bank: Bank) -> None:
    """Whoever comes first runs it, be that Stripe's delivery or a worker, and nobody after it."""
    bank.is_online = True
    with closing(place.store()) as store:
        inline = router(store=store)
        inline.on("charge.succeeded", name="pay")(bank.handler("pay"))
        with closing(inline):
            assert Enqueued() == store.enqueue(arrival_of(inline))
            assert 200 == deliver(inline, snapshot()).status
            assert 0 == inline.rescue().events
    assert ["pay"] == bank.calls


def test_an_event_that_fails_in_the_inbox_stays_there(place: Place, bank: Bank) -> None:
    """It was acknowledged, so that Stripe does not come again: it is due by itself, and soon."""
    with closing(place.store()) as store:
        inline = router(store=store)
        inline.on("charge.succeeded", name="pay")(bank.handler("pay"))
        with closing(inline):
            store.enqueue(arrival_of(inline))
            assert (1, ["pay"]) == (inline.rescue().failed, bank.calls)
            record = store.get("default", "evt_1").record
    assert ("failed", "inbox") == (record.state, record.lane)
    assert record.due - record.last_seen < 60


def arrival_of(of: EventRouter) -> Any:
    """Give what a delivery of the event tells the store."""
    from stripe_events._delivery.ledger import encoded, planned
    from stripe_events._parse import event_of
    from stripe_events.storage import Plan

    settings = of._compiled()
    assert settings.ledger is not None
    event = event_of(snapshot(), 0.0)
    wanted, _ = settings.table.candidates(event)
    plan = Plan(planned(event, wanted))
    return settings.ledger.arrival(event, encoded(event), plan, trusted=False)
