"""Bring an event where a row of the table begins, and take the step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stripe_events.storage._results import Claim, Plan
from stripe_events.storage._table import TRANSITIONS
from stripe_events.testing._checks import check
from stripe_events.testing._contract.making import NOW, arrival, code, failed, succeeded

if TYPE_CHECKING:
    from stripe_events.storage._results import Claimed
    from stripe_events.storage._table import Source, Transition, Verb, When
    from stripe_events.testing._contract.driven import Driven

FORGETTING: Final = 32 * 86_400.0
_EVENT: Final = "evt_1"
_ANOTHER: Final = "evt_0"


class Scene:
    """An event ``evt_1`` in a scope of its own, on its way to where a row begins."""

    def __init__(self, store: Driven, scope: str, verb: Verb, source: Source, when: When) -> None:
        """Bring it there."""
        self._store = store
        self._scope = scope
        self._verb = verb
        self._when = when
        self._names = ("a", "b") if when in ("work left", "one is dead") else ("a",)
        self._claimed: Claimed | None = None
        self._head: Claimed | None = None
        getattr(self, f"_reach_{source}")()

    def _deliver(self, event_id: str = _EVENT, **members: Any) -> Any:
        return self._store.deliver(event_id, *self._names, **self._about(members))

    def _claim(self, event_id: str = _EVENT, **members: Any) -> Claimed:
        return self._store.claim(event_id, *self._names, **self._about(members))

    def _about(self, members: dict[str, Any]) -> dict[str, Any]:
        return {"scope": self._scope, "order_key": "k", **members}

    def _reach_absent(self) -> None:
        if self._when == "key held":
            self._claim(_ANOTHER)
        elif self._when == "older than the watermark":
            self._store.done(_ANOTHER, scope=self._scope)
            self._store.advance(FORGETTING)
            self._store.forget(scope=self._scope)

    def _reach_parked(self) -> None:
        if self._when == "one is dead":
            self._reach_dead()
            self._claim(_ANOTHER)
            self._store.retry(_EVENT, "b", scope=self._scope)
        else:
            self._head = self._claim(_ANOTHER)
            self._deliver()

    def _reach_claimed(self) -> None:
        self._claimed = self._claim()
        if self._when == "one is dead":
            self._store.kill(self._claimed, "a")
        if self._verb in ("accept", "take_due") and self._when not in (
            "lease runs",
            "same claim id",
            "nothing to run",
        ):
            self._store.expire(self._claimed)

    def _reach_pending(self) -> None:
        self._store.give_back(self._worked_on().claim, NOW)

    def _reach_failed(self) -> None:
        self._store.suspend(self._worked_on().claim, NOW)

    def _worked_on(self) -> Claimed:
        self._claimed = self._claim()
        if self._when == "one is dead":
            self._store.kill(self._claimed, "a")
        return self._claimed

    def _reach_done(self) -> None:
        self._claimed = self._claim()
        self._store.succeed(self._claimed, *self._names)
        self._hold_the_key()

    def _reach_dead(self) -> None:
        self._claimed = self._claim()
        self._store.kill(self._claimed, *self._names)
        self._hold_the_key()

    def _hold_the_key(self) -> None:
        if self._when == "key held":
            self._claim(_ANOTHER)

    def state(self) -> str:
        """Give the state that the event is in."""
        stored = self._store.get(_EVENT, self._scope)
        return "absent" if stored is None else stored.record.state

    def stored(self) -> Any:
        """Give all that the store has of the event."""
        return self._store.get(_EVENT, self._scope)

    def act(self) -> str:
        """Take the step, and give what the caller was told, in the table's words."""
        given = getattr(self, f"_{self._verb}")()
        if isinstance(given, int):
            return "count" if given else "-"
        return "-" if given is None else type(given).__name__

    def _arrival(self) -> Any:
        members: dict[str, Any] = {}
        if self._when == "same claim id" and self._claimed is not None:
            members["claim_id"] = self._claimed.claim.claim_id
        if self._when == "older than the watermark":
            members["trusted"] = True
        if self._when == "nothing wanted":
            members["plan"] = Plan()
        if self._when == "nothing to run":
            members.update(lane="inbox", code=code("another"))
        if self._when in ("all settled", "one is dead"):
            members.update(plan=Plan(), code=self._code())
        return arrival(_EVENT, *self._names, **self._about(members))

    def _code(self) -> Any:
        gone = {"all settled": {"a"}, "one is dead": {"b"}}.get(self._when, set[str]())
        return code(*self._names, retired=frozenset(gone))

    def _own(self) -> Claim:
        """Give the last claim; of an event that has none, what its record has in its place."""
        return Claim(self._scope, _EVENT, 0, "") if self._claimed is None else self._claimed.claim

    def _accept(self) -> Any:
        return self._store.accept(self._arrival())

    def _enqueue(self) -> Any:
        return self._store.enqueue(self._arrival())

    def _take_due(self) -> Claimed | None:
        taken = self._store.take_due(self._code(), scope=self._scope)
        return taken[0].claimed if taken else None

    def _extend(self) -> Any:
        return None if self._store.extend([self._own()]) else 0

    def _finish(self) -> Any:
        if (
            self._when == "key free" and self._head is not None
        ):  # whose end is the turn of what is parked
            self._store.succeed(self._head, *self._names)
            return None
        if self._when == "settled by this claim":
            return self._store.finish(self._own(), failed("a"))
        name = "b" if self._when == "one is dead" else "a"
        return self._store.finish(self._own(), succeeded(name))

    def _suspend(self) -> None:
        self._store.suspend(self._own(), NOW)

    def _give_back(self) -> None:
        self._store.give_back(self._own(), NOW)

    def _retry(self) -> Any:
        return self._store.retry(_EVENT, scope=self._scope)

    def _replay(self) -> Any:
        return self._store.replay(_EVENT, scope=self._scope)

    def _drop(self) -> Any:
        return self._store.drop(_EVENT, self._names[-1], self._scope)

    def _erase(self) -> Any:
        return self._store.erase(scope=self._scope)

    def _forget(self) -> Any:
        self._store.advance(FORGETTING)
        return self._store.forget(scope=self._scope, dead=True)


def needs_time(row: Transition) -> bool:
    """Tell whether a row can be reached only by letting time pass."""
    return row.verb == "forget" or row.when == "older than the watermark"


def play(store: Driven, row: Transition) -> None:
    """Insist that a store takes the step of a row as the table says."""
    name = f"{row.verb}: {row.source} ({row.when}) -> {row.target}"
    scene = Scene(store, name, row.verb, row.source, row.when)
    check(row.source, scene.state(), f"the step begins where it should: {name}")
    told = scene.act()
    check(row.gives, told, f"what the caller is told: {name}")
    check(row.target, scene.state(), f"the state that follows: {name}")


def play_all(store: Driven, verb: Verb) -> None:
    """Insist on all steps of a verb, but for those that need time to pass."""
    for row in TRANSITIONS:
        if row.verb == verb and not needs_time(row):
            play(store, row)
