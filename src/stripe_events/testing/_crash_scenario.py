"""
One life of an event in which the process dies, or an answer is lost, at one point.

The real flow is wrapped in another one, which hands its effects on to the real drivers
and passes a numbered point before and after each. At the chosen one the flow is
abandoned, as a process that dies abandons it, and the event is delivered again; what is
left to the inbox is run by passes of ``rescue``, which die and are repeated, too.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from stripe_events._delivery.context import TIME_LIMIT
from stripe_events._delivery.effects import Accept, Finish, GiveBack, Run, StoreEffect, Suspend
from stripe_events._delivery.flow import trusted
from stripe_events._delivery.heartbeat import Heartbeat
from stripe_events._delivery.ledger import Ledger
from stripe_events._delivery.recorded import rescue
from stripe_events._delivery.sync_driver import Stopped
from stripe_events._messages import Outcome
from stripe_events.errors import StoreError, UsageError
from stripe_events.storage._records import OVER, SETTLED
from stripe_events.testing._crash_points import LOST, Points, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from stripe_events._delivery.effects import Effect
    from stripe_events._delivery.flow import Flow
    from stripe_events._delivery.ledger import StoreOptions
    from stripe_events._delivery.settings import Settings
    from stripe_events._event import AnyEvent
    from stripe_events._messages import Body, WebhookResponse
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Claim, Release, StoredEvent

_MOST_DELIVERIES: Final = 10
_MOST_PASSES: Final = 10
_OK: Final = 200

_ACCEPTED: Final = {
    "accept": "recording and claiming the event",
    "enqueue": "recording the event",
    "take_due": "taking what is due",
    None: "going on with what was taken",
}


class Crash(NamedTuple):
    """
    What became of an event that was disturbed at one point.

    ``point`` says where; it is empty for the life in which nothing happens. ``runs``:
    how often each handler was run. ``answers``: what each delivery came to, None where
    the process died; the last one came after the event had been answered 200.
    """

    point: str
    runs: Mapping[str, int]
    answers: tuple[Outcome | None, ...]


class _Died(Stopped):
    """End a handler's code where its process dies; no ``except Exception`` catches it."""


class _NoHeartbeat(Heartbeat):
    """Extend nothing."""

    def add(self, claim: Claim, ends: float) -> None:
        """Leave the claim alone."""


class _Impatient(Ledger):
    """A ledger in which what is left to the inbox is due at once, and no other queue is told."""

    __slots__ = ()

    def __init__(self, options: StoreOptions, settings: Settings, scope: str) -> None:
        """Take what the router was told."""
        inbox = options.inbox._replace(dispatch=None, dispatch_grace=0.0)
        options = options._replace(scope=scope, lease=0.0, busy_wait=0.0, inbox=inbox)
        super().__init__(options, settings.table)
        self.heartbeat = _NoHeartbeat(options.store, 0.0, is_async=self.is_async)

    def release(
        self,
        *,
        inline: float | None = None,
        inbox: float = 0.0,  # noqa: ARG002 - it is what is not waited for
        missing: tuple[str, ...] = (),
        to_inbox: bool = False,
    ) -> Release:
        """Wait for nothing."""
        return super().release(inline=inline, missing=missing, to_inbox=to_inbox)


