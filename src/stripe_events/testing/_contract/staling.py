"""Cases: which handlers a newer snapshot has overtaken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.storage._results import Claimed, Plan, PlannedHandler
from stripe_events.testing._checks import check
from stripe_events.testing._contract.cases import case
from stripe_events.testing._contract.hooks import Contract
from stripe_events.testing._contract.making import CREATED, code, planned, skipped, succeeded

if TYPE_CHECKING:
    from stripe_events.testing._contract.driven import Driven

NOTHING: frozenset[str] = frozenset()


def snapshot(store: Driven, event_id: str, seconds: float, **members: Any) -> Claimed:
    """Claim an event about the object of group ``g``, created so many seconds later."""
    plan = members.pop("plan", planned("a", stale_key="g"))
    created = CREATED + seconds
    return store.claim(event_id, plan=plan, code=code("a", "b"), created=created, **members)


class StaleCases(Contract):
    """The mark of a group, and what is older than it."""

    @case
    def test_a_strictly_older_snapshot_is_stale(self, store: Driven) -> None:
        """Tell which handlers have succeeded on a newer snapshot of the same object."""
        store.succeed(snapshot(store, "evt_5", 5))
        check({"a"}, set(snapshot(store, "evt_4", 4).stale), "evt_4 is older than evt_5")
        check(NOTHING, snapshot(store, "evt_5b", 5).stale, "the same second is not older")
        check(NOTHING, snapshot(store, "evt_6", 6).stale, "a newer one is not stale")

    @case
    def test_a_group_is_shared_by_handlers(self, store: Driven) -> None:
        """Let handlers of one group fall behind each other's snapshots, and others not."""
        store.succeed(snapshot(store, "evt_5", 5))
        plan = Plan((PlannedHandler("a", "another"), PlannedHandler("b", "g")))
        check({"b"}, set(snapshot(store, "evt_4", 4, plan=plan).stale), "b is of group g")

    @case
    def test_only_success_makes_older_ones_stale(self, store: Driven) -> None:
        """Leave the mark where it is when a handler fails, dies or skips."""
        store.fail(snapshot(store, "evt_7", 7))
        store.kill(snapshot(store, "evt_8", 8))
        store.finish(snapshot(store, "evt_9", 9).claim, skipped("a"))
        check(NOTHING, snapshot(store, "evt_1", 1).stale, "nothing newer has succeeded")

    @case
    def test_the_mark_never_falls(self, store: Driven) -> None:
        """Keep the newest snapshot, in whichever order they succeed."""
        older = snapshot(store, "evt_3", 3)
        store.succeed(snapshot(store, "evt_5", 5))
        check("done", store.succeed(older).state, "a result that is there is recorded")
        check({"a"}, set(snapshot(store, "evt_4", 4).stale), "evt_5 is still the newest")

    @case
    def test_a_former_name_raises_the_mark(self, store: Driven) -> None:
        """Raise the mark also by the result of an owner whose code is older than a rename."""
        renaming = code("new", formerly=(("old", "new"),))
        plan = planned("old", stale_key="g")
        store.suspend(store.claim("evt_5", plan=plan, created=CREATED + 5).claim)
        renamed = planned("new", stale_key="g")
        claimed = store.claim("evt_5", plan=renamed, code=renaming)
        store.finish(claimed.claim, succeeded("old"))
        check({"a"}, set(snapshot(store, "evt_4", 4).stale), "evt_5 is newer and has succeeded")

    @case
    def test_marks_are_of_a_scope(self, store: Driven) -> None:
        """Let snapshots of another scope make nothing stale."""
        store.succeed(snapshot(store, "evt_5", 5, scope="another"))
        check(NOTHING, snapshot(store, "evt_4", 4).stale, "it was another scope's")
