"""
An endpoint for push subscriptions of Google Cloud Pub/Sub.

Stripe does not publish there itself: what is published, by whatever receives Stripe's events
for you, is the event as JSON, bare or in the envelope it came in. Any adapter serves the
endpoint, and it needs no package of Google's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.adapters._bus import Bus
from stripe_events.adapters._pubsub import BearerToken, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.adapters._endpoint import Endpoint
    from stripe_events.router import EventRouter

__all__ = ["pubsub_push"]


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
