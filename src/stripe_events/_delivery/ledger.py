"""
The store of a router, and how it is used.

Nothing here is loaded by a router without a store.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from stripe_events._callables import is_async
from stripe_events._delivery.effects import AsyncCall, Call, Dispatch
from stripe_events._delivery.heartbeat import Heartbeat
from stripe_events._delivery.order import order_key, stale_key
from stripe_events._registry import account_of, kind_of
from stripe_events.errors import UsageError
from stripe_events.storage._results import Arrival, Code, Plan, PlannedHandler, Release

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stripe_events._delivery.context import Delivery
    from stripe_events._delivery.order import OrderBy
    from stripe_events._event import AnyEvent
    from stripe_events._registry import Handler, RoutingTable, Selector, Way
    from stripe_events._retry import Retry

_MOST_REMEMBERED: Final = 2_000

_SPARE: Final = 2.0
"""Seconds between the time limit of handlers and the end of a lease that is to cover them."""


_ANSWERED: Final = frozenset(
    {("snapshot", "issuing_authorization.request"), ("thin", "v1.issuing_authorization.request")}
)
"""
What Stripe waits for the answer of, so that it never goes to the inbox.
https://docs.stripe.com/issuing/controls/real-time-authorizations
"""

_NOBODY: Final[frozenset[str]] = frozenset()


class InboxOptions(NamedTuple):
    """
    What is left to workers, and how they try again.

    ``inline``: types that never are. ``dispatch`` is told of each event that is, which
    workers take ``dispatch_grace`` seconds later.
    """

    delivery: Way
    inline: Selector | None
    dispatch: Callable[[str], object] | None
    dispatch_grace: float
    retry: Retry


class StoreOptions(NamedTuple):
    """What a router was told of its store; times in seconds."""

    store: Any
    scope: str
    lease: float
    busy_wait: float
    max_abandoned: int
    rescue_after: float
    order_by: OrderBy | None
    order_inline: bool
    inbox: InboxOptions


class Ledger:
    """A store with all that deliveries need to know when they use it."""

    __slots__ = (
        "_call",
        "_inbox",
        "_plans",
        "_table",
        "_verbs",
        "code",
        "heartbeat",
        "is_async",
        "options",
        "store",
    )

    def __init__(self, options: StoreOptions, table: RoutingTable, verbs: Any = None) -> None:
        """
        Take what the router was told, and what its code has.

        ``verbs``: what the store's verbs are asked of; by default the store.
        """
        self.options = options
        self.store = options.store
        self._verbs = options.store if verbs is None else verbs
        self.is_async = is_async(self._verbs.accept)
        self._call = AsyncCall if self.is_async else Call
        self._table = table
        self._inbox = frozenset(
            handler.name
            for handler in table.handlers
            if (handler.delivery or options.inbox.delivery) == "inbox"
        )
        # By class and type, where the events of a type are treated alike.
        self._plans: dict[tuple[type[Any], str], Plan] = {}
        self.code = Code(
            frozenset(table.by_name),
            tuple((old, h.name) for h in table.handlers for old in h.formerly),
            table.retired,
            options.max_abandoned,
        )
        beats = options.store.extend
        self.heartbeat = Heartbeat(options.store, options.lease, is_async=is_async(beats))

    def through(self, verbs: Any) -> Ledger:
        """Give the same ledger with a heartbeat of its own, whose verbs are asked of another."""
        return Ledger(self.options, self._table, verbs)

    @property
    def is_inbox(self) -> bool:
        """Whether anything is left to workers."""
        return self.options.inbox.delivery == "inbox" or bool(self._inbox)

    @property
    def is_inline(self) -> bool:
        """Whether anything is run before Stripe is answered."""
        return not self._inbox.issuperset(self._table.by_name)

    def for_inbox(self, event: AnyEvent) -> frozenset[str]:
        """Give the handlers that are left to workers, if they are for this event."""
        if not self._inbox:
            return _NOBODY
        kind, inline = kind_of(event), self.options.inbox.inline
        if (kind, event.type) in _ANSWERED or (inline and inline.selects(kind, event.type)):
            return _NOBODY
        return self._inbox

    def inline_code(self, code: Code) -> Code:
        """Give the code as a claim is to know it that leaves the inbox's handlers alone."""
        return code._replace(handlers=code.handlers - self._inbox)

    def dispatched(self, event_id: str) -> Dispatch | None:
        """Give the effect by which another queue is told of an event; None without one."""
        dispatch = self.options.inbox.dispatch
        if dispatch is None:
            return None
        return Dispatch((AsyncCall if is_async(dispatch) else Call)(dispatch, event_id))

    def retry(self, handler: str) -> Retry:
        """Give how workers try a handler again."""
        found = self._table.by_name.get(handler)
        return self.options.inbox.retry if found is None or found.retry is None else found.retry

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
        return self._call(getattr(self._verbs, verb), *arguments)

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
            "inline",
            options.inbox.dispatch_grace,
        )

    def release(
        self,
        *,
        inline: float | None = None,
        inbox: float = 0.0,
        missing: tuple[str, ...] = (),
        to_inbox: bool = False,
    ) -> Release:
        """
        Give when an event is due again after this attempt, in seconds, by who makes the next.

        Stripe delivers inline events again by its own schedule; they are due once it has
        given up, or when a handler asked for it. What was answered already is not
        delivered again, so it goes to the inbox.
        """
        after = self.options.rescue_after if inline is None else inline
        return Release(after, inbox, missing, to_inbox)


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
