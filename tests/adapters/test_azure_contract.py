"""Functions for HTTP triggers of Azure keep the contract of adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.adapters.azure_functions import afunctions_handler, functions_handler
from stripe_events.testing import AdapterContract, AdapterResponse
from tests.adapters.azure_worker import answered, request_of
from tests.unit.waiting import aio

if TYPE_CHECKING:
    from stripe_events import EventRouter
    from stripe_events.testing import AdapterRequest


class TestFunction(AdapterContract):
    """A function that the worker calls in a thread."""

    def start(self, router: EventRouter) -> Any:
        """Make the function."""
        return functions_handler(router)

    def send(self, app: Any, request: AdapterRequest) -> AdapterResponse:
        """Call it."""
        return AdapterResponse(*answered(app(request_of(request))))


class TestAsyncFunction(AdapterContract):
    """A function that the worker awaits."""

    def start(self, router: EventRouter) -> Any:
        """Make the function."""
        return afunctions_handler(router)

    def send(self, app: Any, request: AdapterRequest) -> AdapterResponse:
        """Await it on an event loop of its own."""
        return AdapterResponse(*answered(aio(app(request_of(request)))))
