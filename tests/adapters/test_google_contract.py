"""Functions for HTTP of Google Cloud keep the contract of adapters, in Google's framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.testing import AdapterContract, AdapterResponse
from tests.adapters.google_framework import HTTP, app_around

if TYPE_CHECKING:
    from stripe_events import EventRouter
    from stripe_events.testing import AdapterRequest


class TestFunction(AdapterContract):
    """A function in the app that Google's framework makes of its source."""

    def start(self, router: EventRouter) -> Any:
        """Let the framework load the function."""
        return app_around(router, HTTP)

    def send(self, app: Any, request: AdapterRequest) -> AdapterResponse:
        """Call the app as its server would."""
        headers = list(request.headers)
        answer = app.test_client().open(
            "/stripe", method=request.method, headers=headers, data=request.body
        )
        return AdapterResponse(answer.status_code, dict(answer.headers), answer.data)
