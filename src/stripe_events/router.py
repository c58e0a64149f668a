"""``EventRouter``: the facade over registration, verification and delivery."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from stripe_events._delivery import flow
from stripe_events._delivery.context import TIME_LIMIT
from stripe_events._messages import MAX_BODY_BYTES, Body, Headers, WebhookResponse
from stripe_events._serving import Serving
from stripe_events._verification import Secrets, SignatureVerifier, Verifier
from stripe_events.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stripe_events._delivery.ledger import StoreOptions
    from stripe_events._delivery.order import OrderBy
    from stripe_events._event import AnyEvent
    from stripe_events._registry import Way
    from stripe_events._retry import Retry
    from stripe_events.storage import AsyncEventStore, EventStore

__all__ = ["EventRouter"]

_NO_SECRETS: Final[tuple[str, ...]] = ()


class EventRouter(Serving):
    """
    Takes Stripe's deliveries and runs the handlers registered for them.

    A router made without secrets is a collection of handlers, for another router to
    ``include``, or for trusted input (``process``).

    Args:
        secrets: signing secrets of the endpoint: one, several, several by name, or
            a callable that gives any of these (asked at first use, and again, at
            most once a minute, when no secret matches).
        verifier: instead of secrets, what decides whether a delivery is authentic;
            see ``stripe_events.verification``.
        tolerance: how far a signature's time may be off, in seconds, either side.
        expect_livemode: True in production, so that test events are ignored (and
            answered 200); False for the opposite; None takes both.
        max_body_bytes: longer bodies are answered 413 before anything else.
        handler_threads: how many sync handlers may run at once under ``ahandle``;
            None leaves it to Python.
        clock: gives the time in unix seconds.
        store: the ledger, see ``stripe_events.storage``: what was recorded there is
            handled once, also if Stripe delivers it again. None keeps nothing.
        scope: keeps services that share a store apart.
        lease: for how many seconds a claim lasts if its process dies; while it lives,
            it is extended.
        busy_wait: how many seconds a delivery waits for another one of the same event.
        max_abandoned: after how many runs that ended with their process a handler is dead.
        rescue_after: seconds after which an event that failed inline is due for
            ``rescue``; by default when Stripe has stopped delivering it.
        order_by: ``"object"``, or a function that gives an event's key: events of one
            key are handled one at a time, in the order of their creation.
        order_inline: say that an event may wait for Stripe's next try, as order asks.
        delivery: ``"inline"`` runs handlers before Stripe is answered. ``"inbox"`` only
            records the event and answers; a ``Worker`` runs them (``rescue`` does so too).
            ``delivery=`` of a handler goes before it.
        inline: types that never go to the inbox, as classes, names or patterns; besides
            ``issuing_authorization.request``, whose answer Stripe reads.
        dispatch: is given the id of each event that was put into the inbox, to tell a
            queue that you have; a job there calls ``run``. May be async. What it raises is
            logged: the event is in the inbox all the same.
        dispatch_grace: seconds after which a worker takes what was given to ``dispatch``
            and not run.
        retry: how workers try again what failed; ``retry=`` of a handler goes before it.

    Raises:
        ConfigurationError: blank secrets, or None for one, as an environment variable
            that is not set gives it; secrets and a verifier, or another
            setting that cannot be meant.
    """

    def __init__(
        self,
        secrets: Secrets = _NO_SECRETS,
        *,
        verifier: Verifier | None = None,
        tolerance: float = 300.0,
        expect_livemode: bool | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        handler_threads: int | None = None,
        clock: Callable[[], float] = time.time,
        store: EventStore | AsyncEventStore | None = None,
        scope: str = "default",
        lease: float = 30.0,
        busy_wait: float = 1.0,
        max_abandoned: int = 5,
        rescue_after: float = 345_600.0,
        order_by: OrderBy | None = None,
        order_inline: bool = False,
        delivery: Way = "inline",
        inline: Sequence[type[AnyEvent] | str] = (),
        dispatch: Callable[[str], object] | None = None,
        dispatch_grace: float = 60.0,
        retry: Retry | None = None,
    ) -> None:
        """Check the settings; nothing is started yet."""
        options = _options(
            store,
            (scope, lease, busy_wait, max_abandoned, rescue_after),
            (order_by, order_inline),
            (delivery, inline, dispatch, dispatch_grace, retry),
        )
        super().__init__(
            clock=clock,
            max_body_bytes=max_body_bytes,
            expect_livemode=expect_livemode,
            handler_threads=handler_threads,
            store=options,
        )
        self._verifier = _verifier(secrets, verifier, tolerance, clock)

    def handle(
        self,
        body: Body,
        headers: Headers,
        *,
        time_limit: float = TIME_LIMIT,
        lease: float | None = None,
    ) -> WebhookResponse:
        """
        Verify a delivery and run its handlers, in this thread.

        Async handlers run on one background event loop and are waited for.
        Handlers run one after another, each of them even if another fails.

        Args:
            body: the raw body, as the framework read it before parsing any JSON.
            headers: the request's headers in any usual form.
            time_limit: the seconds that handlers have; see ``Context.deadline``.
            lease: for how many seconds the claim of this delivery lasts, instead of the
                router's; one that outlasts ``time_limit`` by 2 s is never extended.

        Returns:
            What to answer, for any bytes and any headers; nothing raises because
            of them, nor because of an Exception of a handler. What is to end the
            process or thread (KeyboardInterrupt, SystemExit) passes through.

        Raises:
            UsageError: no secrets, async middleware, or a body that is not raw;
                or, as ``freeze`` was not called before, what that raises.
        """
        return self._drivers.drive(
            self._webhook(body, headers, time_limit, lease=lease, in_threads=True)
        )

    async def ahandle(
        self,
        body: Body,
        headers: Headers,
        *,
        time_limit: float = TIME_LIMIT,
        lease: float | None = None,
    ) -> WebhookResponse:
        """
        Do the same as ``handle``, in the running event loop.

        Sync handlers run in threads, with the context variables of the caller.
        Cancelling this stops the waiting, not the handlers.
        """
        return await self._drivers.adrive(self._webhook(body, headers, time_limit, lease=lease))

    def process(
        self,
        payload: Body | Mapping[str, Any],
        *,
        time_limit: float = TIME_LIMIT,
        lease: float | None = None,
    ) -> WebhookResponse:
        """
        Run the handlers for input that something else has authenticated.

        No signature is checked: never give it what an open endpoint received.

        Args:
            payload: an EventBridge event, an Event Grid CloudEvent, an SNS notification
                of either, or the bare Stripe event; raw JSON or the object parsed from it.
            time_limit: the seconds that handlers have; see ``Context.deadline``.
            lease: as for ``handle``.

        Returns:
            What became of it; ``malformed`` for an envelope that is not Stripe's
            or names another type than the event in it.

        Raises:
            UsageError: async middleware, or a payload that is neither JSON nor a
                mapping, or with a store has no form in JSON; or what ``freeze`` raises.
        """
        settings = self._compiled(in_threads=True)
        return self._drivers.drive(flow.trusted(settings, payload, time_limit, lease=lease))

    async def aprocess(
        self,
        payload: Body | Mapping[str, Any],
        *,
        time_limit: float = TIME_LIMIT,
        lease: float | None = None,
    ) -> WebhookResponse:
        """Do the same as ``process``, in the running event loop; see ``ahandle``."""
        settings = self._compiled()
        return await self._drivers.adrive(flow.trusted(settings, payload, time_limit, lease=lease))

    def _webhook(
        self,
        body: Body,
        headers: Headers,
        time_limit: float,
        *,
        lease: float | None = None,
        in_threads: bool = False,
    ) -> flow.Flow:
        verifier = self._verifier or self._refuse_unverified()
        settings = self._compiled(in_threads=in_threads)
        return flow.webhook(settings, verifier, body, headers, time_limit, lease=lease)


def _options(
    store: EventStore | AsyncEventStore | None,
    claims: tuple[str, float, float, int, float],
    order: tuple[OrderBy | None, bool],
    inbox: tuple[Way, Sequence[Any], Callable[[str], object] | None, float, Retry | None],
) -> StoreOptions | None:
    if store is None and order[0] is None and inbox[:3] == ("inline", (), None) and not inbox[4]:
        return None  # without loading what checks the options of a store
    from stripe_events._store_options import InboxWishes, OrderWishes, StoreWishes, store_options

    return store_options(StoreWishes(store, *claims), OrderWishes(*order), InboxWishes(*inbox))


def _verifier(
    secrets: Secrets, verifier: Verifier | None, tolerance: float, clock: Callable[[], float]
) -> Verifier | None:
    if secrets is _NO_SECRETS:
        return verifier
    if verifier is not None:
        raise ConfigurationError("give secrets= or verifier=, not both")
    return SignatureVerifier(secrets, tolerance=tolerance, clock=clock)
