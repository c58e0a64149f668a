"""Both ways of delivering, for what must hold under either; and middleware that does nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from stripe_events import EventRouter, WebhookResponse
from tests.unit.waiting import by_ahandle, by_handle

if TYPE_CHECKING:
    from stripe_events import Context

__all__ = ["Deliver", "both", "pass_through", "pass_through_async"]

Deliver: TypeAlias = Callable[[EventRouter, object], WebhookResponse]

both = pytest.mark.parametrize("deliver", [by_handle, by_ahandle])


def pass_through(event: object, ctx: Context) -> Generator[None, Any, None]:
    """Be a middleware that does nothing."""
    yield


async def pass_through_async(event: object, ctx: Context) -> AsyncGenerator[None, Any]:
    """Be an async middleware that does nothing."""
    yield
