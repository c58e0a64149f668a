"""What a router with a store refuses of stores and handlers, and what trusted input it takes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events.errors import AsyncStoreError, ConfigurationError, UsageError
from stripe_events.observers import Ignored
from stripe_events.storage import MemoryStore
from tests.unit.deliveries import NOW, router, signed, snapshot
from tests.unit.recorded import AsyncMemoryStore, Handler, only_handle
from tests.unit.waiting import aio

if TYPE_CHECKING:
    from tests.unit.recorded import Service

MONTH = 31 * 86_400.0

INLINE = ("accept", "finish", "suspend", "give_back", "extend")


@pytest.mark.parametrize("verbs", [(), INLINE[:-1]])
def test_a_store_that_lacks_verbs_is_refused(verbs: tuple[str, ...]) -> None:
    """The error names them."""
    store = type("Small", (), dict.fromkeys(verbs, print))()
    missing = ", ".join(INLINE[len(verbs) :])

    with pytest.raises(ConfigurationError, match=f"store Small lacks {missing};"):
        router(store=store)


def test_a_store_that_can_deliver_inline_is_enough() -> None:
    """The rest is asked for by who needs it."""
    store = type("Small", (), dict.fromkeys(INLINE, print))()

    assert store is router(store=store).store


@pytest.mark.parametrize("call", ["handle", "process", "rescue", "overdue"])
def test_an_async_store_is_refused_in_threads(call: str) -> None:
    """Before anything is done; the error names what to use."""
    store = AsyncMemoryStore(MemoryStore())
    refusing = router(store=store)
    refusing.on("charge.succeeded", name="a")(Handler())
    arguments = {"handle": signed(snapshot()), "process": (snapshot(),)}.get(call, ())

    with pytest.raises(AsyncStoreError, match=r"AsyncMemoryStore is awaited.*use MemoryStore"):
        getattr(refusing, call)(*arguments)


def test_a_router_without_a_store_can_handle_but_not_rescue() -> None:
    """There is nothing to come back for."""
    without = router()

    for call in (without.rescue, without.overdue):
        with pytest.raises(ConfigurationError, match=r"give EventRouter\(store=\.\.\.\)"):
            call()
    assert (None, "default") == (without.store, without.scope)


def nested() -> Any:
    """Give a function whose name another process cannot know."""

    def handler(event: object) -> None:
        """Do nothing."""

    return handler


def in_main(event: object) -> None:
    """Be in a script."""


in_main.__module__ = "__main__"


def plain(event: object) -> None:
    """Have a name of a module."""


class Stable:
    """A callable class of a module."""

    def __call__(self, event: object) -> None:
        """Do nothing."""


UNSTABLE = {
    "nested": nested(),
    "lambda": lambda event: None,
    "partial": partial(plain),
    "script": in_main,
}


@pytest.mark.parametrize("handler", UNSTABLE.values(), ids=UNSTABLE)
def test_a_handler_without_a_stable_name_is_refused_with_a_store(handler: Any) -> None:
    """Its progress is kept under its name, which must be the same in every process."""
    refusing = router(store=MemoryStore())
    refusing.on("charge.succeeded")(handler)

    with pytest.raises(UsageError, match="needs name="):
        refusing.freeze()


@pytest.mark.parametrize("handler", UNSTABLE.values(), ids=UNSTABLE)
def test_any_handler_is_taken_with_a_name_or_without_a_store(handler: Any) -> None:
    """What it is called matters to nobody else."""
    named, without = router(store=MemoryStore()), router()
    named.on("charge.succeeded", name="a")(handler)
    without.on("charge.succeeded")(handler)

    named.freeze()
    without.freeze()


@pytest.mark.parametrize("handler", [plain, Stable()], ids=["function", "callable"])
def test_what_a_module_names_needs_no_other_name(handler: Any) -> None:
    """Every process finds it there."""
    taking = router(store=MemoryStore())
    taking.on("charge.succeeded")(handler)

    taking.freeze()


def test_an_included_handler_needs_a_stable_name_too() -> None:
    """It is recorded by the router that includes it."""
    inner, outer = EventRouter(), router(store=MemoryStore())
    inner.on("charge.succeeded")(nested())
    outer.include(inner)

    with pytest.raises(UsageError, match="needs name="):
        outer.freeze()


@pytest.mark.parametrize("names", [(), ("",), ("a", "")])
def test_retire_takes_names(names: tuple[str, ...]) -> None:
    """Most likely a variable was empty."""
    with pytest.raises(UsageError, match="retire"):
        router().retire(*names)


def test_nothing_is_retired_after_the_first_delivery() -> None:
    """As nothing is registered."""
    frozen = router(store=MemoryStore())
    frozen.freeze()

    with pytest.raises(UsageError):
        frozen.retire("a")


def test_trusted_input_is_recorded_as_well(service: Service) -> None:
    """EventBridge delivers twice, too."""
    handler = Handler()
    using = service.code({"a": handler})

    outcomes = [service.process(using, snapshot()).outcome for _ in range(2)]

    assert [Outcome.HANDLED, Outcome.DUPLICATE] == outcomes
    assert 1 == handler.runs


def forgotten(service: Service) -> EventRouter:
    """Let an event be handled and forgotten, and give the code that did it."""
    using = service.code({"a": Handler()})
    service.deliver(using)
    service.clock.now += MONTH
    assert 1 == service.ledger.forget("default")
    assert not service.has()
    return using


@pytest.mark.parametrize("created", [NOW - 1, NOW])
def test_trusted_input_from_before_what_was_forgotten_is_expired(
    service: Service, created: int
) -> None:
    """It may have been handled; 200, nothing runs, observers are told."""
    forgotten(service)
    handler = Handler()

    response = service.process(service.code({"a": handler}), snapshot(created=created))

    assert (200, Outcome.EXPIRED) == (response.status, response.outcome)
    assert (0, False) == (handler.runs, service.has())
    assert ["expired"] == [told.reason for told in service.told_of(Ignored)]


def test_newer_trusted_input_is_run(service: Service) -> None:
    """It cannot be one of those that were forgotten."""
    using = forgotten(service)

    assert Outcome.HANDLED == service.process(using, snapshot(created=NOW + 1)).outcome


def test_signed_input_does_not_expire(service: Service) -> None:
    """Its signature is minutes old, and Stripe delivers for three days."""
    using = forgotten(service)

    assert Outcome.HANDLED == service.deliver(using).outcome


@only_handle
def test_both_drivers_share_one_ledger(service: Service) -> None:
    """What the one has handled is a duplicate for the other."""
    handler = Handler()
    using = service.code({"a": handler})

    outcomes = [service.deliver(using).outcome, aio(using.ahandle(*signed(snapshot()))).outcome]

    assert [Outcome.HANDLED, Outcome.DUPLICATE] == outcomes


def test_async_handlers_are_recorded_as_well(service: Service) -> None:
    """Under either driver."""

    async def handler(event: object) -> None:
        ran.append(1)
        if len(ran) == 1:
            raise ValueError("not now")

    ran: list[int] = []
    using = service.code({"a": handler})

    assert [Outcome.FAILED, Outcome.HANDLED] == [service.deliver(using).outcome for _ in range(2)]