class Scenario:
    """
    Deliver until 200, run the rest as workers do, and hold the contract against what happens.

    Args:
        settings: of the router, for what does not concern its store.
        options: of its store; the scenario has a scope of its own in it, and no lease.
        payload: of the event.
        event: what is in it.
        at: the number of the point, from 1, where something happens; 0 for nowhere.
    """

    def __init__(
        self,
        settings: Settings,
        options: StoreOptions,
        payload: Body | Mapping[str, Any],
        event: AnyEvent,
        at: int,
    ) -> None:
        """Begin where the event is not known."""
        scope = f"crash_everywhere/{os.urandom(8).hex()}"
        self._ledger = _Impatient(options, settings, scope)
        self._settings = settings._replace(ledger=self._ledger)
        self._payload = payload
        self._event_id = event.id
        self._for_inbox = self._ledger.for_inbox(event)
        self._at = at
        self._passed = 0
        self._has_died = False
        self._settled: set[str] = set()
        self._gave_up: set[str] = set()
        self._trace: list[str] = []
        self._runs: Counter[str] = Counter()
        self._answers: list[Outcome | None] = []
        self._turn = ""
        self.point = ""

    def result(self) -> Crash:
        """Say what happened."""
        return Crash(self.point, dict(self._runs), tuple(self._answers))

    def wrong(self, what: str) -> AssertionError:
        """Give an error that says what is wrong, and all that led there."""
        steps = "\n".join(f"  {line}" for line in self._trace)
        return AssertionError(f"{what}\n\ndisturbed: {self.point or 'nothing'}\n{steps}")

    @contextmanager
    def judged(self) -> Generator[None, None, None]:
        """Let what the block raises be told as what is wrong."""
        try:
            yield
        except Exception as error:
            raise self.wrong(f"the world is not as it should be: {error!r}") from error

    def play(self) -> Flow:
        """Deliver until 200, run the rest, deliver once more; raise what was wrong."""
        while True:
            response = yield from self._deliver()
            record = yield from self._look()
            if response is not None and response.status == _OK:
                break
            if len(self._answers) == _MOST_DELIVERIES:
                raise self.wrong(f"{_MOST_DELIVERIES} deliveries, and none was answered 200")
        self._check_answer(record)
        self._check_end((yield from self._worked_off(record)))
        self._at = 0
        again = yield from self._deliver()
        if again is None or again.outcome not in (Outcome.DUPLICATE, Outcome.DEAD):
            raise self.wrong("a delivery after the 200 was not told that all is settled")
        return again

    def _deliver(self) -> Generator[Effect, Any, WebhookResponse | None]:
        """Go the way of a delivery; None if its process died."""
        flow = trusted(self._settings, self._payload, TIME_LIMIT)
        response = yield from self._go(f"delivery {len(self._answers) + 1}", flow)
        self._answers.append(None if response is None else response.outcome)
        return response

    def _worked_off(self, record: EventRecord | None) -> Generator[Effect, Any, EventRecord | None]:
        """Let workers come until nothing is left; give what the store has then."""
        for number in range(_MOST_PASSES):
            if record is None or record.state in OVER:
                return record
            flow = rescue(self._settings, self._ledger, TIME_LIMIT, set())
            try:
                yield from self._go(f"worker {number + 1}", flow)
            except StoreError as error:  # as it is told who calls rescue()
                self._trace.append(f"  failed: {error}")
            record = yield from self._look()
        raise self.wrong(f"{_MOST_PASSES} passes of a worker, and work is left")

    def _go(self, turn: str, flow: Flow) -> Generator[Effect, Any, WebhookResponse | None]:
        """Go a way with points around its effects; None if its process died."""
        self._has_died, self._turn = False, turn
        self._trace.append(turn)
        response = None
        try:
            effect = next(flow)
            while not self._dies(f"before {_name(effect)}"):
                go_on = yield from self._perform(flow, effect)
                effect = go_on()
        except StopIteration as end:
            response = end.value
        except _Died:
            pass
        flow.close()
        outcome = "the process died" if response is None else f"answered {response.outcome}"
        self._trace.append(f"  {outcome}")
        return response

    def _perform(self, flow: Flow, effect: Effect) -> Generator[Effect, Any, Callable[[], Effect]]:
        """Let the driver perform an effect, and say how the flow goes on from there."""
        if isinstance(effect, Run):
            self._begin(effect)
        self._trace.append(f"  {_name(effect)}")
        try:
            value = yield effect
        except Exception as error:  # noqa: BLE001 - the flow says what it means
            return partial(flow.throw, error)
        if isinstance(effect, Finish):
            self._note(effect)
        if self._has_died or self._dies(f"after {_name(effect)}"):
            raise _Died
        if isinstance(effect, StoreEffect) and effect.call and self._loses(_name(effect)):
            return partial(flow.throw, StoreError(LOST))
        return partial(flow.send, value)

    def _begin(self, effect: Run) -> None:
        name = effect.handler.name
        if name in self._settled:
            raise self.wrong(f"{name} is run again, although it was settled")
        self._runs[name] += 1
        watch(effect.context, Points(self._die, self._loses, self._settled.add))

    def _note(self, finish: Finish) -> None:
        if finish.outcome != "failed":
            self._settled.add(finish.handler)
        if finish.outcome == "dead":
            self._gave_up.add(finish.handler)

    def _is_point(self, point: str) -> bool:
        self._passed += 1
        if self._passed != self._at:
            return False
        self.point = f"{self._turn}: {point}"
        return True

    def _dies(self, point: str) -> bool:
        self._has_died = self._has_died or self._is_point(point)
        return self._has_died

    def _die(self, point: str) -> None:
        if self._dies(point):
            raise _Died

    def _loses(self, what: str) -> bool:
        return self._is_point(f"the answer to {what} is lost")

    def _look(self) -> Generator[Effect, Any, EventRecord | None]:
        """Read what the store has, and see that it has forgotten nothing."""
        stored: StoredEvent | None = yield StoreEffect(
            self._ledger.call("get", self._ledger.options.scope, self._event_id)
        )
        handlers = () if stored is None else stored.record.handlers
        settled = {handler.name for handler in handlers if handler.outcome in SETTLED}
        if not settled >= self._settled:
            lost = ", ".join(self._settled - settled)
            raise self.wrong(f"the store does not have that these were settled: {lost}")
        self._settled = settled
        return None if stored is None else stored.record

    def _check_answer(self, record: EventRecord | None) -> None:
        """See that an answer of 200 was earned: all is settled, or is the inbox's and due."""
        if record is None and self._answers[-1] is Outcome.IGNORED:
            raise UsageError(f"no handler of the router is for {self._event_id}")
        if record is None or not (_is_settled(record) or _is_due(record)):
            raise self.wrong("answered 200, although work is left")
        inline = {handler.name for handler in record.unsettled()} - self._for_inbox
        if inline and not record.answer:
            left = ", ".join(sorted(inline))
            raise self.wrong(f"answered 200, although this is not for the inbox: {left}")

    def _check_end(self, record: EventRecord | None) -> None:
        """See that all is settled, and that only what gave up is dead."""
        if record is None or not _is_settled(record):
            raise self.wrong("workers have come, and work is left")
        for handler in record.handlers:
            was_given_up = handler.abandoned >= self._ledger.options.max_abandoned
            if handler.outcome == "dead" and not (was_given_up or handler.name in self._gave_up):
                raise self.wrong(f"{handler.name} is dead, although it has not given up")


def _is_settled(record: EventRecord) -> bool:
    return record.state in OVER and not any(record.unsettled())


def _is_due(record: EventRecord) -> bool:
    """Tell whether workers come for it: by its due time, or when its lease is over."""
    if record.state == "claimed":
        return record.lane == "inbox" or record.answer is not None
    return record.lane == "inbox" and record.due is not None


def _verb(effect: Accept) -> str | None:
    return None if effect.call is None else effect.call.func.__name__


def _name(effect: Effect) -> str:
    """Say in words what an effect does."""
    match effect:
        case Accept():
            return _ACCEPTED[_verb(effect)]
        case Run():
            return f"running {effect.handler.name}"
        case Finish():
            return f"recording {effect.handler}: {effect.outcome}"
        case Suspend():
            return "leaving the rest for later"
        case GiveBack():
            return "giving the claim back"
        case _:
            return "asking what became of a commit"
