"""
The searches can fail: each of these deliberate defects of the core is found.

A defect is put into the real code; the message of what it violates ends in the way
there, step by step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from stripe_events.storage import _keys, _plans, _transitions, _verbs
from stripe_events.storage._memory import MemoryStore
from stripe_events.storage._records import SETTLED, EventRecord, HandlerRecord
from tests.model import flows, one_event, several_events
from tests.model.search import Violated
from tests.model.worlds import Explorer

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage._records import KeyRecord
    from stripe_events.storage._results import Arrival, Claim, Finished
    from tests.model.settings import Setting

Patch: TypeAlias = pytest.MonkeyPatch

ONE = one_event.FAULTS
PAIR = several_events.PAIR


def settings_of(about: str) -> Setting:
    """Give the setting of a search by what it is about."""
    return {**one_event.SETTINGS, **several_events.SETTINGS}[about][0]


def fence_by_token_only(patch: Patch) -> None:
    """Take any claim with the right token for the last one."""

    def is_held_by(record: EventRecord | None, claim: Claim) -> bool:
        return record is not None and record.token == claim.token

    patch.setattr(_transitions, "is_held_by", is_held_by)


def fence_without_state(patch: Patch) -> None:
    """Let a claim be valid after it was given up."""

    def fenced(record: EventRecord | None, claim: Claim) -> EventRecord:
        assert record is not None
        return record

    patch.setattr(_transitions, "fenced", fenced)


def done_although_one_failed(patch: Patch) -> None:
    """Look at failed handlers as if they were settled."""
    real = _transitions.finished

    def finished(*arguments: Any) -> tuple[EventRecord | None, Finished]:
        new, told = real(*arguments)
        if new is None or {one.outcome for one in new.handlers} - SETTLED != {"failed"}:
            return new, told
        return new._replace(state="done", due=None), told._replace(state="done")

    patch.setattr(_transitions, "finished", finished)


def takeover_with_the_same_token(patch: Patch) -> None:
    """Claim anew without raising the token."""
    changed(patch, "claimed", lambda new, record: new._replace(token=max(record.token, 1)))


def enqueue_without_due(patch: Patch) -> None:
    """Leave the due time of an unsettled event alone."""
    changed(patch, "enqueued", lambda new, record: new._replace(due=record.due))


def changed(patch: Patch, name: str, change: Callable[..., EventRecord]) -> None:
    """Let a function of the core, whose arguments have a record, give something else."""
    real = getattr(_transitions, name)

    def patched(*arguments: Any, **options: Any) -> EventRecord:
        record = next(one for one in arguments if isinstance(one, EventRecord))
        return change(real(*arguments, **options), record)

    patch.setattr(_transitions, name, patched)


def failure_over_success(patch: Patch) -> None:
    """Record whatever a claim says last."""
    unsettled = property(lambda one: one.outcome in SETTLED - {"succeeded"})
    patch.setattr(HandlerRecord, "is_settled", unsettled)


def plan_that_shrinks(patch: Patch) -> None:
    """Forget handlers that the running code does not have."""
    real = _plans.merged

    def merged(record: EventRecord, plan: Any, code: Any, now: float) -> EventRecord:
        record = real(record, plan, code, now)
        if code is None:
            return record
        known = tuple(one for one in record.handlers if one.name in code.handlers)
        return record._replace(handlers=known)

    patch.setattr(_transitions, "merged", merged)


def no_suspect(patch: Patch) -> None:
    """Count nothing against a handler whose process died."""
    patch.setattr(_transitions, "with_suspect", lambda record, code, now: record)


def commit_of_what_was_given_up(patch: Patch) -> None:
    """Let a transaction end well whose handler was settled by others."""
    real = _transitions.finished

    def finished(*arguments: Any) -> tuple[EventRecord | None, Finished]:
        new, told = real(*arguments)
        return new, told._replace(settled_before=False)

    patch.setattr(_transitions, "finished", finished)


def failure_counted_twice(patch: Patch) -> None:
    """Count a failure again when its record is repeated."""
    real = _transitions.finished

    def finished(record: EventRecord, now: float, claim: Claim, *rest: Any) -> Any:
        handlers = tuple(one._replace(token=0) for one in record.handlers)
        return real(record._replace(handlers=handlers), now, claim, *rest)

    patch.setattr(_transitions, "finished", finished)


def claim_without_its_lane(patch: Patch) -> None:
    """Make a mixed delivery's claim as an inline one's, and hope for its last write."""
    patch.setattr(_transitions, "_joined", lambda recorded, lane: recorded)
    real = _transitions.admitted

    def admitted(arrival: Arrival, *arguments: Any, **options: Any) -> EventRecord:
        return real(arrival._replace(lane="inline"), *arguments, **options)

    patch.setattr(_transitions, "admitted", admitted)


def lane_of_the_last_delivery(patch: Patch) -> None:
    """Let an inline delivery have what is the inbox's."""
    patch.setattr(_transitions, "_joined", lambda recorded, lane: lane)


def rest_is_claimed(patch: Patch) -> None:
    """Claim an event for a delivery that has nothing to run of it, unless others have it."""
    patch.setattr(_transitions, "is_left_to_inbox", lambda record, now, arrival: False)


def rest_is_not_the_inboxs(patch: Patch) -> None:
    """Answer for an inline event that the rest is the inbox's, and leave it inline."""
    real = _transitions.enqueued

    def enqueued(record: EventRecord, *arguments: Any, **options: Any) -> EventRecord:
        new = real(record, *arguments, **options)
        return new._replace(lane=record.lane) if options["verb"] == "accept" else new

    patch.setattr(_transitions, "enqueued", enqueued)


