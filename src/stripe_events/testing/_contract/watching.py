"""Cases: a watch wakes, for stores that have one."""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from unittest import SkipTest

from stripe_events.testing._checks import check, check_that
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import LATER, SCOPE, arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from stripe_events.testing._contract.driven import Driven

HEARD: Final = 10.0
"""Seconds within which a hint must have come; never waited out by a store that passes."""

SECOND: Final = 1.5
"""Seconds that a second may take on a busy machine."""

_MOMENT: Final = 0.05
"""Seconds after which a store that is not live is tried again: it may have become so."""


Act: TypeAlias = "Callable[[Driven, str], Callable[[], Any]]"
"""Prepare an event of this id, and give what makes it due."""

_numbers = itertools.count()


class Sleeper:
    """A worker that sleeps until it is woken."""

    def __init__(self, store: Driven, scope: str = SCOPE) -> None:
        """Watch a scope."""
        self._store = store
        self.woken = threading.Event()
        self.watch: Any = store.store.watch(scope, self.woken.set)

    def is_woken_by(self, act: Act, what: str) -> None:
        """
        Insist that an act wakes it, done by another process if the watch is live.

        It is repeated while the watch is not live, for then it need not hear.
        """
        end = time.monotonic() + HEARD
        while True:
            is_live = self.watch.is_live
            prepared = act(self._store.another() if is_live else self._store, _new_id())
            self.woken.clear()
            prepared()
            if self.woken.wait(end - time.monotonic() if is_live else _MOMENT):
                return
            check_that(time.monotonic() < end, f"{what} wakes who watches the scope", "silence")


@contextmanager
def sleeping(store: Driven, scope: str = SCOPE) -> Generator[Sleeper, None, None]:
    """Give a sleeper, and close its watch; skip the case for a store without watches."""
    if not hasattr(store.store, "watch"):
        raise SkipTest("the store has no watch(): its workers poll")
    sleeper = Sleeper(store, scope)
    try:
        yield sleeper
    finally:
        sleeper.watch.close()


def _new_id() -> str:
    return f"evt_{next(_numbers)}"


def _enqueue(store: Driven, event_id: str) -> Callable[[], Any]:
    return partial(store.enqueue, arrival(event_id))


def _redeliver(store: Driven, event_id: str) -> Callable[[], Any]:
    store.failed(event_id, release=LATER)
    return _enqueue(store, event_id)


def _give_back(store: Driven, event_id: str) -> Callable[[], Any]:
    return partial(store.give_back, store.claim(event_id).claim)


def _suspend(store: Driven, event_id: str) -> Callable[[], Any]:
    return partial(store.suspend, store.claim(event_id).claim)


def _retry(store: Driven, event_id: str) -> Callable[[], Any]:
    store.dead(event_id)
    return partial(store.retry, event_id)


def _replay(store: Driven, event_id: str) -> Callable[[], Any]:
    store.done(event_id)
    return partial(store.replay, event_id)


def _promote(store: Driven, event_id: str) -> Callable[[], Any]:
    head = store.claim(event_id, order_key=event_id)
    store.enqueue(arrival(_new_id(), order_key=event_id))
    return partial(store.succeed, head)


class WatchCases(Contract):
    """What wakes, and what a watch must never do."""

    @case
    def test_a_new_event_wakes(self, store: Driven) -> None:
        """Wake when an event is put into the inbox."""
        with sleeping(store) as sleeper:
            sleeper.is_woken_by(_enqueue, "enqueue")

    @case
    def test_a_redelivery_into_the_inbox_wakes(self, store: Driven) -> None:
        """Wake when a delivery makes an event due that was to be tried later."""
        with sleeping(store) as sleeper:
            sleeper.is_woken_by(_redeliver, "a redelivery")

    @case
    def test_what_is_returned_for_now_wakes(self, store: Driven) -> None:
        """Wake when a claim is given back, or an attempt ends, with a due time that is now."""
        with sleeping(store) as sleeper:
            sleeper.is_woken_by(_give_back, "give_back")
            sleeper.is_woken_by(_suspend, "suspend")

    @case
    def test_operators_wake(self, store: Driven) -> None:
        """Wake when an event is retried or replayed."""
        with sleeping(store) as sleeper:
            sleeper.is_woken_by(_retry, "retry")
            sleeper.is_woken_by(_replay, "replay")

    @case
    def test_a_promoted_event_wakes(self, store: Driven) -> None:
        """Wake when an event gets the order key that it has waited for."""
        with sleeping(store) as sleeper:
            sleeper.is_woken_by(_promote, "the end of the head of an order key")

    @case
    def test_every_watch_wakes(self, store: Driven) -> None:
        """Wake all who watch a scope, and those of another scope when theirs has work."""
        with sleeping(store) as one, sleeping(store) as two, sleeping(store, "another") as three:
            one.is_woken_by(_enqueue, "enqueue")
            two.is_woken_by(_enqueue, "enqueue")
            three.is_woken_by(
                lambda store, event_id: partial(store.enqueue, arrival(event_id, scope="another")),
                "enqueue in another scope",
            )

    @case
    def test_the_last_of_many_wakes_too(self, store: Driven) -> None:
        """Announce each of many events, or all of them by one hint that comes late enough."""
        with sleeping(store) as sleeper:
            sleeper.is_woken_by(_enqueue, "enqueue")
            store.take_due()
            through = store.another() if sleeper.watch.is_live else store
            for _ in range(8):
                _enqueue(through, _new_id())()
                end = time.monotonic() + HEARD
                while sleeper.woken.wait(max(0.0, end - time.monotonic())):
                    sleeper.woken.clear()
                    if store.take_due():
                        break
                else:
                    check_that(holds=False, what="whoever is woken sees it", actual="silence")

    @case
    def test_a_closed_watch_is_silent(self, store: Driven) -> None:
        """Call nobody after a watch was closed, be it twice; it ends within a second."""
        with sleeping(store) as sleeper, sleeping(store) as other:
            began = time.monotonic()
            sleeper.watch.close()
            took = time.monotonic() - began
            check_that(took < SECOND, "a watch ends within a second", took)
            sleeper.watch.close()
            check(expected=False, actual=sleeper.watch.is_live, what="a closed watch is not live")
            sleeper.woken.clear()
            other.is_woken_by(_enqueue, "enqueue")
            check(expected=False, actual=sleeper.woken.is_set(), what="a closed watch is silent")

    @case
    def test_a_wake_that_raises_disturbs_nobody(self, store: Driven) -> None:
        """Do the verb's work whatever a watch calls, and call it and others again."""
        calls: list[None] = []

        def wake() -> None:
            calls.append(None)
            raise RuntimeError("what a watch calls may raise")

        with sleeping(store) as sleeper:
            watch = store.store.watch(SCOPE, wake)
            try:
                end = time.monotonic() + HEARD
                while len(calls) < 2:
                    check_that(time.monotonic() < end, "it is called again", len(calls))
                    sleeper.is_woken_by(_enqueue, "enqueue")
            finally:
                watch.close()
