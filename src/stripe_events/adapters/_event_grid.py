"""
What Azure Event Grid posts to webhooks: batches, handshakes, and a key in a header.

https://learn.microsoft.com/azure/event-grid/cloud-event-schema
https://learn.microsoft.com/azure/event-grid/end-point-validation-cloud-events-schema
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from stripe_events import _payload
from stripe_events._messages import Answer, Outcome, WebhookResponse, find_header
from stripe_events._verification import Verification
from stripe_events._verification.keys import read_keys
from stripe_events.adapters._bus import Bus
from stripe_events.errors import (
    ConfigurationError,
    InvalidSignature,
    MalformedPayload,
    MissingSignature,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events._messages import Headers
    from stripe_events.adapters._bus import Opened, Payload
    from stripe_events.router import EventRouter

__all__ = ["DeliveryKey", "EventGrid", "unpack", "unpack_event"]

_NO_EVENT: Final = b"null"
"""What stands for an item of a batch that is no object: the router refuses it by itself."""


class EventGrid(Bus):
    """The place where Event Grid posts; see ``stripe_events.adapters.event_grid.event_grid``."""

    def __init__(self, router: EventRouter, key: DeliveryKey) -> None:
        """Take the router and what Event Grid must show."""
        super().__init__(router, key, unpack)

    def unread(self, method: str, headers: Headers) -> WebhookResponse | None:
        """Answer what needs no look at the body, as is the question whether events may come."""
        origin = find_header(headers, "webhook-request-origin") if method == "OPTIONS" else None
        if origin and origin.isascii() and origin.isprintable():
            return _permission(origin)
        return super().unread(method, headers)


class DeliveryKey:
    """
    Accept requests that show one of the keys in a header: a verifier.

    Raises:
        ConfigurationError: there is no key, or one is blank, or has characters that a
            header cannot have.
    """

    blocking: bool = False

    def __init__(self, key: str | Sequence[str], header: str) -> None:
        """Check the keys."""
        self._header = header.lower()
        try:
            self._keys = read_keys(key)
        except ConfigurationError as error:
            raise ConfigurationError(f"event_grid(key=...): {error}") from None

    def verify(self, body: bytes, headers: Headers) -> Verification:  # noqa: ARG002
        """
        Compare the header with every key, in constant time.

        Raises:
            MissingSignature: there is no such header.
            InvalidSignature: none of the keys is in it.
        """
        shown = find_header(headers, self._header)
        if not shown:
            raise MissingSignature(
                f"the request has no {self._header!r} header: set it as a delivery property "
                "of the event subscription"
            )
        sent = shown.encode("utf-8", "replace")
        matches = [hmac.compare_digest(sent, key.secret) for key in self._keys]  # all of them
        if True not in matches:
            raise InvalidSignature(f"the {self._header!r} header has none of the keys")
        return Verification(None, None)


def unpack(body: bytes) -> Opened:
    """
    Give the payloads in a body, one or a batch; or the answer to a validation event.

    Raises:
        MalformedPayload: the body is no JSON, or an array of nothing.
    """
    content: object = _payload.load_any(body)
    items = cast("list[object]", content) if isinstance(content, list) else [content]
    match items:
        case []:
            raise MalformedPayload("the batch is empty")
        case [
            {
                "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
                "data": {"validationCode": str(code)},
            }
        ]:
            text = json.dumps({"validationResponse": code})
            return WebhookResponse(Outcome.IGNORED, answer=Answer(text.encode(), {}))
        case _:
            return [_payload_of(item) for item in items]


def unpack_event(event: Any) -> Opened:
    """
    Give the payload in what an Event Grid trigger of Azure Functions brings.

    Stripe's is a CloudEvent, whose outside can be checked. Releases of azure-functions that
    know no CloudEvent give an ``EventGridEvent`` with the same inside.
    """
    content = event.get_json()
    if not hasattr(event, "specversion"):
        return [_payload_of(content)]
    names = ("specversion", "source", "type")
    return [{**{name: getattr(event, name) for name in names}, "data": content}]


def _payload_of(item: object) -> Payload:
    return cast("Mapping[str, Any]", item) if isinstance(item, Mapping) else _NO_EVENT


def _permission(origin: str) -> WebhookResponse:
    # https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection
    headers = {
        "allow": "POST",
        "webhook-allowed-origin": origin,
        "webhook-allowed-rate": "*",
    }
    return WebhookResponse(Outcome.IGNORED, answer=Answer(b"", headers))
