"""Stores whose watch breaks one promise each; see ``test_broken_watches``."""

# ruff: noqa: D102, D106 - the class tells what its methods do wrong
from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from stripe_events.storage._admission import Admit
from stripe_events.storage._operations import Write
from stripe_events.storage._wakes import LocalWakes
from tests.stores.broken_stores import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage import Watch


class WatchingStore(Store):
    """A sound store, whose wakes the broken ones replace."""

    wakes: type[LocalWakes] = LocalWakes

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._wakes = self.wakes(is_live=True)


class WakesNobody(WatchingStore):
    """Say that it is live, and call nobody."""

    class wakes(LocalWakes):  # noqa: N801
        def wake(self, scope: str) -> None:
            """Do nothing."""


class WakesForNewEventsOnly(WatchingStore):
    """Wake where events are recorded, and forget what becomes due otherwise."""

    class wakes(LocalWakes):  # noqa: N801
        def heed(self, step: object, given: Any, clock: Callable[[], float]) -> None:
            is_new = isinstance(step, Admit) or (
                isinstance(step, Write) and step.changes[0].old is None
            )
            if is_new:
                super().heed(step, given, clock)


class WakesTheFirstWatch(WatchingStore):
    """Keep one watch for a scope."""

    def watch(self, scope: str, wake: Callable[[], None]) -> Watch:
        self.watching = getattr(self, "watching", set[str]())
        first = scope not in self.watching
        self.watching.add(scope)
        return super().watch(scope, wake if first else lambda: None)


class ForgetsTheLastHint(WatchingStore):
    """Hold a hint back if there was one before, and never give it."""

    class wakes(LocalWakes):  # noqa: N801
        hints = 0

        def wake(self, scope: str) -> None:
            self.hints += 1
            if self.hints < 3:
                super().wake(scope)


class GoesOnAfterClose(WatchingStore):
    """Call a watch that was closed, and say that it is live."""

    class wakes(LocalWakes):  # noqa: N801
        def forget(self, scope: str, watch: object) -> None:
            """Do nothing."""


class ClosesSlowly(WatchingStore):
    """Wait for a thread that looks at the clock now and then."""

    class wakes(LocalWakes):  # noqa: N801
        def forget(self, scope: str, watch: Any) -> None:
            threading.Event().wait(0.12)
            super().forget(scope, watch)


class WakeFailsTheVerb(WatchingStore):
    """Let the verb raise what the watch calls has raised."""

    class wakes(LocalWakes):  # noqa: N801
        def wake(self, scope: str) -> None:
            for wake in self._known.get(scope, {}).values():
                wake()
