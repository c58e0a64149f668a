"""Tell another queue of events that are in the inbox: a hint, which may be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events._callables import is_awaitable
from stripe_events._delivery.effects import AsyncCall, Dispatch
from stripe_events._delivery.observing import log

if TYPE_CHECKING:
    from collections.abc import Generator

    from stripe_events._delivery.effects import Effect
    from stripe_events._delivery.ledger import Ledger
    from stripe_events._event import AnyEvent


def dispatched(ledger: Ledger, event: AnyEvent) -> Generator[Effect, Any, None]:
    """Call ``dispatch=``, if there is one; the event is safe in the inbox, whatever it raises."""
    effect = ledger.dispatched(event.id)
    if effect is None:
        return
    try:
        given = yield effect
        if is_awaitable(given):  # by a plain function: its type did not tell
            yield Dispatch(AsyncCall(_itself, given))
    except Exception as error:  # noqa: BLE001 - it is the user's code
        seconds = ledger.options.inbox.dispatch_grace
        log(
            "ERROR",
            f"dispatch= failed for {event.id} ({event.type}): it stays in the inbox, due for a "
            f"worker or rescue() in {seconds:g} s",
            error,
            event_id=event.id,
        )


def _itself(awaitable: Any) -> Any:
    return awaitable
