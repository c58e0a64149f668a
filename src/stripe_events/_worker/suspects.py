"""
Which events of those that a worker took are run now; pure.

Whatever was running when a process died is suspected of it. After a first death all is
run again, for most are the end of a machine or of an old version. What has died
repeatedly runs one at a time in a worker: an event that kills its process then takes no other
suspect with it, and alone comes to its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events.storage._results import Taken

_SHARE: Final = 3


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
