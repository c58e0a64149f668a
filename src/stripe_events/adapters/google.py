"""
Google Cloud: functions for HTTP and for events of Pub/Sub, and an endpoint for its pushes.

Stripe does not publish to Pub/Sub itself: what is published there, by whatever receives
Stripe's events for you, is the event as JSON, bare or in the envelope it came in.

``pubsub_push`` is served by any adapter and needs no package of Google's; ``functions_handler``
needs Flask, as ``functions-framework`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from stripe_events.adapters._bus import Bus, aprocess_all, opened, process_all, raise_failure
from stripe_events.adapters._pubsub import BearerToken, unpack, unpack_message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from flask import Request
    from flask.typing import ResponseReturnValue

    from stripe_events.adapters._endpoint import Endpoint
    from stripe_events.router import EventRouter

__all__ = ["apubsub_handler", "functions_handler", "pubsub_handler", "pubsub_push"]


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


def pubsub_push(router: EventRouter, *, authorize: Callable[[str], bool]) -> Endpoint:
    """
    Make an endpoint for a push subscription: ``asgi_app(pubsub_push(router, authorize=...))``.

    Anyone may post to an open URL, so let the subscription authenticate with a service
    account, and check whose token came::

        from google.auth.transport.requests import Request
        from google.oauth2.id_token import verify_oauth2_token

        def authorize(token: str) -> bool:
            claims = verify_oauth2_token(token, Request(), audience="https://example.com/stripe")
            return bool(claims["email_verified"]) and claims["email"] == "push@my-project.iam..."

    Pub/Sub sends a message again until it is answered with success, or expires: also one
    that is no event. Give the subscription a dead-letter topic.
    https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions

    Args:
        router: who handles the events; it needs no secrets.
        authorize: tells of a bearer token whether it is right. What is not exactly True
            refuses, and so does whatever it raises; a request without a token is not
            shown to it. It may wait: event loops call it in a thread.
    """
    return Bus(router, BearerToken(authorize), unpack)


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
