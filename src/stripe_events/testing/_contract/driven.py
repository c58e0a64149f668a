"""
A store as the cases see it: every verb has been done when it returns, sync or async.

So each case is written once. Besides the verbs there are phrases that cases are made of.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from inspect import isawaitable
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from stripe_events.storage._results import (
    EVERYTHING,
    NOTHING_NEW,
    Claim,
    Claimed,
    Finished,
    HandlerResult,
)
from stripe_events.testing._checks import check, check_that, check_type
from stripe_events.testing._contract.loops import LIMIT, Block, Loop
from stripe_events.testing._contract.making import (
    LEASE,
    NOW,
    SCOPE,
    arrival,
    code,
    died,
    failed,
    new_claim_id,
    succeeded,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from stripe_events.storage._records import EventRecord, HandlerRecord
    from stripe_events.storage._results import (
        Accepted,
        Acted,
        Arrival,
        Code,
        Plan,
        Query,
        Recorded,
        Release,
        StoredEvent,
        Taken,
    )
    from stripe_events.testing._contract.hooks import Contract


class Driver:
    """Run what sync and async stores give to its end; loops are started when they are needed."""

    def __init__(self) -> None:
        """Start no loop yet."""
        self._loops: dict[str, Loop] = {}

    def loop(self, name: str = "main") -> Loop:
        """Give the loop of a name."""
        if name not in self._loops:
            self._loops[name] = Loop()
        return self._loops[name]

    def done(self, given: Any, loop: str = "main") -> Any:
        """Give what a call gave, awaited if that is asked for."""
        return self.loop(loop).run(given) if isawaitable(given) else given

    @contextmanager
    def entered(self, manager: Any) -> Generator[Any, None, None]:
        """Enter a ``with`` or an ``async with`` block."""
        block = Block(self.loop(), manager) if hasattr(manager, "__aenter__") else manager
        with block as value:
            yield value

    def close(self) -> None:
        """End all loops."""
        for loop in self._loops.values():
            loop.close()


class Verbs:
    """The verbs of all protocols, on a store that has some of them."""

    def __init__(self, store: Any, driver: Driver) -> None:
        """Take a store."""
        self.store = store
        self.driver = driver

    def accept(self, arrived: Arrival, lease: float = LEASE) -> Accepted:
        """See ``EventStore``."""
        accepted: Accepted = self.driver.done(self.store.accept(arrived, lease))
        return accepted

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW) -> Finished:
        """See ``EventStore``."""
        finished: Finished = self.driver.done(self.store.finish(claim, result, joined))
        return finished

    def suspend(self, claim: Claim, release: Release = NOW) -> None:
        """See ``EventStore``."""
        self.driver.done(self.store.suspend(claim, release))

    def give_back(self, claim: Claim, release: Release = NOW) -> None:
        """See ``EventStore``."""
        self.driver.done(self.store.give_back(claim, release))

    def extend(self, claims: Sequence[Claim], lease: float = LEASE) -> list[Claim]:
        """See ``EventStore``; on a loop of its own, as the heartbeat does it."""
        lost: list[Claim] = self.driver.done(self.store.extend(claims, lease), "heartbeat")
        return lost

    def enqueue(self, arrived: Arrival) -> Recorded:
        """See ``InboxStore``."""
        recorded: Recorded = self.driver.done(self.store.enqueue(arrived))
        return recorded

    def take_due(
        self, of: Code | None = None, *, scope: str = SCOPE, lease: float = LEASE, limit: int = 100
    ) -> list[Taken]:
        """See ``InboxStore``; by code that has the handlers ``a``, ``b`` and ``c``."""
        of = code("a", "b", "c") if of is None else of
        taken: list[Taken] = self.driver.done(
            self.store.take_due(scope, of, new_claim_id(), lease, limit)
        )
        return taken

    def get(self, event_id: str = "evt_1", scope: str = SCOPE) -> StoredEvent | None:
        """See ``LedgerStore``."""
        stored: StoredEvent | None = self.driver.done(self.store.get(scope, event_id))
        return stored

    def list(
        self, query: Query = EVERYTHING, *, scope: str = SCOPE, **page: Any
    ) -> list[EventRecord]:
        """See ``LedgerStore``."""
        records: list[EventRecord] = self.driver.done(self.store.list(scope, query, **page))
        return records

    def retry(self, event_id: str = "evt_1", *handlers: str, scope: str = SCOPE) -> Acted:
        """See ``LedgerStore``."""
        acted: Acted = self.driver.done(self.store.retry(scope, event_id, handlers))
        return acted

    def replay(self, event_id: str = "evt_1", *handlers: str, scope: str = SCOPE) -> Acted:
        """See ``LedgerStore``."""
        acted: Acted = self.driver.done(self.store.replay(scope, event_id, handlers))
        return acted

    def drop(self, event_id: str, handler: str, scope: str = SCOPE) -> Acted:
        """See ``LedgerStore``."""
        acted: Acted = self.driver.done(self.store.drop(scope, event_id, handler))
        return acted

    def erase(self, query: Query = EVERYTHING, *, scope: str = SCOPE, limit: int = 1000) -> int:
        """See ``LedgerStore``."""
        count: int = self.driver.done(self.store.erase(scope, query, limit=limit))
        return count

    def forget(self, query: Query = EVERYTHING, *, scope: str = SCOPE, **options: Any) -> int:
        """See ``LedgerStore``."""
        count: int = self.driver.done(self.store.forget(scope, query, **options))
        return count


class Driven(Verbs):
    """A store with the phrases of which cases are made."""

    def __init__(self, store: Any, driver: Driver, contract: Contract) -> None:
        """Take a store, and the contract whose hooks know more of it."""
        super().__init__(store, driver)
        self._contract = contract

    def another(self) -> Driven:
        """Give a second handle on the same data, as another process would have it."""
        handle = self.driver.done(self._contract.another(self.store))
        if handle is self.store:
            return self
        self._contract.close_in_the_end(handle)
        return Driven(handle, self.driver, self._contract)

    def advance(self, seconds: float) -> None:
        """Let time pass, or skip the case where that cannot be had."""
        self.driver.done(self._contract.advance(self.store, seconds))

    def break_database(self) -> None:
        """Let every use of the database fail, or skip the case where that cannot be had."""
        self.driver.done(self._contract.break_database(self.store))

    def repair_database(self) -> None:
        """Let the database work again."""
        self.driver.done(self._contract.repair_database(self.store))

    def tick(self) -> None:
        """Wait until the store's clock has moved."""
        try:
            self.advance(1.0)
        except SkipTest:
            before, end = self.now(), time.monotonic() + LIMIT
            while self.now() <= before:
                check_that(time.monotonic() < end, "the store's clock stands still", before)

    def now(self) -> float:
        """Give the store's time."""
        probe = arrival("evt_probe", scope="probe", claim_id="probe")
        claimed = check_type(Claimed, self.accept(probe), "the same claim id gives the claim again")
        return claimed.now

    def deliver(self, event_id: str = "evt_1", *names: str, **members: Any) -> Accepted:
        """Deliver an event; ``lease`` and the members of ``Arrival`` may be given."""
        lease = members.pop("lease", LEASE)
        return self.accept(arrival(event_id, *names, **members), lease)

    def claim(self, event_id: str = "evt_1", *names: str, **members: Any) -> Claimed:
        """Deliver an event, and insist that it is ours."""
        accepted = self.deliver(event_id, *names, **members)
        return check_type(Claimed, accepted, f"a delivery of {event_id} claims it")

    def succeed(self, claimed: Claimed, *names: str) -> Finished:
        """Record that handlers succeeded; give what was said last."""
        return self._finish(claimed, [succeeded(name) for name in names or ("a",)])

    def fail(self, claimed: Claimed, *names: str) -> Finished:
        """Record that handlers failed."""
        return self._finish(claimed, [failed(name) for name in names or ("a",)])

    def kill(self, claimed: Claimed, *names: str) -> Finished:
        """Record that handlers failed for good."""
        return self._finish(claimed, [died(name) for name in names or ("a",)])

    def take_one(self, of: Code | None = None, *, scope: str = SCOPE) -> Taken:
        """Take what is due, and insist that it is one event."""
        taken = self.take_due(of, scope=scope)
        check(1, len(taken), "one event is due")
        return taken[0]

    def _finish(self, claimed: Claimed, results: Sequence[HandlerResult]) -> Finished:
        return [self.finish(claimed.claim, result) for result in results][-1]

    def expire(self, claimed: Claimed) -> None:
        """Let the lease of a claim be over, as after a crash; needs no clock that can be moved."""
        check([], self.extend([claimed.claim], 0.0), "a valid claim is not told as lost")

    def done(self, event_id: str = "evt_1", *names: str, **members: Any) -> Claimed:
        """Deliver an event and handle it; give the claim that was."""
        claimed = self.claim(event_id, *names, **members)
        finished = self.succeed(claimed, *names)
        check("done", finished.state, "an event of which every handler succeeded is done")
        return claimed

    def dead(self, event_id: str = "evt_1", *names: str, **members: Any) -> Claimed:
        """Deliver an event whose handlers die."""
        claimed = self.claim(event_id, *names, **members)
        finished = self.kill(claimed, *names)
        check("dead", finished.state, "an event with a dead handler and none left is dead")
        return claimed

    def failed(self, event_id: str = "evt_1", *names: str, **members: Any) -> Claimed:
        """Deliver an event whose handlers fail, and end the attempt; it is due now."""
        release = members.pop("release", NOW)
        claimed = self.claim(event_id, *names, **members)
        self.fail(claimed, *names)
        self.suspend(claimed.claim, release)
        return claimed

    def record(self, event_id: str = "evt_1", scope: str = SCOPE) -> EventRecord:
        """Give what the ledger has of an event, and insist that it has it."""
        stored = self.get(event_id, scope)
        if stored is None:
            raise AssertionError(f"{event_id} of scope {scope} is in the ledger, and get gave None")
        return stored.record


def handler_of(record: EventRecord, name: str) -> HandlerRecord:
    """Give a planned handler, and insist that it is planned."""
    found = record.handler(name)
    if found is None:
        raise AssertionError(f"handler {name} is planned for {record.id}: {record.handlers!r}")
    return found
