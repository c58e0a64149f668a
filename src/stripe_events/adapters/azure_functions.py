"""Functions for Microsoft Azure, with HTTP and Event Grid triggers."""
# No `from __future__ import annotations`: Azure's worker reads the types of the functions made
# here, and resolves no names for that.

from typing import TYPE_CHECKING

from stripe_events._messages import WebhookResponse
from stripe_events.adapters._bus import aprocess_all, opened, process_all
from stripe_events.adapters._endpoint import Endpoint
from stripe_events.adapters._event_grid import unpack_event
from stripe_events.adapters._failure import raise_failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azure.functions import EventGridEvent, HttpRequest, HttpResponse

    from stripe_events.router import EventRouter

__all__ = [
    "aevent_grid_handler",
    "afunctions_handler",
    "event_grid_handler",
    "functions_handler",
]


def functions_handler(router: "EventRouter | Endpoint") -> "Callable[[HttpRequest], HttpResponse]":
    """
    Make a function for an HTTP trigger, which Stripe calls, of a router.

    ::

        app.route("stripe", auth_level=func.AuthLevel.ANONYMOUS)(functions_handler(router))

    Anonymous, because Stripe has no key of Azure's: its signature is what is checked. Azure
    knows the function as ``stripe_webhook``, unless ``app.function_name`` says otherwise.

    Args:
        router: who handles; or an endpoint of another kind.

    Raises:
        ConfigurationError: the router has no secrets.
        AsyncStoreError, UsageError: its store or middleware is async.
    """
    from azure.functions import HttpRequest, HttpResponse

    endpoint = Endpoint.of(router)

    def stripe_webhook(req: HttpRequest) -> HttpResponse:
        """Answer one request."""
        return _written(_refused(endpoint, req) or endpoint.handle(_body(req), req.headers), req)

    return stripe_webhook


def afunctions_handler(
    router: "EventRouter | Endpoint",
) -> "Callable[[HttpRequest], Awaitable[HttpResponse]]":
    """Make the same as ``functions_handler`` does, as an async function."""
    from azure.functions import HttpRequest, HttpResponse

    endpoint = Endpoint.of(router, is_async=True)

    async def stripe_webhook(req: HttpRequest) -> HttpResponse:
        """Answer one request."""
        response = _refused(endpoint, req) or await endpoint.ahandle(_body(req), req.headers)
        return _written(response, req)

    return stripe_webhook


def event_grid_handler(router: "EventRouter") -> "Callable[[EventGridEvent], None]":
    """
    Make a function for an Event Grid trigger of a router.

    ::

        app.event_grid_trigger(arg_name="event")(event_grid_handler(router))

    Azure believes only Event Grid here, does the handshake, and calls for each event of a
    batch. The function raises ProcessingError if an event was not handled, so that Event
    Grid sends it again, and in the end gives it to the subscription's dead-letter
    destination. Azure knows it as ``stripe_event``.

    Args:
        router: who handles the events; it needs no secrets.

    Raises:
        AsyncStoreError, UsageError: its store or middleware is async.
    """
    from azure.functions import EventGridEvent

    router.check_servable(is_verified=False)

    def stripe_event(event: EventGridEvent) -> None:
        """Handle one event; ``CloudEvent`` is what Azure gives for Stripe's."""
        raise_failure(process_all(router, opened(router, unpack_event, event)))

    return stripe_event


def aevent_grid_handler(router: "EventRouter") -> "Callable[[EventGridEvent], Awaitable[None]]":
    """Make the same as ``event_grid_handler`` does, as an async function."""
    from azure.functions import EventGridEvent

    router.check_servable(is_verified=False, is_async=True)

    async def stripe_event(event: EventGridEvent) -> None:
        """Handle one event; ``CloudEvent`` is what Azure gives for Stripe's."""
        raise_failure(await aprocess_all(router, opened(router, unpack_event, event)))

    return stripe_event


def _refused(endpoint: Endpoint, req: "HttpRequest") -> WebhookResponse | None:
    refused = endpoint.unread(req.method, req.headers)
    return refused or endpoint.incomplete(_body(req), req.headers)


def _body(req: "HttpRequest") -> bytes:
    return req.get_body() or b""  # None is what there is without one


def _written(response: WebhookResponse, req: "HttpRequest") -> "HttpResponse":
    from azure.functions import HttpResponse

    body = b"" if req.method == "HEAD" else response.body
    return HttpResponse(body, status_code=response.status, headers=response.headers)
