"""The part of the router that deals with its store: what is asked of it, and who acts on it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from stripe_events._compilation import Compilation
from stripe_events._delivery.drivers import Drivers
from stripe_events._messages import Outcome
from stripe_events._overdue import GRACE, Outlook, listing, reported, told, unasked
from stripe_events.errors import Busy, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stripe_events._delivery.flow import Flow
    from stripe_events._delivery.ledger import Ledger, StoreOptions
    from stripe_events._delivery.settings import Settings
    from stripe_events._messages import WebhookResponse
    from stripe_events.observers import Overdue

RESCUE_LIMIT = 900.0
"""Seconds that the handlers of one event have when nobody waits for the answer."""

_INBOX_VERBS = ("enqueue", "take_due")
_LEDGER_VERBS = ("get", "list", "retry", "replay", "drop", "erase", "forget")


class Rescued(NamedTuple):
    """What ``rescue`` came to: how many events were run, and what became of them."""

    events: int
    handled: int
    failed: int
    dead: int


class Recording(Compilation):
    """What is registered with a router, its settings, and what it does with its store."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        max_body_bytes: int,
        expect_livemode: bool | None,
        handler_threads: int | None,
        store: StoreOptions | None,
    ) -> None:
        """Check the settings; nothing is started yet."""
        super().__init__(
            clock=clock,
            max_body_bytes=max_body_bytes,
            expect_livemode=expect_livemode,
            store=store,
        )
        if handler_threads is not None and handler_threads < 1:
            raise ConfigurationError("handler_threads= allows none: give a number from 1 up")
        self._drivers = Drivers(handler_threads)
        self._outlook = Outlook(clock)

    @property
    def store(self) -> Any:
        """The store that the router was given, or None."""
        return None if self._store_options is None else self._store_options.store

    @property
    def scope(self) -> str:
        """What keeps the events of this service apart from others in the same store."""
        return "default" if self._store_options is None else self._store_options.scope

    def rescue(self, *, time_limit: float = RESCUE_LIMIT) -> Rescued:
        """
        Run what is due and what was left by processes that died, once; for cron.

        One event after another, oldest first, until nothing is due; what fails again is
        due later. Safe to run anywhere, any number of times at once.

        Args:
            time_limit: the seconds that the handlers of one event have.

        Raises:
            ConfigurationError: the router has no store, or one without an inbox.
            AsyncStoreError: the store is awaited: use ``arescue``.
            StoreError: the store failed; what was run until then stays done.
        """
        settings, ledger = self._with_ledger(_INBOX_VERBS, in_threads=True)
        tally = _Tally()
        while not tally.is_over:
            flow = _rescue(settings, ledger, time_limit, tally.seen)
            tally.add(self._drivers.drive(flow))
        return tally.rescued()

    async def arescue(self, *, time_limit: float = RESCUE_LIMIT) -> Rescued:
        """Do the same as ``rescue``, in the running event loop, with either kind of store."""
        settings, ledger = self._with_ledger(_INBOX_VERBS)
        tally = _Tally()
        while not tally.is_over:
            flow = _rescue(settings, ledger, time_limit, tally.seen)
            tally.add(await self._drivers.adrive(flow))
        return tally.rescued()

    def run(
        self, event_id: str, *, time_limit: float = RESCUE_LIMIT, lease: float | None = None
    ) -> WebhookResponse:
        """
        Run what is left of a recorded event, for a job of a queue that ``dispatch`` told of it.

        It is claimed like by a delivery: a job that comes twice runs once. An event that
        failed is due again for a worker or ``rescue()``; the job may try again as well. After
        it, once a minute at most, a warning is logged if events are ``overdue``, for then
        nobody takes up what the queue loses.

        Args:
            event_id: what ``dispatch`` was given.
            time_limit: the seconds that the handlers have.
            lease: for how many seconds the claim lasts, as for ``handle``: in AWS Lambda, where
                nothing runs after the invocation, ``time_limit`` and 2 s more.

        Returns:
            ``handled``, or ``duplicate`` or ``dead`` if that is what the ledger had; dead,
            too, if a handler gave up now.

        Raises:
            Busy: somebody else works on the event, or it waits for another one of its order
                key, or this router is being closed: try again later.
            ProcessingError: it is not in the ledger.
            HandlerError: handlers failed.
            HandlerMissing: this code has not all of its handlers.
            ConfigurationError: the router has no store, or one that cannot look up events.
            AsyncStoreError: the store is awaited: use ``arun``.
            StoreError, LostClaim: the store failed, or somebody took over.
        """
        settings, ledger = self._with_ledger(("get",), in_threads=True)
        response = self._drivers.drive(_run(settings, ledger, event_id, time_limit, lease))
        if response.outcome is not Outcome.DRAINING and self._outlook.is_time(ledger):
            with unasked():
                reported(settings, listing(ledger, GRACE)())
        return _done_or_raised(event_id, response)

    async def arun(
        self, event_id: str, *, time_limit: float = RESCUE_LIMIT, lease: float | None = None
    ) -> WebhookResponse:
        """Do the same as ``run``, in the running event loop, with either kind of store."""
        settings, ledger = self._with_ledger(("get",))
        response = await self._drivers.adrive(_run(settings, ledger, event_id, time_limit, lease))
        if response.outcome is not Outcome.DRAINING and self._outlook.is_time(ledger):
            with unasked():
                reported(settings, await _awaited(ledger, listing(ledger, GRACE)))
        return _done_or_raised(event_id, response)

    def overdue(self, *, grace: float = GRACE) -> Overdue:
        """
        Count the events that nobody has come for: the one figure to alert on.

        They are due, or their claim's lease is over, for more than ``grace`` seconds. At
        most 1,000 are counted. If there is any, observers of ``Overdue`` are told.

        Raises:
            ConfigurationError: the router has no store, or one that cannot list.
            AsyncStoreError: the store is awaited: use ``aoverdue``.
            StoreError: the store failed.
        """
        settings, ledger = self._with_ledger(_LEDGER_VERBS, in_threads=True)
        return told(settings, listing(ledger, grace)())

    async def aoverdue(self, *, grace: float = GRACE) -> Overdue:
        """Do the same as ``overdue``, in the running event loop, with either kind of store."""
        settings, ledger = self._with_ledger(_LEDGER_VERBS)
        return told(settings, await _awaited(ledger, listing(ledger, grace)))

    def _with_ledger(
        self, verbs: Sequence[str], *, in_threads: bool = False
    ) -> tuple[Settings, Ledger]:
        settings = self._compiled(in_threads=in_threads)
        if settings.ledger is None:
            raise ConfigurationError("this router has no store: give EventRouter(store=...)")
        from stripe_events._store_options import check_verbs

        check_verbs(settings.ledger.store, verbs)
        return settings, settings.ledger

    def _stop_heartbeat(self) -> None:
        if self._settings is not None and self._settings.ledger is not None:
            self._settings.ledger.heartbeat.stop()

    async def _astop_heartbeat(self) -> None:
        import asyncio

        await asyncio.to_thread(self._stop_heartbeat)


