"""
Which events of those that a worker took are run now, and when the others are due again.

Whatever was running when a process died is suspected of it. After a first death all is
run again, for most are the end of a machine or of an old version. What has died
repeatedly runs one at a time in a worker: an event that kills its process then takes no other
suspect with it, and alone comes to its end.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events.storage._results import Taken

_SHARE: Final = 3

_FIRST: Final = 1.0
"""Seconds, at most, until suspects are due again that had to go because another one runs."""

_LONGEST: Final = 10.0
"""The same when they had to go again and again."""


def is_suspect(taken: Taken, max_abandoned: int) -> bool:
    """Tell whether more than a third of the deaths that it may have are behind an event."""
    return taken.claimed.record.abandoned > max_abandoned // _SHARE


def divided(
    taken: Sequence[Taken], max_abandoned: int, *, is_one_running: bool
) -> tuple[list[Taken], list[Taken]]:
    """
    Give what is to be run now, and the suspects that are to wait.

    At most one suspect is run, the one that has died least: so the innocent go first.
    """
    suspects = sorted(
        (one for one in taken if is_suspect(one, max_abandoned)),
        key=lambda one: one.claimed.record.abandoned,
    )
    waiting = suspects if is_one_running else suspects[1:]
    ids = {one.claimed.claim.id for one in waiting}
    return [one for one in taken if one.claimed.claim.id not in ids], waiting


class Patience:
    """
    For how long suspects are sent away: each time they must go, twice as long.

    What must go while others are still away belongs to the same time. ``now`` is in seconds,
    by any clock that never goes back.
    """

    def __init__(self) -> None:
        """Nobody was sent away yet."""
        self._most = 0.0
        self._next = 0.0
        self._all_back = 0.0

    def pause(self, now: float) -> float:
        """Give the seconds for which suspects have to go now."""
        if now >= self._next:
            self._most = min(2 * self._most or _FIRST, _LONGEST)
            self._next = now + self._most
        seconds = random.uniform(self._most / 4, self._most)  # noqa: S311 - spreads workers
        self._all_back = max(self._all_back, now + seconds)
        return seconds

    def end(self) -> None:
        """Begin anew, for a suspect has ended; who is away stays so."""
        self._most = self._next = 0.0

    def is_needed(self, now: float) -> bool:
        """Tell whether somebody is still away."""
        return now < self._all_back
