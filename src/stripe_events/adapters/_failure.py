"""What says "again" to a platform that knows no other answer than an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events._messages import Outcome
from stripe_events.errors import Busy, ProcessingError

if TYPE_CHECKING:
    from stripe_events._messages import WebhookResponse

__all__ = ["is_taken", "raise_failure"]

_ERRORS = 400
"""From this status on, an outcome says that an event is to come again."""


def is_taken(response: WebhookResponse) -> bool:
    """Tell whether an event need not come again; nobody reads what a handler answers here."""
    return response.outcome.status < _ERRORS


def raise_failure(response: WebhookResponse) -> None:
    """
    Raise if an event is to be delivered again.

    Platforms write the error into logs and dead letters, so it says no more than of which
    event, and what its outcome was; the router has logged the reason.

    Raises:
        ProcessingError: it was not handled, or it is no event: what nobody can read is not
            thrown away. Busy, if it is being processed elsewhere.
    """
    if not is_taken(response):
        error = Busy if response.outcome is Outcome.BUSY else ProcessingError
        raise error(f"{response.event_id or 'what came'} was not handled: {response.outcome}")
