"""
The store of a router, and how it is used.

Nothing here is loaded by a router without a store.
"""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from stripe_events._callables import is_async
from stripe_events._delivery.effects import AsyncCall, Call
from stripe_events._delivery.heartbeat import Heartbeat
from stripe_events._delivery.order import order_key, stale_key
from stripe_events._registry import account_of
from stripe_events.errors import UsageError
from stripe_events.storage._results import Arrival, Code, Plan, PlannedHandler, Release

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stripe_events._delivery.context import Delivery
    from stripe_events._delivery.order import OrderBy
    from stripe_events._event import AnyEvent
    from stripe_events._registry import Handler, RoutingTable

_BACKOFF_FIRST: Final = 10.0
_BACKOFF_MOST: Final = 3_600.0
_MISSING_AGAIN: Final = 60.0

_MOST_REMEMBERED: Final = 2_000

_SPARE: Final = 2.0
"""Seconds between the time limit of handlers and the end of a lease that is to cover them."""


class StoreOptions(NamedTuple):
    """What a router was told of its store; times in seconds."""

    store: Any
    scope: str
    lease: float
    busy_wait: float
    max_abandoned: int
    rescue_after: float
    order_by: OrderBy | None


class Ledger:
    """A store with all that deliveries need to know when they use it."""

    __slots__ = (
        "_call",
        "_plans",
        "_table",
        "code",
        "heartbeat",
        "is_async",
        "options",
        "store",
    )

    def __init__(self, options: StoreOptions, table: RoutingTable) -> None:
        """Take what the router was told, and what its code has."""
        self.options = options
        self.store = options.store
        self.is_async = is_async(options.store.accept)
        self._call = AsyncCall if self.is_async else Call
        self._table = table
        # By class and type, where the events of a type are treated alike.
        self._plans: dict[tuple[type[Any], str], Plan] = {}
        self.code = Code(
            frozenset(table.by_name),
            tuple((old, h.name) for h in table.handlers for old in h.formerly),
            table.retired,
            options.max_abandoned,
        )
        self.heartbeat = Heartbeat(options.store, options.lease, is_async=self.is_async)

    def lease(self, delivery: Delivery) -> float:
        """Give the seconds for which a delivery claims its event; some, even if it has no time."""
        if delivery.lease is not None:
            return delivery.lease
        return min(self.options.lease, max(0.0, delivery.seconds) + _SPARE)

    def outlasts(self, delivery: Delivery) -> bool:
        """Tell whether a lease lasts as long as the delivery may take, so that it needs no beat."""
        return (delivery.lease or self.options.lease) >= delivery.seconds + _SPARE

    def call(self, verb: str, *arguments: Any) -> Call:
        """Give a verb of the store with its arguments, to be called by a driver."""
        return self._call(getattr(self.store, verb), *arguments)

    def plan(self, event: AnyEvent) -> Plan:
        """Give what the code would do with an event, as far as ``where`` is not to be asked."""
        plan = self._plans.get((type(event), event.type))
        if plan is not None:
            return plan
        wanted, undecided = self._table.candidates(event)
        plan = Plan(planned(event, wanted), (), tuple([handler.name for handler in undecided]))
        if self._table.treats_alike(event) and len(self._plans) < _MOST_REMEMBERED:
            self._plans[type(event), event.type] = plan
        return plan

    def arrival(self, event: AnyEvent, payload: bytes, plan: Plan, *, trusted: bool) -> Arrival:
        """Give what the store is to know of an event; what ``order_by`` raises is raised."""
        options = self.options
        return Arrival(
            options.scope,
            event.id,
            event.type,
            account_of(event),
            event.livemode,
            event.created.timestamp(),
            payload,
            plan,
            self.code,
            os.urandom(8).hex(),
            None if options.order_by is None else order_key(options.order_by, event),
            trusted,
            options.rescue_after,
        )

    def release(
        self,
        *,
        retry_after: float | None = None,
        attempts: int = 0,
        missing: tuple[str, ...] = (),
        to_inbox: bool = False,
    ) -> Release:
        """
        Give when an event is due again after this attempt.

        Stripe delivers inline events again by its own schedule; they are due once it has
        given up, or when a handler asked for it (seconds). What was answered already is
        not delivered again, so it goes to the inbox.
        """
        inline = self.options.rescue_after if retry_after is None else retry_after
        inbox = _backoff(attempts) if retry_after is None else retry_after
        if missing and not attempts:
            inbox = _MISSING_AGAIN
        return Release(inline, inbox, missing, to_inbox)


def encoded(event: AnyEvent) -> bytes:
    """
    Give the JSON of an event that did not come as such.

    Raises:
        UsageError: its payload holds what no JSON does.
    """
    try:
        return json.dumps(dict(event.payload), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the payload has no form in JSON, to be recorded: {error}") from error


def planned(
    event: AnyEvent, handlers: Iterable[Handler], *, undecided: bool = False
) -> tuple[PlannedHandler, ...]:
    """Give the handlers as the store is to know them."""
    return tuple(
        [
            PlannedHandler(
                handler.name,
                None if handler.stale is None else stale_key(handler.stale, event),
                undecided,
                handler.formerly,
            )
            for handler in handlers
        ]
    )


def _backoff(attempts: int) -> float:
    """Give the seconds until an inbox event is tried again: exponential, with full jitter."""
    if not attempts:
        return 0.0
    most = min(_BACKOFF_MOST, _BACKOFF_FIRST * 2.0 ** min(attempts - 1, 20))
    return random.uniform(1.0, most)  # noqa: S311 - it spreads load, nothing secret
