"""``EventRouter``: the facade over registration, verification and delivery."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from stripe_events._callables import is_async_generator
from stripe_events._delivery import flow
from stripe_events._delivery.context import TIME_LIMIT
from stripe_events._delivery.drivers import Drivers
from stripe_events._delivery.observing import Observers
from stripe_events._messages import MAX_BODY_BYTES, Body, Headers, WebhookResponse
from stripe_events._registration import Registration
from stripe_events._registry import compile_table
from stripe_events._verification import Secrets, SignatureVerifier, Verifier
from stripe_events.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stripe_events._event import AnyEvent
    from stripe_events._registry import Explanation, Kind, RoutingTable

__all__ = ["EventRouter"]


class EventRouter(Registration):
    """
    Takes Stripe's deliveries and runs the handlers registered for them.

    A router without secrets is a collection of handlers, for another router to
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

    Raises:
        ConfigurationError: blank secrets, secrets and a verifier, or another
            setting that cannot be meant.
    """

    def __init__(
        self,
        secrets: Secrets | None = None,
        *,
        verifier: Verifier | None = None,
        tolerance: float = 300.0,
        expect_livemode: bool | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        handler_threads: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Check the settings; nothing is started yet."""
        super().__init__()
        if secrets is not None and verifier is not None:
            raise ConfigurationError("give secrets= or verifier=, not both")
        if secrets is not None:
            verifier = SignatureVerifier(secrets, tolerance=tolerance, clock=clock)
        if max_body_bytes < 1:
            raise ConfigurationError("max_body_bytes= allows nothing: give bytes from 1 up")
        if handler_threads is not None and handler_threads < 1:
            raise ConfigurationError("handler_threads= allows none: give a number from 1 up")
        self.expect_livemode = expect_livemode
        self._verifier = verifier
        self._max_body_bytes = max_body_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._settings: flow.Settings | None = None
        self._drivers = Drivers(handler_threads)

    @property
    def expect_livemode(self) -> bool | None:
        """What ``livemode`` events must have to be handled; None takes both."""
        return self._expect_livemode

    @expect_livemode.setter
    def expect_livemode(self, value: bool | None) -> None:
        self._check_open()
        if value not in (None, True, False):  # the text "false" would ignore every event
            msg = f"expect_livemode= is True, False or None, not {value!r}"
            raise ConfigurationError(msg)
        self._expect_livemode = value

    def handle(
        self, body: Body, headers: Headers, *, time_limit: float = TIME_LIMIT
    ) -> WebhookResponse:
        """
        Verify a delivery and run its handlers, in this thread.

        Async handlers run on one background event loop and are waited for.
        Handlers run one after another, each of them even if another fails.

        Args:
            body: the raw body, as the framework read it before parsing any JSON.
            headers: the request's headers in any usual form.
            time_limit: the seconds that handlers have; see ``Context.deadline``.

        Returns:
            What to answer, for any bytes and any headers; nothing raises because
            of them, nor because of a handler.

        Raises:
            UsageError: no secrets, async middleware, or a body that is not raw.
        """
        return self._drivers.drive(self._webhook(body, headers, time_limit, in_threads=True))

    async def ahandle(
        self, body: Body, headers: Headers, *, time_limit: float = TIME_LIMIT
    ) -> WebhookResponse:
        """
        Do the same as ``handle``, in the running event loop.

        Sync handlers run in threads, with the context variables of the caller.
        Cancelling this stops the waiting, not the handlers.
        """
        return await self._drivers.adrive(self._webhook(body, headers, time_limit))

    def process(
        self, payload: Body | Mapping[str, Any], *, time_limit: float = TIME_LIMIT
    ) -> WebhookResponse:
        """
        Run the handlers for input that something else has authenticated.

        No signature is checked: never give it what an open endpoint received.

        Args:
            payload: an EventBridge event, an Event Grid CloudEvent, or the bare
                Stripe event; raw JSON or the object parsed from it.
            time_limit: the seconds that handlers have; see ``Context.deadline``.

        Returns:
            What became of it; ``malformed`` for an envelope that is not Stripe's
            or names another type than the event in it.
        """
        settings = self._compiled(in_threads=True)
        return self._drivers.drive(flow.trusted(settings, payload, time_limit))

    async def aprocess(
        self, payload: Body | Mapping[str, Any], *, time_limit: float = TIME_LIMIT
    ) -> WebhookResponse:
        """Do the same as ``process``, in the running event loop; see ``ahandle``."""
        return await self._drivers.adrive(flow.trusted(self._compiled(), payload, time_limit))

    def match(self, event: AnyEvent) -> list[str]:
        """
        Give the names of the handlers that would run for an event, in order.

        Pure: nothing runs but filters, and what a ``where`` raises is raised.
        The router is not frozen by it.
        """
        return [explanation.handler for explanation in self.explain(event) if explanation.runs]

    def explain(self, event: AnyEvent) -> list[Explanation]:
        """Say for every handler, in running order, whether it would run, or what refuses it."""
        return self._table().explain(event)

    def enabled_events(self, kind: Kind = "snapshot") -> list[str]:
        """
        Give the types that the endpoint must be subscribed to, sorted.

        With ``on_any`` that is ``*``, followed by the types it does not cover.
        Fallbacks ask for nothing. Retired types are left out.
        """
        from stripe_events._enabled import enabled_events

        return enabled_events(self._table().handlers, kind)

    def freeze(self) -> None:
        """
        Compile the routing table now, instead of at the first delivery.

        Registering anything later is a UsageError, here and in included routers.

        Raises:
            DuplicateHandler: two included routers have handlers of the same name.
        """
        self._compiled()

    def close(self, *, wait: float = 30.0) -> None:
        """
        Stop for good: deliveries from now on are answered 503.

        Waits for what is under way, in any thread and on any event loop, at most
        ``wait`` seconds. Then async handlers are cancelled, and have 5 s to clean
        up; a sync handler cannot be: it runs on. No other handler starts.

        In a coroutine, ``await aclose()``: this would keep the deliveries on that
        event loop from ending, so it does not wait for them.

        Raises:
            UsageError: called inside an async handler that runs under ``handle``.
        """
        self._drivers.close(wait)

    async def aclose(self, *, wait: float = 30.0) -> None:
        """Do the same as ``close``, while the deliveries on this event loop go on."""
        await self._drivers.aclose(wait)

    def _webhook(
        self, body: Body, headers: Headers, time_limit: float, *, in_threads: bool = False
    ) -> flow.Flow:
        if self._verifier is None:
            raise ConfigurationError(
                "this router has no secrets, so it cannot verify anything: give "
                "EventRouter(secrets=...), or include() it in a router that has some"
            )
        settings = self._compiled(in_threads=in_threads)
        return flow.webhook(settings, self._verifier, body, headers, time_limit)

    def _table(self) -> RoutingTable:
        return self._settings.table if self._settings else compile_table(self._registry)

    def _compiled(self, *, in_threads: bool = False) -> flow.Settings:
        settings = self._settings or self._compile()
        if in_threads and settings.needs_loop:
            raise UsageError("async middleware needs ahandle() or aprocess()")
        return settings

    def _compile(self) -> flow.Settings:
        with self._lock:
            if self._settings is None:
                self._registry.freeze()  # first, so that nothing is registered in between
                table = compile_table(self._registry)
                self._settings = flow.Settings(
                    table,
                    Observers(self._registry.all_observers()),
                    self._clock,
                    self._max_body_bytes,
                    self._expect_livemode,
                    needs_loop=any(map(is_async_generator, table.middleware())),
                )
            return self._settings
