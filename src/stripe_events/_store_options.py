"""What a router is told of its store, checked before anything is done with it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from stripe_events._callables import is_async
from stripe_events.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events._delivery.ledger import StoreOptions
    from stripe_events._delivery.order import OrderBy

_EVENT_VERBS = ("accept", "finish", "suspend", "give_back", "extend")


def store_options(
    store: Any,
    *,
    scope: str,
    lease: float,
    busy_wait: float,
    max_abandoned: int,
    rescue_after: float,
    order_by: OrderBy | None,
    order_inline: bool,
) -> StoreOptions | None:
    """
    Check what a router is told of its store; None without one.

    Raises:
        ConfigurationError: the store lacks verbs, or a setting cannot be meant.
    """
    if store is None:
        if order_by is not None:
            raise ConfigurationError("order_by= needs a store, where the order is kept")
        return None
    check_verbs(store)
    if not (_is_text(scope) and scope):
        msg = f"scope= is the name of the service, as text, not {scope!r}"
        raise ConfigurationError(msg)
    _check_numbers(lease, busy_wait, rescue_after, max_abandoned)
    if order_by is not None:
        _check_order(order_by, order_inline=order_inline)
    from stripe_events._delivery.ledger import StoreOptions

    return StoreOptions(store, scope, lease, busy_wait, max_abandoned, rescue_after, order_by)


def check_verbs(store: object, verbs: Sequence[str] = _EVENT_VERBS) -> None:
    """
    Refuse a store that lacks what is needed of it.

    Raises:
        ConfigurationError: names what is missing.
    """
    if isinstance(store, type):
        msg = f"store= is a store: {store.__name__} is a class, of which one is to be made"
        raise ConfigurationError(msg)
    missing = [verb for verb in verbs if not callable(getattr(store, verb, None))]
    if missing:
        msg = f"store {type(store).__name__} lacks {', '.join(missing)}; see stripe_events.storage"
        raise ConfigurationError(msg)


def _check_numbers(
    lease: float, busy_wait: float, rescue_after: float, max_abandoned: object
) -> None:
    if not (
        _is_seconds(lease)
        and lease
        and _is_seconds(busy_wait)
        and _is_seconds(rescue_after)
        and isinstance(max_abandoned, int)
        and max_abandoned >= 1
    ):
        raise ConfigurationError(
            "lease= is above 0, busy_wait= and rescue_after= are 0 or more (seconds, finite), "
            "max_abandoned= is a whole number from 1 up"
        )


def _check_order(order_by: object, *, order_inline: bool) -> None:
    if order_by != "object" and (not callable(order_by) or is_async(order_by)):
        msg = f"order_by= is 'object' or a plain function of an event, not {order_by!r}"
        raise ConfigurationError(msg)
    if not order_inline:
        raise ConfigurationError(
            "order_by= makes events wait for one another: with inline delivery, a successor "
            "waits for Stripe's next try; say order_inline=True if that is meant"
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < math.inf
