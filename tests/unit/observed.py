"""A router whose effects are written down, for tests of what a shutdown does to them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from stripe_events._delivery import flow as flows
from stripe_events._delivery.drivers import Drivers
from tests.unit.deliveries import router as make_router
from tests.unit.deliveries import snapshot
from tests.unit.waiting import recording

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from stripe_events import Context, WebhookResponse


class Observed:
    """A router and its drivers, whose effects are written down."""

    def __init__(self) -> None:
        """Start with a router that has no handlers."""
        self.router = make_router()
        self.drivers = Drivers(2)
        self.effects: list[str] = []

    def flow(self) -> Any:
        """Give the flow of a new delivery."""
        flow = flows.trusted(self.router._compiled(), snapshot(), 60.0)
        return recording(flow, self.effects)

    def handle(self) -> WebhookResponse:
        """Deliver in this thread."""
        return self.drivers.drive(self.flow())

    async def ahandle(self) -> WebhookResponse:
        """Deliver on this loop."""
        return await self.drivers.adrive(self.flow())


GIVEN_BACK = ["Accept", "Run", "GiveBack"]
ABANDONED = ["Accept", "Run"]


LAYERS = ["none", "sync", "async"]


def put_layer(observed: Observed, layer: str, seen: list[str]) -> None:
    """Put a middleware of that kind around the handlers, which cleans up."""
    if layer == "sync":

        @observed.router.middleware
        def sync_layer(event: object, ctx: Context) -> Generator[None, Any, None]:
            try:
                yield
            finally:
                seen.append("middleware")

    elif layer == "async":

        @observed.router.middleware
        async def async_layer(event: object, ctx: Context) -> AsyncGenerator[None, Any]:
            try:
                yield
            finally:
                await asyncio.sleep(0)
                seen.append("middleware")
