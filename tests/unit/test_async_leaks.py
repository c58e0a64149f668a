"""What is left for the garbage collector: nothing, where a payload could be kept alive by it."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from tests.unit.both_ways import pass_through, pass_through_async
from tests.unit.deliveries import NOW, signed, snapshot
from tests.unit.waiting import aio, give_awaitable_of, opened, turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import Event


def plain(event: Event) -> None:
    """Do nothing."""


async def coroutine(event: Event) -> None:
    """Do nothing, a turn later."""
    await asyncio.sleep(0)


HANDLERS: dict[str, Callable[..., Any]] = {
    "sync": plain,
    "async": coroutine,
    "disguised": give_awaitable_of(coroutine),
}


class Cycles:
    """What became unreachable in a block, and that only the garbage collector can free."""

    def __enter__(self) -> list[str]:
        """Start from nothing."""
        gc.collect()
        gc.disable()
        self.found: list[str] = []
        return self.found

    def __exit__(self, *raised: object) -> None:
        """Collect it."""
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        self.found += sorted(type(one).__name__ for one in gc.garbage)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("layers", [(), (pass_through,)], ids=["bare", "middleware"])
@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handled_event_is_freed_at_once_under_handle(
    handler: str, layers: tuple[Any, ...]
) -> None:
    """No cycle of frames, generators or tasks holds it."""
    with opened() as router:
        for layer in layers:
            router.middleware(layer)
        router.on("charge.succeeded", name="it")(HANDLERS[handler])
        delivery = signed(snapshot())
        router.handle(*delivery)
        with Cycles() as found:
            router.handle(*delivery)
    assert [] == found


@pytest.mark.parametrize(
    "layers",
    [(), (pass_through,), (pass_through_async,)],
    ids=["bare", "middleware", "async middleware"],
)
@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handled_event_is_freed_at_once_under_ahandle(
    handler: str, layers: tuple[Any, ...]
) -> None:
    """Nor of what joins tasks and threads."""

    async def main() -> list[str]:
        delivery = signed(snapshot())
        await router.ahandle(*delivery)
        with Cycles() as found:
            await router.ahandle(*delivery)
            await turns(lambda: not router._drivers._driver()._tasks)
            await asyncio.sleep(0)
        return found

    with opened() as router:
        for layer in layers:
            router.middleware(layer)
        router.on("charge.succeeded", name="it")(HANDLERS[handler])
        assert [] == aio(main())


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        (None, Outcome.SIGNATURE_MISSING),
        ({"Stripe-Signature": f"t={NOW},v1={'0' * 64}"}, Outcome.SIGNATURE_INVALID),
        ({"Stripe-Signature": "nonsense"}, Outcome.SIGNATURE_INVALID),
    ],
)
def test_what_nobody_signed_is_freed_at_once(headers: Any, outcome: Outcome) -> None:
    """Anyone may send bodies of any size: they must not wait for the garbage collector."""
    with opened() as router:
        router.on("charge.succeeded", name="it")(plain)
        router.handle(b"", headers)
        with Cycles() as found:
            assert outcome is router.handle(bytes(1000), headers).outcome
    assert [] == found
