"""
Fetching what a thin event speaks of, by stripe-python's own notification classes.

These know the addresses, the headers (``Stripe-Context``,
``Stripe-Request-Trigger``) and the classes of the answers. They came with stripe
13; for stripe 12 the same requests are made with ``StripeClient.raw_request``,
which is public there. All requests go through the client that the caller gives,
with its key, its retries and its transport.

https://docs.stripe.com/event-destinations#fetch-data
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from stripe_events.errors import MalformedPayload

if TYPE_CHECKING:
    from collections.abc import Mapping

    import stripe

__all__ = ["afetch_event", "afetch_related_object", "fetch_event", "fetch_related_object"]


def fetch_event(payload: Mapping[str, Any], client: stripe.StripeClient) -> Any:
    """
    Fetch the whole event as the class that the installed stripe has for its type.

    Args:
        payload: the parsed JSON of the thin event; ``id`` and ``type`` are required.
        client: what makes the request.

    Raises:
        stripe.StripeError: whatever the request raises.
    """
    return _notification(payload, client).fetch_event()


async def afetch_event(payload: Mapping[str, Any], client: stripe.StripeClient) -> Any:
    """Do the same as ``fetch_event``, awaited."""
    return await _notification(payload, _AwaitedClient(client)).fetch_event_async()


def fetch_related_object(payload: Mapping[str, Any], client: stripe.StripeClient) -> Any:
    """
    Fetch the object that the event is about as it is now; None where it names none.

    Raises:
        MalformedPayload: the address is no path: a request to it could leave Stripe.
        stripe.StripeError: whatever the request raises.
    """
    if not payload.get("related_object"):
        return None
    return _notification_with_object(payload, client).fetch_related_object()


async def afetch_related_object(payload: Mapping[str, Any], client: stripe.StripeClient) -> Any:
    """Do the same as ``fetch_related_object``, awaited."""
    if not payload.get("related_object"):
        return None
    notification = _notification_with_object(payload, _AwaitedClient(client))
    return await notification.fetch_related_object_async()


class _AwaitedClient:
    """
    A client for the SDK's awaited methods that keeps ``usage`` out of the query.

    ``usage`` is for the SDK's telemetry: ``raw_request`` takes it out of the
    parameters, ``raw_request_async`` does not (stripe 13.0 to 16.1), so that
    ``?usage[0]=...`` would be asked of the API.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def with_stripe_context(self, context: Any) -> _AwaitedClient:
        return _AwaitedClient(self._client.with_stripe_context(context))

    async def raw_request_async(self, method: str, url: str, **options: Any) -> Any:
        options.pop("usage", None)
        return await self._client.raw_request_async(method, url, **options)

    def deserialize(self, answer: Any, *, api_mode: str) -> Any:
        return self._client.deserialize(answer, api_mode=api_mode)


class _Stripe12Notification:
    """What stripe 12 lacks: a notification that fetches, with the interface of later ones."""

    def __init__(self, payload: Mapping[str, Any], client: Any) -> None:
        self._client = client
        self._id: str = payload["id"]
        self._related: Mapping[str, Any] = payload.get("related_object") or {}
        self._options = {
            "stripe_context": payload.get("context") or None,
            "headers": {"Stripe-Request-Trigger": f"event={self._id}"},
        }

    def fetch_event(self) -> Any:
        answer = self._client.raw_request("get", self._event_path, **self._options)
        return self._client.deserialize(answer, api_mode="V2")

    async def fetch_event_async(self) -> Any:
        answer = await self._client.raw_request_async("get", self._event_path, **self._options)
        return self._client.deserialize(answer, api_mode="V2")

    def fetch_related_object(self) -> Any:
        answer = self._client.raw_request("get", self._related["url"], **self._options)
        return self._client.deserialize(answer, api_mode=self._related_mode)

    async def fetch_related_object_async(self) -> Any:
        path = self._related["url"]
        answer = await self._client.raw_request_async("get", path, **self._options)
        return self._client.deserialize(answer, api_mode=self._related_mode)

    @property
    def _event_path(self) -> str:
        return f"/v2/core/events/{quote_plus(self._id)}"

    @property
    def _related_mode(self) -> str:
        return "V2" if self._related["url"].startswith("/v2") else "V1"


def _notification(payload: Mapping[str, Any], client: Any) -> Any:
    # The base class: those of the types demand a related object, whose absence
    # is no reason not to fetch the event.
    try:
        from stripe.v2.core import EventNotification
    except ImportError:
        return _Stripe12Notification(payload, client)
    return EventNotification(_needed(payload), client)


def _notification_with_object(payload: Mapping[str, Any], client: Any) -> Any:
    _check_path(payload["related_object"].get("url"))
    try:
        from stripe.v2.core import EventNotification
    except ImportError:
        return _Stripe12Notification(payload, client)
    # In stripe 13 and 14 from_json takes nothing but text.
    found = EventNotification.from_json(json.dumps(_needed(payload)), client)
    if hasattr(found, "fetch_related_object"):
        return found
    from stripe.events import UnknownEventNotification

    return UnknownEventNotification(_needed(payload), client)


def _needed(payload: Mapping[str, Any]) -> dict[str, Any]:
    # Fields that a fetch does not use are left out: the SDK fails on forms of
    # them that it does not know.
    return {
        "object": "v2.core.event",
        "id": payload["id"],
        "type": payload["type"],
        "created": payload.get("created", ""),
        "context": payload.get("context"),
        "related_object": payload.get("related_object"),
    }


def _check_path(url: Any) -> None:
    # The SDK appends it to a base address without a slash in between, and checks
    # it from stripe 15.6 on: "@example.com/" would send the key elsewhere.
    if not isinstance(url, str) or not url.startswith("/") or url.startswith("//"):
        raise MalformedPayload("the related object's url is no path")