def for_workers(router: Recording) -> tuple[Settings, Ledger]:
    """
    Give what a worker reads of a router, which is frozen by it.

    Raises:
        ConfigurationError: the router has no store, or one without an inbox.
        UsageError: what ``freeze`` raises.
    """
    return router._with_ledger(_INBOX_VERBS)  # noqa: SLF001 - of this module  # pyright: ignore[reportPrivateUsage]


class _Tally:
    """
    What became of the events of one rescue, each of which is run once.

    ``seen``: their ids. ``is_over``: nothing is left to do, or the router stops.
    """

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.is_over = False
        self._outcomes: Counter[Outcome] = Counter()

    def add(self, response: WebhookResponse) -> None:
        self.is_over = response.event_id is None or response.outcome is Outcome.DRAINING
        if not self.is_over:
            self._outcomes[response.outcome] += 1

    def rescued(self) -> Rescued:
        handled, dead = self._outcomes[Outcome.HANDLED], self._outcomes[Outcome.DEAD]
        events = self._outcomes.total()
        return Rescued(events, handled, events - handled - dead, dead)


def _rescue(settings: Settings, ledger: Ledger, seconds: float, seen: set[str]) -> Flow:
    from stripe_events._delivery.recorded import rescue

    return rescue(settings, ledger, seconds, seen)


def _run(
    settings: Settings, ledger: Ledger, event_id: str, seconds: float, lease: float | None
) -> Flow:
    from stripe_events._delivery.jobs import run

    return run(settings, ledger, event_id, seconds, lease)


def _done_or_raised(event_id: str, response: WebhookResponse) -> WebhookResponse:
    if response.outcome is Outcome.DRAINING:
        msg = f"{event_id} was not run, for the router is being closed"
        raise Busy(msg)
    if response.error is not None and response.outcome is not Outcome.DEAD:
        raise response.error
    return response


async def _awaited(ledger: Ledger, verb: Callable[..., Any], *arguments: Any) -> Any:
    if ledger.is_async:
        return await verb(*arguments)
    import asyncio

    return await asyncio.to_thread(verb, *arguments)