def all_is_the_rest(patch: Patch) -> None:
    """Answer that an event is the inbox's, though an inline handler is left."""

    def is_left_to_inbox(record: EventRecord, now: float, arrival: Arrival) -> bool:
        return arrival.lane == "inbox" and record.claim_id != arrival.claim_id

    patch.setattr(_transitions, "is_left_to_inbox", is_left_to_inbox)


def answer_whatever_failed(patch: Patch) -> None:
    """Leave an inline handler that failed to the inbox with the rest."""
    real = flows._run

    def run(*arguments: Any) -> Any:
        ended = yield from real(*arguments)
        return ended and ended._replace(failed=False)

    patch.setattr(flows, "_run", run)


def key_row_not_compared(patch: Patch) -> None:
    """Write a key row whatever it has become since it was read."""
    patch.setattr(MemoryStore, "_key_holds", lambda store, change: True)


def nobody_follows(patch: Patch) -> None:
    """Free the key, and leave the parked where they are."""
    real = _keys.handed_on
    patch.setattr(_keys, "handed_on", lambda key, record, successor: real(key, record, None))


def the_last_follows(patch: Patch) -> None:
    """Hand the key to the parked event that was created last."""

    def read_parked(store: MemoryStore, asked: Any) -> EventRecord | None:
        parked = [one for one in store._events.values() if one.state == "parked"]
        return max(parked, key=lambda one: one.created, default=None)

    patch.setattr(MemoryStore, "_read_parked", read_parked)


def order_not_marked(patch: Patch) -> None:
    """Take every event for one in order."""
    patch.setattr(_keys, "is_older", lambda created, key: False)


def snapshot_not_checked_at_commit(patch: Patch) -> None:
    """Commit an older snapshot over a newer one, unless that was known at the claim."""

    def mark(record: EventRecord, name: str) -> Any:
        return None
        yield

    patch.setattr(_verbs, "_mark", mark)


def snapshot_of_the_present_name(patch: Patch) -> None:
    """Check no snapshot of a handler that was renamed while it ran."""
    patch.setattr(_verbs, "find", lambda record, name: record.handler(name))


def two_names_at_once(patch: Patch) -> None:
    """Let older code plan a handler under its former name again."""
    real = _plans.planned
    patch.setattr(_transitions, "planned", lambda plan, code: real(plan, None))


def no_watermark(patch: Patch) -> None:
    """Forget without a trace."""
    real = _keys.raised

    def raised(key: KeyRecord | None, key_id: Any, created: float) -> Any:
        return real(key, key_id, 0.0 if key_id.kind == "forgotten" else created)

    patch.setattr(_keys, "raised", raised)


DEFECTS: list[tuple[Callable[[Patch], None], Setting, str]] = [
    (fence_by_token_only, settings_of("an older copy comes back"), "claims on evt are valid"),
    (fence_without_state, ONE._replace(faults=1), "2 claims on evt are valid"),
    (done_although_one_failed, ONE._replace(faults=1), "done, but not all is settled"),
    (takeover_with_the_same_token, ONE._replace(faults=1), "another claim has the same token"),
    (enqueue_without_due, settings_of("inline and inbox"), "enqueued, but not due"),
    (failure_over_success, settings_of("runs end in every way"), "which was succeeded"),
    (plan_that_shrinks, settings_of("code without a handler"), "planned no more"),
    (no_suspect, ONE._replace(faults=1), "is stuck"),
    (commit_of_what_was_given_up, ONE._replace(faults=2), "was committed 1 times"),
    (failure_counted_twice, ONE._replace(faults=2), "more attempts than claims"),
    (claim_without_its_lane, settings_of("mixed"), "neither settled nor due"),
    (
        lane_of_the_last_delivery,
        settings_of("mixed beside inline and inbox"),
        "the inbox's no more",
    ),
    (rest_is_claimed, settings_of("mixed"), "409 is answered, and nothing is left"),
    (rest_is_not_the_inboxs, settings_of("mixed beside inline and inbox"), "neither settled nor"),
    (all_is_the_rest, settings_of("mixed"), "before the inline handler"),
    (answer_whatever_failed, settings_of("mixed"), "before the inline handler .*credit"),
    (key_row_not_compared, settings_of("three events"), "the head of one key"),
    (nobody_follows, settings_of("three events"), "a worker leaves it parked"),
    (the_last_follows, settings_of("three events"), "evt3 goes before"),
    (order_not_marked, settings_of("three events"), "unmarked"),
    (snapshot_not_checked_at_commit, settings_of("a group in transactions"), "newer snapshot"),
    (
        snapshot_of_the_present_name,
        settings_of("a group, renamed while it runs"),
        "newer snapshot",
    ),
    (two_names_at_once, settings_of("code with a former name"), "mail is planned beside email"),
    (no_watermark, settings_of("a month later"), "what was forgotten comes again"),
]


@pytest.mark.parametrize(
    ("defect", "setting", "found"), DEFECTS, ids=[one[0].__name__ for one in DEFECTS]
)
def test_a_defect_is_found(
    monkeypatch: Patch, defect: Callable[[Patch], None], setting: Setting, found: str
) -> None:
    """With the shortest way there, step by step."""
    defect(monkeypatch)

    with pytest.raises(Violated, match=found) as violation:
        Explorer(setting).search()

    print(violation.value)  # noqa: T201 - for -rP
    assert "\n  1. " in str(violation.value)
