"""The contract finds what is wrong with a store, and says it by the case of that promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stores import broken_files, broken_inboxes, broken_stores
from tests.stores.broken_files import FileContract
from tests.stores.broken_runs import BrokenContract, Failures, cases, failures

if TYPE_CHECKING:
    from pathlib import Path

    from stripe_events.storage import SQLiteStore

# For each broken store the cases that name its defect; a few others may meet it too.
CAUGHT: dict[type[broken_stores.Store], set[str]] = {
    broken_stores.CheckThenInsert: {"test_of_many_that_deliver_at_once_one_claims"},
    broken_stores.Unfenced: {
        "test_finish_is_refused_to_a_stale_owner",
        "test_suspend_is_refused_to_a_stale_owner",
        "test_give_back_is_refused_to_a_stale_owner",
        "test_extend_tells_a_stale_owner",
    },
    broken_stores.FencedByCounterOnly: {
        "test_finish_is_refused_with_another_claim_id_or_token",
        "test_suspend_is_refused_with_another_claim_id_or_token",
        "test_give_back_is_refused_with_another_claim_id_or_token",
        "test_extend_tells_other_claim_ids_and_tokens",
        "test_a_token_of_before_a_forget_is_worthless",
    },
    broken_stores.UnfencedFinish: {
        "test_finish_is_refused_to_a_stale_owner",
        "test_finish_is_refused_with_another_claim_id_or_token",
    },
    broken_stores.FailureOverwritesSuccess: {
        "test_a_failure_never_overwrites_a_success",
        "test_a_failure_of_a_settled_event_changes_no_outcome",
    },
    broken_stores.DoneByWhatTheOwnerRan: {
        "test_a_handler_that_joined_counts",
        "test_a_planned_handler_that_the_code_lacks_counts",
    },
    broken_stores.ShrinkingPlan: {"test_a_plan_grows_and_never_shrinks"},
    broken_stores.DuplicateOnReceipt: {"test_what_is_recorded_is_no_duplicate_until_it_is_settled"},
    broken_inboxes.RedeliveryNotDue: {"test_an_unsettled_inline_event_becomes_due"},
    broken_inboxes.ClaimsInlineOnly: {
        "test_a_claim_may_leave_the_rest_to_the_inbox",
        "test_the_end_of_a_lease_leaves_the_rest_to_the_inbox",
        "test_an_inline_event_may_become_the_inboxs_by_a_claim",
        "test_no_delivery_takes_an_event_from_the_inbox",
        "test_a_parked_event_may_be_recorded_for_the_inbox",
        "test_a_parked_event_may_become_the_inboxs",
    },
    broken_inboxes.BackoffEndsWithAClaim: {"test_a_backoff_goes_on_after_a_mixed_delivery"},
    broken_inboxes.RestIsHeld: {
        "test_what_is_left_to_the_inbox_is_not_claimed",
        "test_what_is_left_is_accepted_while_a_worker_has_it",
        "test_what_is_left_is_accepted_when_a_worker_has_died",
        "test_a_parked_event_may_be_left_to_the_inbox",
    },
    broken_inboxes.RestNotDue: {
        "test_what_is_left_to_the_inbox_is_not_claimed",
        "test_what_is_left_is_accepted_while_a_worker_has_it",
    },
    broken_inboxes.DueAtOnce: {
        "test_an_event_may_be_due_later",
        "test_a_parked_event_may_be_due_in_the_inbox_later",
    },
    broken_stores.LeaseByTheTransactionsClock: {"test_an_extended_lease_counts_from_that_moment"},
    broken_stores.OrderWithoutKeyRow: {
        "test_of_events_of_a_key_at_the_same_moment_one_is_claimed",
        "test_nobody_waits_for_ever",
    },
    broken_stores.GiveBackCounts: {"test_give_back_counts_no_attempt"},
    broken_stores.ScopeIgnored: {
        "test_scopes_are_apart",
        "test_scopes_have_inboxes_of_their_own",
        "test_operators_act_in_their_scope",
        "test_marks_are_of_a_scope",
    },
    broken_stores.ForgetsTooSoon: {"test_forget_takes_nothing_sooner"},
    broken_stores.LosesLateErrors: {
        "test_a_late_error_is_kept",
        "test_a_late_error_of_a_settled_event_is_kept",
    },
    broken_stores.ParsesAnswers: {"test_an_answer_is_given_again_byte_for_byte"},
    broken_stores.TokensBeginAnew: {"test_a_claim_is_taken_once_and_the_token_rises"},
    broken_stores.NeverTakesOver: {"test_a_claim_whose_lease_is_over_is_taken_over"},
    broken_stores.LeasesDoNotHold: {"test_nobody_else_gets_an_event_while_its_lease_runs"},
    broken_stores.FailedHandsItsKeyOn: {"test_a_failed_event_holds_its_successors_back"},
    broken_stores.FirstComeFirstServed: {"test_the_oldest_goes_first"},
    broken_stores.NoWatermark: {"test_trusted_input_from_before_the_watermark_is_expired"},
    broken_stores.DatabaseErrorsComeThrough: {
        "test_accept_fails_and_recovers",
        "test_finish_fails_and_recovers",
        "test_take_due_fails_and_recovers",
        "test_acting_fails_and_recovers",
    },
    broken_stores.NeverRecovers: {
        "test_accept_fails_and_recovers",
        "test_looking_fails_and_recovers",
    },
}

CAUGHT_IN_FILES: dict[type[SQLiteStore], set[str]] = {
    broken_files.EffectCommitsFirst: {"test_a_lost_claim_rolls_back"},
    broken_files.EveryStatementCommits: {"test_a_block_that_raises_rolls_back"},
    broken_files.UnfencedCommit: {
        "test_a_lost_claim_rolls_back",
        "test_a_claim_is_known_by_its_random_id",
        "test_a_completion_needs_the_claim",
    },
    broken_files.NoSecondLook: {"test_a_stale_snapshot_rolls_back"},
    broken_files.CommitsTwice: {
        "test_an_effect_is_committed_once",
        "test_a_completion_is_made_once",
    },
}


def check_found(named: set[str], found: Failures, of: int) -> None:
    """See that a check of each named case has failed, and that most others have passed."""
    assert set() == named - found.told
    assert len(found.told | found.crashed) <= of / 3


@pytest.mark.parametrize("kind", CAUGHT, ids=lambda kind: kind.__name__)
def test_a_broken_store_fails_the_case_of_its_promise(kind: type[broken_stores.Store]) -> None:
    """Each defect is found by the cases that name it, by a check and by no accident."""
    contract = BrokenContract(kind)
    check_found(CAUGHT[kind], failures(contract), len(cases(contract)))


@pytest.mark.parametrize("kind", CAUGHT_IN_FILES, ids=lambda kind: kind.__name__)
def test_a_broken_transaction_fails_the_case_of_its_promise(
    kind: type[SQLiteStore], tmp_path: Path
) -> None:
    """Each defect of a transaction is found by the cases that name it."""
    contract = FileContract(kind, tmp_path)
    check_found(CAUGHT_IN_FILES[kind], failures(contract), len(cases(contract)))


def test_what_broken_stores_are_made_of_is_sound(tmp_path: Path) -> None:
    """Without its defect each of them passes: it is the defect that is found."""
    assert (set(), set()) == failures(BrokenContract(broken_stores.Store))
    assert (set(), set()) == failures(FileContract(broken_files.SQLiteStore, tmp_path))


def test_every_broken_store_is_run() -> None:
    """No defect is written down and forgotten."""
    in_memory = {
        kind
        for module in (broken_stores, broken_inboxes)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, broken_stores.Store)
    }
    assert in_memory - {broken_stores.Store} == set(CAUGHT)
    in_files = {
        kind
        for kind in vars(broken_files).values()
        if isinstance(kind, type) and issubclass(kind, broken_files.SQLiteStore)
    }
    assert in_files - {broken_files.SQLiteStore} == set(CAUGHT_IN_FILES)


def test_a_failure_tells_which_promise_is_broken() -> None:
    """What a case raises is the promise in words, with what was expected and what was there."""
    contract = BrokenContract(broken_stores.GiveBackCounts)
    with pytest.raises(AssertionError) as raised:
        contract.test_give_back_counts_no_attempt()
    told = str(raised.value).splitlines()
    assert "Return a claim as if it had not been made, but for its token." == told[0]
    assert "This does not hold: no handler has run" == told[1]
    assert told[2].startswith("  expected: [(0, 0, 'planned')")
    assert told[3].startswith("  actual:   [(3, 0, 'planned')")
