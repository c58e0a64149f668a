"""What a router is told of its store, checked before anything is done with it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from stripe_events._callables import is_async
from stripe_events._handlers import check_delivery
from stripe_events.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stripe_events._delivery.ledger import InboxOptions, Ledger, StoreOptions
    from stripe_events._delivery.order import OrderBy
    from stripe_events._registry import Selector, Way
    from stripe_events._retry import Retry

_EVENT_VERBS = ("accept", "finish", "suspend", "give_back", "extend")
_INBOX_VERBS = ("enqueue", "take_due")


class InboxWishes(NamedTuple):
    """What a router is told of its inbox, as it comes; see ``EventRouter``."""

    delivery: Way
    inline: Sequence[Any]
    dispatch: Callable[[str], object] | None
    dispatch_grace: float
    retry: Retry | None


class StoreWishes(NamedTuple):
    """What a router is told of its store, as it comes; see ``EventRouter``."""

    store: Any
    scope: str
    lease: float
    busy_wait: float
    max_abandoned: int
    rescue_after: float


class OrderWishes(NamedTuple):
    """What a router is told of the order of events, as it comes; see ``EventRouter``."""

    by: OrderBy | None
    inline: bool


def store_options(told: StoreWishes, order: OrderWishes, inbox: InboxWishes) -> StoreOptions | None:
    """
    Check what a router is told of its store; None without one.

    Raises:
        ConfigurationError: the store lacks verbs, or a setting cannot be meant.
    """
    if told.store is None:
        _refuse_without_store(
            order_by=order.by,
            delivery=inbox.delivery,
            inline=inbox.inline or None,
            dispatch=inbox.dispatch,
            retry=inbox.retry,
        )
        return None
    checked = _inbox_options(inbox)
    is_inbox = inbox.delivery == "inbox"
    check_verbs(told.store)
    if is_inbox:
        check_inbox_store(told.store)
    if not (_is_text(told.scope) and told.scope):
        msg = f"scope= is the name of the service, as text, not {told.scope!r}"
        raise ConfigurationError(msg)
    _check_numbers(told.lease, told.busy_wait, told.rescue_after, told.max_abandoned)
    if order.by is not None:
        _check_order(order.by)
        is_inline = not is_inbox or checked.inline is not None
        check_order_inline(order_inline=order.inline, is_inline=is_inline)
    from stripe_events._delivery.ledger import StoreOptions

    return StoreOptions(*told, order.by, order.inline, checked)


def _inbox_options(wishes: InboxWishes) -> InboxOptions:
    from stripe_events._delivery.ledger import InboxOptions
    from stripe_events._retry import Retry, checked

    check_delivery(wishes.delivery)
    if wishes.dispatch is not None and not callable(cast("object", wishes.dispatch)):
        msg = f"dispatch= is a function that takes the id of an event, not {wishes.dispatch!r}"
        raise ConfigurationError(msg)
    if not _is_seconds(wishes.dispatch_grace):
        raise ConfigurationError("dispatch_grace= is 0 or more (seconds, finite)")
    return InboxOptions(
        wishes.delivery,
        _inline_types(wishes.inline),
        wishes.dispatch,
        0.0 if wishes.dispatch is None else wishes.dispatch_grace,
        Retry() if wishes.retry is None else checked(wishes.retry),
    )


def _refuse_without_store(**options: object) -> None:
    for name, value in options.items():
        if value not in (None, "inline"):
            msg = f"{name}= needs a store, where it is kept: give EventRouter(store=...)"
            raise ConfigurationError(msg)


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


def _inline_types(named: Any) -> Selector | None:
    if isinstance(named, str | type) or not hasattr(named, "__iter__"):
        msg = f"inline= takes event classes, or names of types, in a list: [{named!r}]"
        raise ConfigurationError(msg)
    if not named:
        return None
    from stripe_events._selectors import select_any

    try:
        return select_any(named)
    except UsageError as error:
        msg = f"inline=: {error}"
        raise type(error)(msg) from error


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


def _check_order(order_by: object) -> None:
    if order_by != "object" and (not callable(order_by) or is_async(order_by)):
        msg = f"order_by= is 'object' or a plain function of an event, not {order_by!r}"
        raise ConfigurationError(msg)


def check_order_inline(*, order_inline: bool, is_inline: bool) -> None:
    """
    Refuse order where some events are delivered inline, unless that was meant.

    Raises:
        ConfigurationError: names the way out.
    """
    if is_inline and not order_inline:
        raise ConfigurationError(
            "order_by= makes events wait for one another: with inline delivery, a successor "
            "waits for Stripe's next try; say order_inline=True if that is meant, or deliver "
            'to the inbox (delivery="inbox")'
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < math.inf


def check_inbox(ledger: Ledger) -> None:
    """
    Refuse, once the handlers are known, what cannot be an inbox, or keep order inline.

    Raises:
        ConfigurationError: names what is missing, or the way out.
    """
    options = ledger.options
    if options.order_by is not None:
        check_order_inline(order_inline=options.order_inline, is_inline=ledger.is_inline)
    if ledger.is_inbox:
        check_inbox_store(options.store)


def check_inbox_store(store: Any) -> None:
    """
    Refuse a store that cannot be an inbox.

    Raises:
        ConfigurationError: it lacks verbs, or may lose what was acknowledged.
    """
    check_verbs(store, _INBOX_VERBS)
    getattr(store, "check_inbox", bool)()
