"""The contract finds what is wrong with a watch, and says it by the case of that promise."""

from __future__ import annotations

import pytest

from stripe_events.testing._contract.watching import WatchCases
from tests.stores import broken_watches
from tests.stores.broken_runs import BrokenContract, failures
from tests.stores.broken_watches import WatchingStore

CASES = {name for name in vars(WatchCases) if name.startswith("test_")}

# For each broken store the cases that name its defect; others may meet it too.
CAUGHT: dict[type[WatchingStore], set[str]] = {
    broken_watches.WakesNobody: {"test_a_new_event_wakes"},
    broken_watches.WakesForNewEventsOnly: {
        "test_a_redelivery_into_the_inbox_wakes",
        "test_what_is_returned_for_now_wakes",
        "test_operators_wake",
        "test_a_promoted_event_wakes",
    },
    broken_watches.WakesTheFirstWatch: {"test_every_watch_wakes"},
    broken_watches.ForgetsTheLastHint: {"test_the_last_of_many_wakes_too"},
    broken_watches.GoesOnAfterClose: {"test_a_closed_watch_is_silent"},
    broken_watches.ClosesSlowly: {"test_a_closed_watch_is_silent"},
    broken_watches.WakeFailsTheVerb: {"test_a_wake_that_raises_disturbs_nobody"},
}


class BrokenWatches(BrokenContract):
    """The cases of watches only."""

    def __dir__(self) -> list[str]:
        """Name them, for whoever looks for cases."""
        return sorted(CASES)


@pytest.mark.parametrize("kind", CAUGHT, ids=lambda kind: kind.__name__)
def test_a_broken_watch_fails_the_case_of_its_promise(kind: type[WatchingStore]) -> None:
    """Each defect is found by the cases that name it, by a check and by no accident."""
    found = failures(BrokenWatches(kind))
    told = found.told | (found.crashed if kind is broken_watches.WakeFailsTheVerb else set())
    assert set() == CAUGHT[kind] - told


def test_what_broken_watches_are_made_of_is_sound() -> None:
    """Without its defect each of them passes: it is the defect that is found."""
    assert (set(), set()) == failures(BrokenWatches(WatchingStore))


def test_every_broken_watch_is_run() -> None:
    """No defect is written down and forgotten."""
    kinds = {
        kind
        for kind in vars(broken_watches).values()
        if isinstance(kind, type) and issubclass(kind, WatchingStore)
    }
    assert kinds - {WatchingStore} == set(CAUGHT)
