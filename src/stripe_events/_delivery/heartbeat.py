"""
One daemon thread that keeps the leases of this process's claims from ending.

It extends all of them in one statement, on a connection of the store's own. It starts
with the first claim, sleeps while there is none, and starts anew in the child of a fork,
which has none of its parent's claims.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

from stripe_events._delivery.in_flight import CLEAN_UP
from stripe_events._delivery.observing import log
from stripe_events._fork import start_anew_in_children

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage._results import Claim

_BEATS_PER_LEASE = 3


class Heartbeat:
    """
    The claims of one store in this process that somebody works on.

    Args:
        store: whose ``extend`` is called, about three times per lease.
        lease: how long a claim lasts, in seconds.
        is_async: its ``extend`` is to be awaited, on an event loop of this thread.
    """

    def __init__(self, store: Any, lease: float, *, is_async: bool) -> None:
        """Start nothing yet."""
        self._store = store
        self._lease = lease
        self._is_async = is_async
        self.start_anew()
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Have no claims and no thread."""
        self._changed = threading.Condition()
        self._ends: dict[Claim, float] = {}
        self._thread: threading.Thread | None = None
        self._idle = False
        self._over = False

    def add(self, claim: Claim, ends: float) -> None:
        """Extend a claim from now on, until ``ends`` by ``time.monotonic``."""
        self._ends[claim] = ends
        if self._thread is None or self._idle:
            self._wake()

    def remove(self, claim: Claim) -> None:
        """Leave a claim alone; one that is unknown is ignored."""
        self._ends.pop(claim, None)

    def stop(self) -> None:
        """End the thread, or leave it to a store that hangs; claims that are left run out."""
        with self._changed:
            self._over = True
            thread, self._thread = self._thread, None
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(min(self._lease, CLEAN_UP))

    def _wake(self) -> None:
        with self._changed:
            self._over = self._idle = False
            if self._thread is None:
                run = self._run_async if self._is_async else self._run
                self._thread = threading.Thread(
                    target=run, name="stripe-events-heartbeat", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        self._beat_until_over(self._store.extend)

    def _run_async(self) -> None:
        import asyncio

        with asyncio.Runner() as runner:
            extend = self._store.extend
            self._beat_until_over(lambda claims, lease: runner.run(extend(claims, lease)))

    def _beat_until_over(self, extend: Callable[[list[Claim], float], list[Claim]]) -> None:
        before: set[Claim] = set()
        while self._wait():
            claims = self._current()
            if not claims:
                continue
            try:
                lost = set(extend(claims, self._lease))
            except BaseException as error:  # noqa: BLE001 - the next beat may reach the store
                log("WARNING", "leases could not be extended; trying again", error)
                continue
            # Once says little: what was settled just now is let go of in a moment.
            for claim in lost & before:
                if self._ends.pop(claim, None) is not None:
                    log("WARNING", f"the claim on {claim.id} was lost while it was worked on")
            before = lost

    def _wait(self) -> bool:
        """Wait for the next beat; False if there is to be none."""
        with self._changed:
            while not self._over:
                self._changed.wait(self._lease / _BEATS_PER_LEASE)
                self._idle = True  # first, so that a claim added now is seen by one of us
                if self._ends or self._over:
                    break
                # Most claims are gone long before the next beat: until then none wakes us.
                self._changed.wait()
            self._idle = False
            return not self._over

    def _current(self) -> list[Claim]:
        now = monotonic()
        for claim, ends in self._ends.copy().items():
            if ends <= now:
                self._ends.pop(claim, None)
        return list(self._ends)
