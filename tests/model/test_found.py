"""What the searches have found in the core, each reduced to its shortest way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from stripe_events.errors import LostClaim, StaleSnapshot
from stripe_events.storage import MemoryStore, SQLiteStore, _verbs
from stripe_events.storage._bases import drive
from stripe_events.storage._keys import watermark_id
from stripe_events.storage._operations import ReadEvent
from stripe_events.storage._records import ErrorRecord, KeyRecord
from stripe_events.storage._results import (
    Arrival,
    Claimed,
    Code,
    HandlerResult,
    Held,
    Plan,
    PlannedHandler,
    Query,
    Release,
    Settled,
    Undecided,
)

if TYPE_CHECKING:
    from pathlib import Path

    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Accepted, Claim

RELEASE = Release(10.0, 10.0)
FAILED = HandlerResult("a", "failed", ErrorRecord("Error", "why"))


class Clock:
    """A time that tests set, in unix seconds."""

    now = 1000.0

    def __call__(self) -> float:
        """Give it."""
        return self.now


def arrival(
    event_id: str = "evt",
    *handlers: str,
    claim_id: str = "first",
    created: float = 1.0,
    order_key: str | None = None,
    plan: Plan | None = None,
    formerly: tuple[tuple[str, str], ...] = (),
    stale_key: str | None = None,
    trusted: bool = False,
) -> Arrival:
    """Give a delivery of an event to code that has these handlers (``a`` alone if none)."""
    names = handlers or ("a",)
    wanted = tuple(PlannedHandler(name, stale_key) for name in names)
    code = Code(frozenset(names), formerly, max_abandoned=1)
    return Arrival(
        "s",
        event_id,
        "t",
        None,
        False,
        created,
        b"{}",
        Plan(wanted) if plan is None else plan,
        code,
        claim_id,
        order_key,
        trusted,
    )


def claim(store: MemoryStore | SQLiteStore, delivery: Arrival, lease: float = 10.0) -> Claim:
    """Take an event in, which is free."""
    accepted = store.accept(delivery, lease)
    assert isinstance(accepted, Claimed)
    return accepted.claim


def stored(store: MemoryStore | SQLiteStore, event_id: str = "evt") -> EventRecord:
    """Give an event that is in the ledger."""
    event = store.get("s", event_id)
    assert event is not None
    return event.record


def test_a_failure_whose_answer_was_lost_counts_once() -> None:
    """Recording it again by the same claim changes nothing."""
    store = MemoryStore()
    held = claim(store, arrival())

    told = [store.finish(held, FAILED), store.finish(held, FAILED)]

    assert told[0] == told[1]
    assert [1] == [one.attempts for one in stored(store).handlers]


def test_a_transaction_of_a_handler_that_was_given_up_is_rolled_back(tmp_path: Path) -> None:
    """Its claim is still the last one: who took the event over settled it without another."""
    clock = Clock()
    store = SQLiteStore(tmp_path / "ledger.db", clock=clock)
    held = claim(store, arrival())
    clock.now += 10.0
    assert isinstance(store.accept(arrival(claim_id="second"), 10.0), Settled)

    with (
        pytest.raises(LostClaim),
        store.transaction(held, lambda: HandlerResult("a", "succeeded")) as connection,
    ):
        connection.execute("CREATE TABLE credits (amount INTEGER)")

    store.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert ("credits",) not in tables


def test_older_code_does_not_let_a_renamed_handler_join_again() -> None:
    """In a rolling deploy the new code may be the first to record an event."""
    store = MemoryStore()
    store.give_back(claim(store, arrival("evt", "new", formerly=(("old", "new"),))), RELEASE)

    claim(store, arrival("evt", "old"))

    assert ["new"] == [one.name for one in stored(store).handlers]


def test_of_two_names_that_became_one_the_second_stays() -> None:
    """Two records of one name would share its outcome, and one would never be settled."""
    store = MemoryStore()
    store.give_back(claim(store, arrival("evt", "a", "b")), RELEASE)

    claim(store, arrival("evt", "c", formerly=(("a", "c"), ("b", "c"))))

    assert ["c", "b"] == [one.name for one in stored(store).handlers]


def test_where_is_not_asked_again_for_a_renamed_handler() -> None:
    """Neither of one that joined under its former name nor of one that was refused."""
    store = MemoryStore()
    asked = Plan((PlannedHandler("a"),), refused=("b",))
    store.give_back(claim(store, arrival("evt", "a", "b", plan=asked)), RELEASE)

    formerly = (("a", "c"), ("b", "d"))
    renamed = arrival("evt", "c", "d", plan=Plan(undecided=("c", "d")), formerly=formerly)

    assert not isinstance(store.accept(renamed, 10.0), Undecided)
    assert ["c"] == [one.name for one in stored(store).handlers]


def test_a_handler_renamed_under_its_claim_still_checks_its_snapshot() -> None:
    """The owner knows it by its former name only."""
    store = MemoryStore()
    older = claim(store, arrival("older", "old", stale_key="g"))
    renamed = arrival("older", "new", formerly=(("old", "new"),), stale_key="g", claim_id="x")
    store.enqueue(renamed)
    newer = claim(store, arrival("newer", "old", created=2.0, stale_key="g"))
    store.finish(newer, HandlerResult("old", "succeeded"))

    finish = _verbs.finish(older, HandlerResult("old", "succeeded"), in_transaction=True)
    with pytest.raises(StaleSnapshot):
        drive(finish, store._perform)


def test_a_dead_event_that_is_retried_after_a_later_one_is_out_of_order() -> None:
    """It was in order when it came, but it runs now."""
    store = MemoryStore()
    dead = HandlerResult("a", "dead", ErrorRecord("Error", "why"))
    store.finish(claim(store, arrival("first", order_key="k")), dead)
    later = claim(store, arrival("later", order_key="k", created=2.0))
    store.finish(later, HandlerResult("a", "succeeded"))

    store.retry("s", "first")

    assert stored(store, "first").out_of_order


def test_an_event_that_is_done_by_a_drop_counts_for_order() -> None:
    """What comes later but was created before it is out of order."""
    store = MemoryStore()
    delivery = arrival("later", "a", "b", order_key="k", created=2.0)
    held = claim(store, delivery)
    store.finish(held, HandlerResult("a", "succeeded"))
    store.finish(held, HandlerResult("b", "dead", ErrorRecord("Error", "why")))
    store.drop("s", "later", "b")

    claim(store, arrival("earlier", order_key="k"))

    assert stored(store, "earlier").out_of_order


def test_a_late_error_of_an_erased_event_tells_nothing() -> None:
    """A message may quote the payload, which is gone."""
    store = MemoryStore()
    held = claim(store, arrival())
    store.finish(held, HandlerResult("a", "succeeded"))
    store.erase("s", Query())

    store.finish(held, FAILED)

    late = stored(store).handlers[0].late_error
    assert late is not None
    assert ("Error", "") == (late.type, late.message)


def test_an_event_that_is_recorded_meanwhile_is_not_expired() -> None:
    """It was absent, and the watermark rose, but another delivery came between."""
    store = MemoryStore()
    store.accept(arrival("evt", claim_id="other", trusted=True), 10.0)
    store._keys[watermark_id("s")] = KeyRecord(watermark_id("s"), newest=5.0)
    verb = _verbs.accept(arrival("evt", trusted=True), 10.0)

    assert isinstance(next(verb), ReadEvent)
    rest = drive_on(verb, (store._clock(), None), store)

    assert isinstance(rest, Held)


def drive_on(verb: _verbs.Verb[Accepted], answer: object, store: MemoryStore) -> Accepted:
    """Give a verb that has begun an answer of the past, and all others as they are now."""
    operation = verb.send(answer)
    while True:
        try:
            operation = verb.send(store._perform(operation))
        except StopIteration as end:
            result: Accepted = end.value
            return result
