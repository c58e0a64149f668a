"""Flows driven by hand, that end at any effect: before it is performed, or just after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stripe_events._delivery import sync_driver
from stripe_events._delivery.effects import Pause, Run, StoreEffect, Verify
from stripe_events.storage._records import SETTLED
from tests.unit.deliveries import signed, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stripe_events import EventRouter, WebhookResponse
    from stripe_events._delivery.effects import Effect
    from stripe_events._delivery.flow import Flow
    from stripe_events.storage import EventRecord


class Crash(NamedTuple):
    """The death of a process at the effect of this number, before or after it was performed."""

    at: int
    after: bool

    @classmethod
    def everywhere(cls, effects: int) -> Iterator[Crash]:
        """Give all that there are in a way of so many effects."""
        for number in range(effects):
            yield cls(number, after=False)
            yield cls(number, after=True)


def flow_of(router: EventRouter, payload: dict[str, Any] | None = None) -> Flow:
    """Give the way of a delivery, not begun."""
    return router._webhook(*signed(payload or snapshot()), 60.0, in_threads=True)


def drive(
    flow: Flow, crash: Crash | None, watch: Callable[[], None] = lambda: None
) -> tuple[int, WebhookResponse | None]:
    """
    Go the way up to its end, or to the crash; give how many effects it had, and its response.

    ``watch`` is called after each effect.
    """
    number = 0
    try:
        effect = next(flow)
        while True:
            if crash == (number, False):
                flow.close()
                return number, None
            try:
                value = _perform(effect)
            except Exception as error:  # noqa: BLE001 - the flow says what it means
                answer, raised = None, error
            else:
                answer, raised = value, None
            watch()
            if crash == (number, True):
                flow.close()
                return number, None
            effect = flow.send(answer) if raised is None else flow.throw(raised)
            number += 1
    except StopIteration as end:
        response: WebhookResponse = end.value
        return number + 1, response


def _perform(effect: Effect) -> Any:
    match effect:
        case Run():
            return sync_driver.run(effect, _no_awaiting)
        case Verify():
            return effect.verifier.verify(effect.body, effect.headers)
        case Pause():
            return None
        case StoreEffect():
            return None if effect.call is None else effect.call()


def _no_awaiting(*_: object) -> Any:
    msg = "these handlers are sync"
    raise AssertionError(msg)


class Invariants:
    """What must hold of a record from each step to the next; see LEDGER section 2."""

    def __init__(self, read: Callable[[], EventRecord | None]) -> None:
        """Take what reads the record."""
        self._read = read
        self._last: EventRecord | None = None

    def __call__(self) -> None:
        """Look at it."""
        record, last = self._read(), self._last
        if record is None:
            assert last is None, "a recorded event is gone"
            return
        assert record.state != "done" or all(one.is_settled for one in record.handlers)
        if last is not None:
            assert record.token >= last.token
            for before in last.handlers:
                after = record.handler(before.name)
                assert after is not None, "the plan has shrunk"
                if before.outcome in SETTLED:
                    assert before.outcome == after.outcome
                assert after.attempts >= before.attempts
        self._last = record
