"""``crash_everywhere`` finds a library that does not keep its promises, broken here on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter
from stripe_events._delivery.effects import Finish
from stripe_events._delivery.flow import trusted
from stripe_events.storage import Finished, MemoryStore
from stripe_events.testing import _crash_scenario, crash_everywhere
from tests.unit.deliveries import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events._delivery.flow import Flow


def try_out(store: MemoryStore) -> None:
    """Let an event with two handlers crash everywhere."""
    router = EventRouter(store=store)
    router.on("charge.succeeded", name="first")(lambda event: None)
    router.on("charge.succeeded", name="second")(lambda event: None)
    crash_everywhere(router, snapshot())


def test_nothing_is_found_where_nothing_is_broken() -> None:
    """What follows fails because of what it breaks."""
    try_out(MemoryStore())


def test_a_flow_that_does_not_record_its_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A skipped ``Finish`` is an answer of 200 for work that nobody knows was done."""

    def forgetful(*arguments: Any) -> Flow:
        flow = trusted(*arguments)
        try:
            effect = next(flow)
            while True:
                skipped = isinstance(effect, Finish)
                effect = flow.send(Finished("done") if skipped else (yield effect))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    monkeypatch.setattr(_crash_scenario, "trusted", forgetful)
    with pytest.raises(AssertionError, match="answered 200, although work is left"):
        try_out(MemoryStore())


class Broken(MemoryStore):
    """A store with a defect."""

    def _change(self, change: Callable[[Any], Any]) -> None:
        for key, record in self._events.items():
            self._events[key] = change(record)


class WithoutMemory(Broken):
    """Forgets at a takeover what had succeeded."""

    def accept(self, arrival: Any, lease: float) -> Any:
        """Plan all handlers anew."""
        self._change(
            lambda record: record._replace(
                handlers=tuple(one._replace(outcome="planned") for one in record.handlers)
            )
        )
        return super().accept(arrival, lease)


class OnceMore(Broken):
    """Lets handlers run that are settled."""

    def accept(self, arrival: Any, lease: float) -> Any:
        """Give all handlers to be run."""
        accepted = super().accept(arrival, lease)
        if hasattr(accepted, "record"):
            everything = tuple(one.name for one in accepted.record.handlers)
            return accepted._replace(record=accepted.record._replace(running=everything))
        return accepted


class Deaf(Broken):
    """Writes nothing of what it is told."""

    def finish(self, *arguments: Any) -> Any:
        """Say that all is well."""
        return Finished("done")


class Hasty(Broken):
    """Calls an event done with its first handler."""

    def finish(self, *arguments: Any) -> Any:
        """Record it, and end the event."""
        super().finish(*arguments)
        self._change(lambda record: record._replace(state="done"))
        return Finished("done")


class Murderous(Broken):
    """Lets a handler die that was abandoned once."""

    def accept(self, arrival: Any, lease: float) -> Any:
        """Pretend that one death is enough."""
        code = arrival.code._replace(max_abandoned=1)
        return super().accept(arrival._replace(code=code), lease)


@pytest.mark.parametrize(
    ("store", "complaint"),
    [
        (WithoutMemory, "first is run again, although it was settled"),
        (Deaf, "the store does not have that these were settled: "),
        (OnceMore, "first is run again, although it was settled"),
        (Hasty, "answered 200, although work is left"),
        (Murderous, "first is dead, although it has not given up"),
    ],
)
def test_a_store_that_does_not_keep_its_word(store: type[MemoryStore], complaint: str) -> None:
    """Each defect is told in plain words."""
    with pytest.raises(AssertionError, match=complaint):
        try_out(store())
