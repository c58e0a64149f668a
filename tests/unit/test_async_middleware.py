"""Middleware on an event loop: async layers among sync ones, and the rules that hold for both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.errors import UsageError
from tests.unit.both_ways import pass_through_async
from tests.unit.deliveries import signed, snapshot
from tests.unit.waiting import by_ahandle, give_awaitable_of, opened

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from stripe_events import Context, Event


def test_async_middleware_is_refused_under_handle() -> None:
    """The sync driver cannot run it, and says so before anything else happens."""
    with opened() as router:
        router.middleware(pass_through_async)

        @router.on("charge.succeeded")
        def handler(event: Event) -> None:
            """Do nothing."""

        for call in (
            lambda: router.handle(*signed(snapshot())),
            lambda: router.process(snapshot()),
        ):
            with pytest.raises(UsageError, match="async middleware needs ahandle"):
                call()


@pytest.mark.parametrize("kind", ["sync", "async", "disguised"])
def test_layers_of_both_kinds_nest_in_order_of_registration(kind: str) -> None:
    """The first is the outermost, whichever kind it is; each sees the handler's result."""
    seen: list[Any] = []
    with opened() as router:

        @router.middleware
        def outer(event: object, ctx: Context) -> Generator[None, Any, None]:
            seen.append("outer")
            result = yield
            seen.append(("outer", result))

        @router.middleware
        async def middle(event: object, ctx: Context) -> AsyncGenerator[None, Any]:
            await asyncio.sleep(0)
            seen.append("middle")
            result = yield
            await asyncio.sleep(0)
            seen.append(("middle", result))

        @router.middleware
        def inner(event: object, ctx: Context) -> Generator[None, Any, None]:
            seen.append("inner")
            result = yield
            seen.append(("inner", result))

        async def async_handler(event: Event) -> str:
            seen.append("handler")
            return "result"

        def sync_handler(event: Event) -> str:
            seen.append("handler")
            return "result"

        handlers = {
            "async": async_handler,
            "sync": sync_handler,
            "disguised": give_awaitable_of(async_handler),
        }
        router.on("charge.succeeded", name="it")(handlers[kind])
        assert 200 == by_ahandle(router, snapshot()).status
    results = [(name, "result") for name in ("inner", "middle", "outer")]
    assert ["outer", "middle", "inner", "handler", *results] == seen


@pytest.mark.parametrize("kind", ["returns", "yields twice", "swallows", "replaces"])
def test_async_middleware_keeps_the_rules_of_middleware(kind: str) -> None:
    """What it does to the run counts, as with sync middleware."""
    with opened() as router:

        @router.middleware
        async def layer(event: object, ctx: Context) -> AsyncGenerator[None, Any]:
            if kind == "returns":
                return
            try:
                yield
            except KeyError:
                if kind == "replaces":
                    msg = "another"
                    raise LookupError(msg) from None
            if kind == "yields twice":
                yield

        @router.on("charge.succeeded", name="it")
        def handler(event: Event) -> None:
            raise KeyError

        response = by_ahandle(router, snapshot())
    found = [] if response.error is None else list(map(type, response.error.exceptions))
    expected = {
        "returns": [UsageError],
        "yields twice": [UsageError],
        "swallows": [],
        "replaces": [LookupError],
    }
    assert expected[kind] == found
