"""
Events that are being read: their fields, before they are frozen.

Setting a field of a frozen class takes five times as long, and every delivery
would wait for that. A draft has the same slots and becomes an event by getting
its class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events._event import Event, EventMethods, EventNotification

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from stripe_events._event import EventData, EventRequest, Reason, RelatedObject


class EventDraft(EventMethods):
    """A snapshot event to be; its parameters are the fields of ``Event``."""

    __slots__ = Event.__slots__

    def __init__(  # noqa: PLR0917 - as many as Event has
        self,
        id: str,  # noqa: A002 - Stripe's name
        created: datetime,
        livemode: bool,  # noqa: FBT001 - Stripe's flag
        account: str | None,
        context: str | None,
        api_version: str | None,
        pending_webhooks: int,
        request: EventRequest,
        data: EventData[Any],
        payload: Mapping[str, Any],
    ) -> None:
        """Set the fields."""
        self.id = id
        self.created = created
        self.livemode = livemode
        self.account = account
        self.context = context
        self.api_version = api_version
        self.pending_webhooks = pending_webhooks
        self.request = request
        self.data = data
        self.payload = payload


class NotificationDraft(EventMethods):
    """A thin event to be; its parameters are the fields of ``EventNotification``."""

    __slots__ = EventNotification.__slots__

    def __init__(  # noqa: PLR0917 - as many as EventNotification has
        self,
        id: str,  # noqa: A002 - Stripe's name
        created: datetime,
        livemode: bool,  # noqa: FBT001 - Stripe's flag
        context: str | None,
        related_object: RelatedObject | None,
        reason: Reason | None,
        payload: Mapping[str, Any],
    ) -> None:
        """Set the fields."""
        self.id = id
        self.created = created
        self.livemode = livemode
        self.context = context
        self.related_object = related_object
        self.reason = reason
        self.payload = payload
