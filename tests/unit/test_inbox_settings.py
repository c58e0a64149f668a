"""What a router is told of its inbox is refused when it is told, if it cannot be meant."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Retry
from stripe_events.errors import (
    AsyncStoreError,
    ConfigurationError,
    UnknownEventType,
    UsageError,
)
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import MemoryStore, SQLiteStore
from tests.unit.recorded import AsyncMemoryStore, Handler, only_handle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.recorded import Service


class Small:
    """A store of the user's with only what inline delivery needs."""

    accept = finish = suspend = give_back = extend = print


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"delivery": "outbox"}, 'delivery= is "inline" or "inbox", not \'outbox\''),
        ({"delivery": True}, "delivery="),
        ({"delivery": "inbox", "store": None}, "delivery= needs a store"),
        ({"delivery": "inbox", "store": Small()}, "Small lacks enqueue, take_due"),
        ({"dispatch": print, "store": None}, "dispatch= needs a store"),
        ({"inline": [ChargeSucceeded], "store": None}, "inline= needs a store"),
        ({"retry": Retry(), "store": None}, "retry= needs a store"),
        ({"dispatch": "celery"}, "dispatch= is a function"),
        ({"dispatch": 5}, "dispatch= is a function"),
        ({"dispatch_grace": -1}, "dispatch_grace="),
        ({"dispatch_grace": math.inf}, "dispatch_grace="),
        ({"dispatch_grace": math.nan}, "dispatch_grace="),
        ({"dispatch_grace": "60"}, "dispatch_grace="),
        ({"dispatch_grace": None}, "dispatch_grace="),
        ({"inline": "charge.succeeded"}, r"inline= takes .* in a list: \['charge.succeeded'\]"),
        ({"inline": ChargeSucceeded}, "inline= takes .* in a list: .*ChargeSucceeded"),
        ({"inline": 5}, "inline= takes"),
        ({"inline": [5]}, "inline=: 5 is not the class"),
        ({"inline": ["v1.charge.gone"]}, "inline=: .*v1.charge.gone"),
        ({"retry": 5}, "retry= is a Retry"),
        ({"retry": Retry(attempts=0)}, r"Retry\(attempts=0"),
        ({"order_by": "object", "delivery": "inbox", "inline": ["charge.*"]}, "order_inline=True"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], complaint: str) -> None:
    """At once, and not by each delivery; the message names the option."""
    with pytest.raises(UsageError, match=complaint):
        EventRouter(**{"store": MemoryStore(), **options})


def test_an_inline_type_that_does_not_exist_is_refused() -> None:
    """With the nearest names, as where handlers are registered."""
    with pytest.raises(UnknownEventType, match=r"inline=: .*charge\.succeeded"):
        EventRouter(store=MemoryStore(), inline=["charge.suceeded"])


@pytest.mark.parametrize(
    "options",
    [
        {"delivery": "inline"},
        {"delivery": "inbox", "dispatch": print, "dispatch_grace": 0},
        {"delivery": "inbox", "inline": [ChargeSucceeded, "charge.*", "v1.charge.failed"]},
        {"delivery": "inbox", "inline": (), "retry": Retry(attempts=1, first=0.1, most=0.1)},
        {"delivery": "inbox", "order_by": "object"},
        {"delivery": "inbox", "order_by": "object", "inline": ["charge.*"], "order_inline": True},
    ],
)
def test_what_can_be_meant_is_taken(options: dict[str, Any]) -> None:
    """Also at its limits."""
    router = EventRouter(store=MemoryStore(), **options)
    router.on(ChargeSucceeded, name="a")(Handler())
    router.freeze()


@pytest.mark.parametrize("delivery", ["outbox", True, 5])
def test_a_handlers_delivery_that_cannot_be_meant_is_refused(delivery: Any) -> None:
    """Where it is registered."""
    with pytest.raises(UsageError, match="delivery="):
        EventRouter(store=MemoryStore()).on(ChargeSucceeded, delivery=delivery)


def test_a_handler_of_the_inbox_needs_a_store() -> None:
    """It is named when the router is frozen; a collection may have it."""
    part = EventRouter()
    part.on(ChargeSucceeded, name="a", delivery="inbox")(Handler())
    router = EventRouter("whsec_x")
    router.include(part)

    with pytest.raises(ConfigurationError, match="handler a is for the inbox"):
        router.freeze()


def test_a_handler_of_the_inbox_needs_the_verbs() -> None:
    """They are named when the router is frozen."""
    router = EventRouter(store=Small())  # type: ignore[arg-type]
    router.on(ChargeSucceeded, name="a", delivery="inbox")(Handler())

    with pytest.raises(ConfigurationError, match="Small lacks enqueue, take_due"):
        router.freeze()


@pytest.fixture
def weak(tmp_path: Path) -> Iterator[Callable[..., SQLiteStore]]:
    """Give what makes an SQLite store that may lose its last moments."""
    stores: list[SQLiteStore] = []

    def make(**options: Any) -> SQLiteStore:
        stores.append(SQLiteStore(tmp_path / "app.db", synchronous="NORMAL", **options))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


def test_a_store_that_may_lose_what_was_acknowledged_is_refused(
    weak: Callable[..., SQLiteStore],
) -> None:
    """When the router is made, or frozen if only a handler is for the inbox."""
    with pytest.raises(ConfigurationError, match='synchronous is "NORMAL"'):
        EventRouter(store=weak(), delivery="inbox")
    router = EventRouter(store=weak())
    router.on(ChargeSucceeded, name="a", delivery="inbox")(Handler())
    with pytest.raises(ConfigurationError, match='synchronous is "NORMAL"'):
        router.freeze()


def test_who_accepts_the_loss_by_name_may_have_it(weak: Callable[..., SQLiteStore]) -> None:
    """And inline delivery asks for nothing."""
    accepted = weak(accept_loss=("synchronous",))
    for store, delivery in ((accepted, "inbox"), (weak(), "inline")):
        router = EventRouter(store=store, delivery=delivery)
        router.on(ChargeSucceeded, name="a")(Handler())
        router.freeze()


def test_order_needs_no_consent_if_all_is_the_inboxs() -> None:
    """A successor waits for a worker, not for Stripe; also where handlers chose so themselves."""
    router = EventRouter(store=MemoryStore(), order_by="object", delivery="inbox")
    router.on(ChargeSucceeded, name="a")(Handler())
    router.freeze()


def test_order_needs_consent_if_a_handler_is_inline() -> None:
    """It is asked for when the router is frozen; or given."""
    for consent in (False, True):
        router = EventRouter(
            store=MemoryStore(), order_by="object", order_inline=consent, delivery="inbox"
        )
        router.on(ChargeSucceeded, name="a")(Handler())
        router.on(ChargeSucceeded, name="b", delivery="inline")(Handler())
        if consent:
            router.freeze()
        else:
            with pytest.raises(ConfigurationError, match="order_inline=True"):
                router.freeze()


def test_run_needs_a_store(service: Service) -> None:
    """There is nothing else that could have the event."""
    with pytest.raises(ConfigurationError, match="no store"):
        service.run(service.code({}, store=None))


def test_run_needs_a_store_that_can_look_up(service: Service) -> None:
    """A store of the user's may have only what inline delivery needs."""
    with pytest.raises(ConfigurationError, match="Small lacks get"):
        service.run(service.code({}, store=Small()))


@only_handle
def test_an_awaited_store_needs_arun(service: Service) -> None:
    """The message names it."""
    router = service.code({}, store=AsyncMemoryStore(service.ledger))

    with pytest.raises(AsyncStoreError, match=r"arun\(\)"):
        router.run("evt_1")
