"""
Functions for Google Cloud, which answer HTTP or take events of Pub/Sub.

``functions_handler`` needs Flask, as ``functions-framework`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from stripe_events.adapters._bus import aprocess_all, opened, process_all
from stripe_events.adapters._failure import raise_failure
from stripe_events.adapters._pubsub import unpack_message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from flask import Request
    from flask.typing import ResponseReturnValue

    from stripe_events.adapters._endpoint import Endpoint
    from stripe_events.router import EventRouter

__all__ = ["apubsub_handler", "functions_handler", "pubsub_handler"]


def functions_handler(
    router: EventRouter | Endpoint,
) -> Callable[[Request], ResponseReturnValue]:
    """
    Make a function that answers HTTP, which Stripe calls, of a router.

    ``stripe = functions_handler(router)`` is deployed as ``--entry-point stripe``, and lets
    anyone call it: Stripe has no account of Google's, its signature is what is checked.

    What ``functions_framework.aio.http`` is put on is given a request of Starlette's, for a
    ``view`` that ``starlette_endpoint`` made: ``return await view(request)``.

    Args:
        router: who handles; or an endpoint of another kind.

    Raises:
        ConfigurationError: the router has no secrets.
        AsyncStoreError, UsageError: its store or middleware is async.
    """
    from stripe_events.adapters.flask import flask_view

    view = flask_view(router)

    def stripe_webhook(request: Request) -> ResponseReturnValue:  # noqa: ARG001 - it is Flask's
        """Answer one request."""
        return cast("ResponseReturnValue", view())

    return stripe_webhook


def pubsub_handler(router: EventRouter) -> Callable[[Any], None]:
    """
    Make a function for events of Pub/Sub, which Eventarc brings as CloudEvents, of a router.

    ::

        stripe_event = functions_framework.cloud_event(pubsub_handler(router))

    By this very name the framework registers it: it is the entry point. Google believes only
    Eventarc here. The function raises ProcessingError if an event was not handled, so that it
    comes again; deploy with ``--retry``, or it is lost.

    Args:
        router: who handles the events; it needs no secrets.

    Raises:
        AsyncStoreError, UsageError: its store or middleware is async.
    """
    router.check_servable(is_verified=False)

    def stripe_event(event: Any) -> None:
        """Handle what one message holds."""
        raise_failure(process_all(router, opened(router, unpack_message, event.data)))

    return stripe_event


def apubsub_handler(router: EventRouter) -> Callable[[Any], Awaitable[None]]:
    """Make the same as ``pubsub_handler`` does, for ``functions_framework.aio.cloud_event``."""
    router.check_servable(is_verified=False, is_async=True)

    async def stripe_event(event: Any) -> None:
        """Handle what one message holds."""
        raise_failure(await aprocess_all(router, opened(router, unpack_message, event.data)))

    return stripe_event
