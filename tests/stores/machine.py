"""Random verbs by any number of owners on a store, compared with the oracle after each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from stripe_events.errors import LostClaim, StoreError
from stripe_events.storage._records import OVER, SETTLED, ErrorRecord, EventRecord
from stripe_events.storage._results import (
    Claim,
    Claimed,
    Code,
    Finished,
    HandlerResult,
    Plan,
    PlannedHandler,
    Release,
    Settled,
    Undecided,
)
from stripe_events.storage._table import TRANSITIONS
from stripe_events.testing._contract.driven import Driver, Verbs
from stripe_events.testing._contract.making import arrival, new_claim_id
from tests.stores.oracle import Event, Oracle

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage._records import Lane
    from stripe_events.storage._results import Arrival

MONTH = 32 * 86_400.0
STEPS = {(row.verb, row.source, row.target) for row in TRANSITIONS}
# Its own turn comes to a parked event when another one of its key is settled, by any verb.
PROMOTION = ("parked", "pending")

ORDERED, STALE = "k", "g"
CREATED = {"evt_1": 5.0, "evt_2": 3.0, "evt_3": 4.0, "evt_4": 2.0}
KEYS = {"evt_2": ORDERED, "evt_3": ORDERED, "evt_4": ORDERED}


def _plan(*names: str, **others: tuple[str, ...]) -> Plan:
    return Plan(
        tuple(PlannedHandler(name, STALE if name == "b" else None) for name in names), **others
    )


# Versions of an application: its handlers, and what it wants of every event.
RELEASES = {
    "old": (_plan("a", "b"), Code(frozenset({"a", "b"}))),
    "renamed": (_plan("a2", "b", "c"), Code(frozenset({"a2", "b", "c"}), (("a", "a2"),))),
    "retired": (_plan("a"), Code(frozenset({"a"}), retired=frozenset({"b"}))),
    "refusing": (_plan("a", refused=("b",)), Code(frozenset({"a", "b"}))),
    "asking": (_plan("a", undecided=("c",)), Code(frozenset({"a", "b", "c"}))),
    "mixed": (_plan("a", "b"), Code(frozenset({"a"}))),
    "uninterested": (_plan(), Code(frozenset({"a"}))),
}

events = st.sampled_from(sorted(CREATED))
numbers = st.integers(0, len(CREATED) - 1)  # of an event that is in the ledger
# Most deliveries are made by the code that most processes run.
releases = st.sampled_from(["old", "old", "retired", *sorted(RELEASES)])
handlers = st.sampled_from(["a", "a", "b", "b", "c", "a2"])
outcomes = st.sampled_from(["succeeded", "succeeded", "failed", "dead", "dead", "skipped"])
seconds = st.sampled_from([0.0, 1_000.0])
trust = st.sampled_from([True, True, False])
leases = st.sampled_from([0.0, 50.0, 50.0])
lanes = st.sampled_from(["inline", "inline", "inbox"])


class Subject:
    """A store under test, and how its time passes."""

    def __init__(self, make: Callable[[], Any], advance: Callable[[float], None]) -> None:
        """Take what gives a store for each run; it may be the same one."""
        self.driver = Driver()
        self.make = make
        self.advance = advance


class LedgerMachine(RuleBasedStateMachine):
    """Random verbs by any number of owners, beside the oracle."""

    subject: ClassVar[Subject]
    claims = Bundle("claims")
    # An owner of now or before, or whoever has an event of the ledger at this moment.
    owners = st.one_of(claims, numbers, numbers)

    def __init__(self) -> None:
        """Begin with an empty scope."""
        super().__init__()
        self.store = Verbs(self.subject.make(), self.subject.driver)
        self.scope = new_claim_id()  # which no run had before
        self.oracle = Oracle()
        self.before: dict[str, EventRecord] = {}
        self.verb = ""

    def _tick(self, verb: str) -> None:
        """Let a moment pass before each verb, so that no two are at the same time."""
        self.verb = verb
        self.oracle.now += 0.001
        self.subject.advance(0.001)

    def _arrival(self, event_id: str, release: str, claim_id: str, *, trusted: bool) -> Arrival:
        plan, code = RELEASES[release]
        return arrival(
            event_id,
            scope=self.scope,
            created=CREATED[event_id],
            order_key=KEYS.get(event_id),
            plan=plan,
            code=code._replace(max_abandoned=2),
            claim_id=claim_id,
            trusted=trusted,
        )

    @initialize(to_inbox=st.lists(st.booleans(), min_size=len(CREATED), max_size=len(CREATED)))
    def begin(self, to_inbox: list[bool]) -> None:
        """Let some of the events come in, half of them for the inbox."""
        for event_id, inbox in zip(sorted(CREATED), to_inbox, strict=True):
            if inbox:
                self.enqueue(event_id, "old", trusted=True)
            else:
                self.accept(event_id, "old", 50.0, "inline", trusted=True)
            self.everything_is_as_the_oracle_says()

    @rule(target=claims, event_id=events, release=releases, lease=leases, lane=lanes, trusted=trust)
    def accept(self, event_id: str, release: str, lease: float, lane: Lane, trusted: bool) -> Any:
        """Deliver an event to somebody; twice, for the first answer may be lost."""
        self._tick("accept")
        came = self._arrival(event_id, release, new_claim_id(), trusted=trusted)
        came = came._replace(lane=lane)
        told = self.store.accept(came, lease)
        assert self.oracle.accept(came, lease) == in_words(told)
        if not isinstance(told, Claimed):
            return multiple()
        again = self.store.accept(came, lease)
        assert told.claim == again.claim if isinstance(again, Claimed) else again
        return told.claim

    @rule(event_id=events, release=releases, trusted=trust, after=seconds)
    def enqueue(self, event_id: str, release: str, trusted: bool, after: float = 0.0) -> None:
        """Deliver an event to the inbox."""
        self._tick("enqueue")
        came = self._arrival(event_id, release, "", trusted=trusted)
        came = came._replace(inbox_after=after)
        assert self.oracle.enqueue(came) == in_words(self.store.enqueue(came))

    @rule(target=claims, release=releases, lease=leases, limit=st.sampled_from([1, 2, 100]))
    def take_due(self, release: str, lease: float, limit: int) -> Any:
        """Let a worker take what is due."""
        self._tick("take_due")
        code = RELEASES[release][1]._replace(max_abandoned=2)
        since = [one.since(self.oracle.now) for one in self.oracle.events.values()]
        waiting = [one for one in since if one is not None]
        if len(waiting) > len(set(waiting)):
            limit = 100  # who goes first is open when they have waited equally long
        taken = self.store.take_due(code, scope=self.scope, lease=lease, limit=limit)
        claimed = [one.claimed for one in taken]
        claim_id = claimed[0].claim.claim_id if claimed else "nobody"
        expected = self.oracle.take_due(code, claim_id, lease, limit)
        assert expected == sorted((one.claim.id, in_words(one)) for one in claimed)
        return multiple(*(one.claim for one in claimed))

    @rule(owner=owners, handler=handlers, outcome=outcomes)
    def finish(self, owner: Claim | int, handler: str, outcome: Any) -> None:
        """Let an owner, who may have lost it by now, record a result."""
        self._finish(self._claim(owner), handler, outcome)

    @rule(owner=owners, outcome=outcomes, then=st.sampled_from([None, "failed", "skipped"]))
    def run(self, owner: Claim | int, outcome: Any, then: Any) -> None:
        """Let an owner run all that it was given; each handler may go on after its end."""
        claim = self._claim(owner)
        event = self.oracle.events.get(claim.id)
        for handler in tuple(event.running) if event is not None and event.is_of(claim) else ():
            self._finish(claim, handler, outcome)
            if then is not None:
                self._finish(claim, handler, then)

    @rule(
        owner=owners,
        verb=st.sampled_from(["suspend", "give_back"]),
        inline=seconds,
        inbox=seconds,
        to_inbox=st.booleans(),
    )
    def release(
        self, owner: Claim | int, verb: str, inline: float, inbox: float, to_inbox: bool
    ) -> None:
        """Let an owner end its attempt, or return its claim."""
        claim = self._claim(owner)
        release = Release(inline, inbox, to_inbox=to_inbox)
        self._tick(verb)
        after = "failed" if verb == "suspend" else "pending"
        expected = self.oracle.release(claim, release, after)
        assert expected == self._told(lambda: getattr(self.store, verb)(claim, release))

    def _claim(self, owner: Claim | int) -> Claim:
        if isinstance(owner, Claim):
            return owner
        event_id = self._recorded(owner)
        event = self.oracle.events.get(event_id)
        token, claim_id = (0, "") if event is None else (event.token, event.claim_id)
        return Claim(self.scope, event_id, token, claim_id)

    def _recorded(self, number: int) -> str:
        recorded = sorted(self.oracle.events) or ["evt_absent"]
        return recorded[number % len(recorded)]

    def _finish(self, claim: Claim, handler: str, outcome: Any) -> None:
        self._tick("finish")
        error = ErrorRecord("ValueError", "no") if outcome in ("failed", "dead") else None
        result = HandlerResult(handler, outcome, error)
        expected = self.oracle.finish(claim, result)
        assert expected == self._told(lambda: self.store.finish(claim, result))
        self.everything_is_as_the_oracle_says()

    @rule(held=st.lists(claims, min_size=1, max_size=3, unique=True), lease=leases)
    def extend(self, held: list[Claim], lease: float) -> None:
        """Let a process lengthen its leases, or let them end."""
        self._tick("extend")
        assert self.oracle.extend(held, lease) == self.store.extend(held, lease)

    @rule(
        verb=st.sampled_from(["retry", "replay"]),
        number=numbers,
        names=st.sampled_from([(), (), ("a",), ("b", "c")]),
    )
    def restart(self, verb: str, number: int, names: tuple[str, ...]) -> None:
        """Let an operator retry or replay."""
        self._tick(verb)
        event_id = self._recorded(number)
        told = getattr(self.store, verb)(event_id, *names, scope=self.scope)
        assert self.oracle.restart(verb, event_id, names) == in_words(told)

    @rule(number=numbers, handler=handlers)
    def drop(self, number: int, handler: str) -> None:
        """Let an operator drop a handler."""
        self._tick("drop")
        event_id = self._recorded(number)
        told = self.store.drop(event_id, handler, self.scope)
        assert self.oracle.drop(event_id, handler) == in_words(told)

    @rule(months=st.sampled_from([0, 1]), dead=st.booleans(), erase=st.booleans())
    def keep(self, months: int, dead: bool, erase: bool) -> None:
        """Let go of what is settled, now or in a month; then that of what is old."""
        self._wait(months * MONTH)
        if erase:
            self._tick("erase")
            assert self.oracle.erase() == self.store.erase(scope=self.scope)
            self.everything_is_as_the_oracle_says()
        self._tick("forget")
        assert self.oracle.forget(dead=dead) == self.store.forget(scope=self.scope, dead=dead)

    @rule(passed=st.sampled_from([60.0, 1_100.0]))
    def wait(self, passed: float) -> None:
        """Let leases end, or events become due."""
        self._wait(passed)

    def _wait(self, passed: float) -> None:
        self._tick("wait")
        self.oracle.now += passed
        self.subject.advance(passed)

    def _told(self, call: Callable[[], object]) -> Any:
        try:
            return in_words(call())
        except (LostClaim, StoreError) as error:
            return type(error).__name__

    @invariant()
    def everything_is_as_the_oracle_says(self) -> None:
        """Compare all records, and hold the invariants of the ledger."""
        now = {record.id: record for record in self.store.list(scope=self.scope)}
        expected = {one: said(event, self.oracle.now) for one, event in self.oracle.events.items()}
        assert expected == {one: seen(record) for one, record in now.items()}
        for record in now.values():
            self._hold(self.before.get(record.id), record)
        for gone in self.before.keys() - now.keys():
            assert (self.verb, self.before[gone].state, "absent") in STEPS
        heads = [one.id for one in now.values() if one.order_key and is_head(one)]
        assert len(heads) <= 1
        parked = [one.id for one in now.values() if one.state == "parked"]
        assert heads or not parked, "who waits is waiting for somebody"
        self.before = now

    def _hold(self, before: EventRecord | None, record: EventRecord) -> None:
        """Hold what must be true of an event after every step."""
        unsettled = list(record.unsettled())
        assert not (record.state in OVER and unsettled)
        assert (record.state in ("pending", "failed", "parked")) <= (record.due is not None)
        source = "absent" if before is None else before.state
        if self.verb == "take_due" and source == "parked" != record.state:
            source = "pending"  # what it settled first may have handed its key on
        step = (self.verb, source, record.state)
        assert step in STEPS or source == record.state or step[1:] == PROMOTION, step
        if before is None:
            return
        assert record.token >= before.token
        assert record.revision >= before.revision
        assert record.revision > before.revision or seen(record) == seen(before)
        if self.verb not in ("retry", "replay"):
            settled = {one.name for one in before.handlers if one.outcome in SETTLED}
            names = {name for one in unsettled for name in (one.name, *one.formerly)}
            assert set() == settled & names


def is_head(record: EventRecord) -> bool:
    """Tell whether an event has its order key."""
    return record.state in ("pending", "claimed", "failed")


def in_words(told: object) -> Any:
    """Give a result as the oracle tells it."""
    match told:
        case Claimed(claim, record, _, stale):
            return "Claimed", claim.token, record.running, tuple(sorted(stale))
        case Settled(state):
            return "Settled", state
        case Undecided(names):
            return "Undecided", names
        case Finished(state, settled_before):
            return "Finished", state, settled_before
        case None:
            return "None"
        case _:
            return type(told).__name__


def seen(record: EventRecord) -> Any:
    """Give what there is to compare of a record, but for times."""
    late = {one.name for one in record.handlers if one.late_error is not None}
    return (
        (record.state, record.lane, record.due is not None, record.token, record.claim_id),
        (record.abandoned, record.generation, record.running, record.out_of_order, record.erased),
        set(record.refused),
        [(one.name, one.outcome, one.attempts, one.abandoned) for one in record.handlers],
        late,
    )


def said(event: Event, now: float) -> Any:
    """Give the same of an event of the oracle."""
    late = {one.name for one in event.handlers if one.late}
    return (
        (event.state, event.lane, event.due is not None, event.token, event.claim_id),
        (event.abandoned, event.generation, tuple(event.running), event.out_of_order, event.erased),
        event.refused,
        [(one.name, one.outcome, one.attempts, one.abandoned) for one in event.handlers],
        late,
    )
