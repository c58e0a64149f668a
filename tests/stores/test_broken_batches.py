"""The contract finds what is wrong with a ``finish_each``, and says it by the promise's case."""

from __future__ import annotations

import pytest

from stripe_events.testing._contract.finishing_each import FinishEachCases
from tests.stores import broken_batches
from tests.stores.broken_batches import BatchingStore
from tests.stores.broken_runs import BrokenContract, failures

CASES = {name for name in vars(FinishEachCases) if name.startswith("test_")}

# For each broken store the cases that name its defect; others may meet it too.
CAUGHT: dict[type[BatchingStore], set[str]] = {
    broken_batches.OneRefusalRefusesAll: {"test_a_refused_end_undoes_no_other"},
    broken_batches.AnswersByEvent: {"test_answers_come_in_the_order_of_the_ends"},
    broken_batches.LeavesOutTheRefused: {"test_a_refused_end_undoes_no_other"},
    broken_batches.UnfencedBatches: {"test_a_refused_end_undoes_no_other"},
    broken_batches.BatchesForgetErrors: {"test_what_is_recorded_of_each_end_is_kept"},
    broken_batches.BatchesForgetJoined: {"test_handlers_that_join_count"},
    broken_batches.BatchesKeepOrderKeys: {"test_each_settled_head_hands_its_order_key_on"},
    broken_batches.CallsFailuresRecorded: {
        "test_no_end_is_told_as_recorded_while_the_database_fails"
    },
}


class BrokenBatches(BrokenContract):
    """The cases of ``finish_each`` only."""

    def __dir__(self) -> list[str]:
        """Name them, for whoever looks for cases."""
        return sorted(CASES)


@pytest.mark.parametrize("kind", CAUGHT, ids=lambda kind: kind.__name__)
def test_a_broken_batch_fails_the_case_of_its_promise(kind: type[BatchingStore]) -> None:
    """Each defect is found by the cases that name it, by a check and by no accident."""
    found = failures(BrokenBatches(kind))
    told = found.told | (found.crashed if kind is broken_batches.OneRefusalRefusesAll else set())
    assert set() == CAUGHT[kind] - told


def test_what_broken_batches_are_made_of_is_sound() -> None:
    """Without its defect each of them passes: it is the defect that is found."""
    assert (set(), set()) == failures(BrokenBatches(BatchingStore))


def test_every_broken_batch_is_run() -> None:
    """No defect is written down and forgotten."""
    kinds = {
        kind
        for kind in vars(broken_batches).values()
        if isinstance(kind, type) and issubclass(kind, BatchingStore)
    }
    assert kinds - {BatchingStore} == set(CAUGHT)
