"""What is answered, logged and told when an event with a store could not be handled now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events._delivery.observing import log
from stripe_events._delivery.results import runs
from stripe_events._messages import WebhookResponse, outcome_of
from stripe_events.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events._delivery.context import Delivery
    from stripe_events._delivery.effects import Finish
    from stripe_events._delivery.settings import Settings
    from stripe_events._event import AnyEvent
    from stripe_events.errors import StripeEventsError


def failed(
    settings: Settings,
    event: AnyEvent,
    delivery: Delivery,
    error: StripeEventsError,
    finished: Sequence[Finish] = (),
    *,
    message: str | None = None,
) -> WebhookResponse:
    """Answer that the event could not be handled now, so that Stripe delivers again."""
    log("ERROR", message or str(error), error, event_id=event.id)
    settings.observers.tell("Failed", event, runs(finished), delivery.elapsed(), error)
    return WebhookResponse(outcome_of(error), event.id, error, delivery.answer)


def store_failed(
    settings: Settings,
    event: AnyEvent,
    delivery: Delivery,
    error: Exception,
    finished: Sequence[Finish] = (),
) -> WebhookResponse:
    """Do the same because of the store, whatever it raised."""
    if not isinstance(error, StoreError):
        cause, error = error, StoreError(f"the store failed: {error!r}")
        error.__cause__ = cause
    message = f"{event.id} ({event.type}) was not finished: {error}"
    return failed(settings, event, delivery, error, finished, message=message)
