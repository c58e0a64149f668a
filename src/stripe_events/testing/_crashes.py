"""``crash_everywhere``: let a process die at every step, and see that all ends well."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, cast

from stripe_events import _envelope
from stripe_events._callables import is_awaitable
from stripe_events._delivery.drivers import Drivers
from stripe_events._parse import event_of
from stripe_events.testing._crash_scenario import Crash, Scenario

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from stripe_events._messages import Body
    from stripe_events.router import EventRouter

__all__ = ["Crash", "acrash_everywhere", "crash_everywhere"]


def crash_everywhere(
    router: EventRouter,
    payload: Body | Mapping[str, Any],
    *,
    fresh: Callable[[], object] | None = None,
    check: Callable[[], object] | None = None,
) -> list[Crash]:
    """
    Handle an event again and again, each time with a crash at another step.

    First nothing happens; then the process dies before the first step of a delivery,
    after it, before the next one, and so on, also around the commit of a
    ``ctx.transaction()``; and each answer of the store is lost once. After that the event
    is delivered until it is answered 200, and what is left to the inbox is run as by
    ``rescue``, with the same crashes. It is real: handlers run, the store records.
    Nothing is waited for, and ``dispatch=`` is not called. Each time has a scope of its own
    in the store.

    Held are the library's promises (a handler that was settled is not run again, 200 is
    answered only when all is settled or due in the inbox, and it is settled in the end), and
    what ``check`` says: that your handlers may be repeated.

    Args:
        router: with a store that can ``get``; use one for tests.
        payload: of an event that has handlers; as ``router.process`` takes it.
        fresh: called before each time, to make the world as it was.
        check: called after each time, to look at the world; it raises, or gives False, if
            that is not as it should be.

    Returns:
        What was disturbed each time, and how often each handler ran.

    Raises:
        AssertionError: says what was wrong, what was disturbed, and each step.
        AsyncStoreError: the store is awaited: use ``acrash_everywhere``.
        UsageError: no handler is for the event.
    """
    drivers = Drivers(None)
    crashes: list[Crash] = []
    try:
        for scenario in _scenarios(router, payload, in_threads=True):
            if fresh is not None:
                fresh()
            drivers.drive(scenario.play())
            with scenario.judged():
                _approve(check and check())
            crashes.append(scenario.result())
    finally:
        drivers.close(0.0)
    return crashes[:-1]


async def acrash_everywhere(
    router: EventRouter,
    payload: Body | Mapping[str, Any],
    *,
    fresh: Callable[[], object] | None = None,
    check: Callable[[], object] | None = None,
) -> list[Crash]:
    """Do the same in the running event loop; ``fresh`` and ``check`` may be async."""
    drivers = Drivers(None)
    crashes: list[Crash] = []
    try:
        for scenario in _scenarios(router, payload):
            if fresh is not None:
                await _value(fresh())
            await drivers.adrive(scenario.play())
            with scenario.judged():
                _approve(await _value(check and check()))
            crashes.append(scenario.result())
    finally:
        await drivers.aclose(0.0)
    return crashes[:-1]


def _scenarios(
    router: EventRouter, payload: Body | Mapping[str, Any], *, in_threads: bool = False
) -> Iterator[Scenario]:
    """Give one for each point, and in the end one that finds no more points."""
    settings, ledger = router._with_ledger(("get",), in_threads=in_threads)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    event = event_of(_envelope.unwrap(payload), settings.clock())
    for at in count():
        scenario = Scenario(settings, ledger.options, payload, event, at)
        yield scenario
        if at and not scenario.point:
            return


def _approve(verdict: object) -> None:
    if verdict is False:
        raise AssertionError("check() gave False")


async def _value(result: object) -> object:
    return await cast("Awaitable[object]", result) if is_awaitable(result) else result
