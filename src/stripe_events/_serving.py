"""The part of the router that servers deal with: when it takes deliveries, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from stripe_events._delivery.flow import rejected
from stripe_events._recording import Recording
from stripe_events.errors import ConfigurationError

if TYPE_CHECKING:
    from stripe_events._messages import WebhookResponse
    from stripe_events._verification import Verifier
    from stripe_events.errors import DeliveryError


class Serving(Recording):
    """What is registered with a router, its settings and its store, and when it serves."""

    _verifier: Verifier | None

    @property
    def max_body_bytes(self) -> int:
        """The longest body that is not refused, in bytes."""
        return self._max_body_bytes

    def check_servable(self, *, is_async: bool = False, is_verified: bool = True) -> None:
        """
        Refuse now what could serve no delivery; adapters call it when they are made.

        The router is not frozen by it: what is registered later is not seen.

        Args:
            is_async: deliveries will come through ``ahandle`` and ``aprocess`` only.
            is_verified: they come signed; False if only ``process`` will be called.

        Raises:
            ConfigurationError: signed deliveries, and the router has no secrets.
            AsyncStoreError: its store is awaited, and ``is_async`` is False.
            UsageError: some middleware is async, and ``is_async`` is False.
        """
        if is_verified and self._verifier is None:
            self._refuse_unverified()
        if not is_async:
            self._check_threads()

    def reject(self, error: DeliveryError) -> WebhookResponse:
        """
        Refuse a delivery that cannot even be read, as ``handle`` refuses others.

        For adapters: it is logged, and observers of ``Rejected`` are told.

        Returns:
            What to answer for this error.
        """
        return rejected(self._compiled(), error)

    def open(self) -> None:
        """
        Freeze the router, and take deliveries again if it was closed; at an app's start-up.

        A router is open from the beginning; once it is closed, this is the way back.

        Raises:
            UsageError: what ``freeze`` raises; or ``close`` has not returned yet.
        """
        self.freeze()
        self._drivers.open()

    def close(self, *, wait: float = 30.0) -> None:
        """
        Stop: deliveries from now on are answered 503, until ``open`` is called.

        Waits for what is under way, in any thread and on any event loop, at most
        ``wait`` seconds. Then async handlers are cancelled, and have 5 s to clean
        up; a sync handler cannot be: it runs on. No other handler starts.

        Called by a sync handler, or by a signal's handler while this thread serves a
        delivery, it waits in vain for the very delivery that it interrupts: stop the
        server from there, and close the router after it.

        In a coroutine, ``await aclose()``: this would keep the deliveries on that
        event loop from ending, so it does not wait for them.

        Raises:
            UsageError: called inside an async handler that runs under ``handle``.
        """
        self._drivers.close(wait)
        self._stop_heartbeat()

    async def aclose(self, *, wait: float = 30.0) -> None:
        """Do the same as ``close``, while the deliveries on this event loop go on."""
        await self._drivers.aclose(wait)
        await self._astop_heartbeat()

    def _refuse_unverified(self) -> NoReturn:
        raise ConfigurationError(
            "this router has no secrets, so it cannot verify anything: give "
            "EventRouter(secrets=...), or include() it in a router that has some"
        )
