"""The one-line replacement of ``stripe.Webhook.construct_event``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stripe_events import _payload
from stripe_events._messages import MAX_BODY_BYTES, Body, Headers, body_within
from stripe_events._parse import event_of
from stripe_events._verification import Secrets, SignatureVerifier

if TYPE_CHECKING:
    from stripe_events._event import AnyEvent

__all__ = ["verify"]


def verify(
    body: Body,
    headers: Headers,
    *,
    secrets: Secrets,
    tolerance: float = 300.0,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> AnyEvent:
    """
    Check the signature of a request and give its typed event.

    Args:
        body: the raw body, as the framework read it before parsing any JSON.
        headers: the request's headers, or the value of ``Stripe-Signature``.
        secrets: the endpoint's signing secret, or several; see ``EventRouter``.
        tolerance: how far the signature's time may be off, in seconds, on either side.
        max_body_bytes: longer bodies are refused before anything else.

    Returns:
        An event of the generated class for its type; ``UnknownEvent`` or
        ``UnknownNotification`` for a type this version does not know.

    Raises:
        SignatureError: MissingSignature, InvalidSignature or ExpiredSignature,
            with a diagnosis for the operator.
        PayloadError: MalformedPayload or PayloadTooLarge.
        UsageError: a blank secret, or a parsed body.
    """
    verifier = SignatureVerifier(secrets, tolerance=tolerance)
    raw = body_within(max_body_bytes, body)
    verifier.verify(raw, headers)
    return event_of(_payload.load(raw), time.time())
