"""
What makes events due, and who is to be told of it within this process.

Everything that wakes a worker goes by ``made_due``, whatever the database is.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

from stripe_events._fork import start_anew_in_children
from stripe_events.storage._admission import Admit
from stripe_events.storage._operations import Write
from stripe_events.storage._queries import is_due

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

StepT = TypeVar("StepT")
ResultT = TypeVar("ResultT")

SOON: Final = 0.1
"""Seconds within which a due time counts as now: clocks are guessed, and hints cost little."""


def made_due(step: object, given: Any, now: float) -> str | None:
    """
    Give the scope in which a step has let anything become due; None if in none.

    ``given``: what it gave; ``now``: the store's time (unix seconds), not to be exact.
    """
    if not given:
        return None
    if isinstance(step, Admit):  # whose times count from now
        return step.record.scope if step.record.due == 0.0 else None
    if isinstance(step, Write):
        for _, new in step.changes:
            if new is not None and new.state != "claimed" and is_due(new, now + SOON):
                return new.scope
    return None


def noted(
    verb: Generator[StepT, Any, ResultT], steps: list[tuple[StepT, Any]]
) -> Generator[StepT, Any, ResultT]:
    """Go through a verb whose steps count only later, and note down what each of them gave."""
    try:
        step = next(verb)
        while True:
            given = yield step
            steps.append((step, given))
            step = verb.send(given)
    except StopIteration as end:
        result: ResultT = end.value
        return result


class LocalWatch:
    """
    A watch that the store itself calls; see ``Watch``.

    ``is_live``: no other process can make anything due, so this one hears of all.
    """

    def __init__(self, wakes: LocalWakes, scope: str, *, is_live: bool) -> None:
        """Be closed by ``wakes``."""
        self._wakes = wakes
        self._scope = scope
        self._is_live = is_live

    @property
    def is_live(self) -> bool:
        """See ``Watch.is_live``."""
        return self._is_live and self._wakes.has(self._scope, self)

    def close(self) -> None:
        """See ``Watch.close``."""
        self._wakes.forget(self._scope, self)


class LocalWakes:
    """Who is to be woken in this process; a forked child begins with nobody."""

    def __init__(self, *, is_live: bool) -> None:
        """Know nobody; ``is_live``: see ``LocalWatch``."""
        self._is_live = is_live
        self.start_anew()
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Know nobody, in the child of a fork as well: its parent's workers are not there."""
        self._lock = threading.Lock()
        # Replaced as a whole, so that whoever tells needs no lock.
        self._known: dict[str, dict[LocalWatch, Callable[[], None]]] = {}

    def watch(self, scope: str, wake: Callable[[], None]) -> LocalWatch:
        """See ``WatchableStore.watch``."""
        watch = LocalWatch(self, scope, is_live=self._is_live)
        with self._lock:
            self._known = {**self._known, scope: {**self._known.get(scope, {}), watch: wake}}
        return watch

    def has(self, scope: str, watch: LocalWatch) -> bool:
        """Tell whether a watch is called still."""
        return watch in self._known.get(scope, ())

    def forget(self, scope: str, watch: LocalWatch) -> None:
        """Call a watch no more."""
        with self._lock:
            mine = {one: wake for one, wake in self._known.get(scope, {}).items() if one != watch}
            others = {other: known for other, known in self._known.items() if other != scope}
            self._known = {**others, scope: mine} if mine else others

    def heed(self, step: object, given: Any, clock: Callable[[], float]) -> None:
        """Wake who watches what a step has made due."""
        if self._known and given:
            scope = made_due(step, given, clock())
            if scope is not None:
                self.wake(scope)

    def wake(self, scope: str) -> None:
        """Wake who watches a scope."""
        for wake in self._known.get(scope, {}).values():
            told(wake)


def told(wake: Callable[[], None]) -> None:
    """Call it; what it raises is its own affair, and logged."""
    try:
        wake()
    except Exception:
        import logging

        logging.getLogger("stripe_events").exception("what a watch calls has raised")
