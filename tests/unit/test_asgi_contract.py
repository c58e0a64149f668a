"""The contract of adapters over ASGI, each request on an event loop of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from httpx import ASGITransport, AsyncClient

from stripe_events.adapters.asgi import ASGIApp, asgi_app
from stripe_events.testing import AdapterContract, AdapterRequest, AdapterResponse
from tests.unit.waiting import aio

if TYPE_CHECKING:
    from stripe_events import EventRouter


class TestASGI(AdapterContract):
    """An app that is called as a server would call it."""

    def start(self, router: EventRouter) -> ASGIApp:
        """Give the app."""
        return asgi_app(router)

    def send(self, app: ASGIApp, request: AdapterRequest) -> AdapterResponse:
        """Call the app in this thread."""

        async def answer() -> AdapterResponse:
            async with AsyncClient(transport=ASGITransport(app)) as client:
                response = await client.request(
                    request.method,
                    "http://test/stripe",
                    headers=list(request.headers),
                    content=request.body,
                )
                return AdapterResponse(response.status_code, response.headers, response.content)

        response: AdapterResponse = aio(answer())
        return response
