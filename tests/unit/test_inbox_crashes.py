"""``crash_everywhere`` with an inbox: deliveries and workers die at each step, to no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome, Retry
from stripe_events.errors import Permanent, RetryLater
from stripe_events.storage import Enqueued, MemoryStore
from stripe_events.testing import acrash_everywhere, crash_everywhere
from tests.unit.deliveries import snapshot
from tests.unit.test_crash_everywhere import INSERT, AsyncMemoryStore, Table
from tests.unit.test_crash_everywhere import table as table  # noqa: PLC0414 - a fixture
from tests.unit.waiting import aio

if TYPE_CHECKING:
    from stripe_events import Context
    from stripe_events.testing import Crash


def inbox(**options: Any) -> EventRouter:
    """Give a router that leaves all to workers."""
    return EventRouter(**{"store": MemoryStore(), "delivery": "inbox", **options})


def points(crashes: list[Crash]) -> list[str]:
    """Give where something happened."""
    return [crash.point for crash in crashes]


def nothing(event: object) -> None:
    """Be a handler that has nothing to do."""


def test_each_step_of_an_inbox_is_disturbed() -> None:
    """Of the delivery, which only records, and of the worker that runs it."""
    router = inbox()
    router.on("charge.succeeded", name="plain")(nothing)

    crashes = crash_everywhere(router, snapshot())

    assert [
        "",
        "delivery 1: before recording the event",
        "delivery 1: after recording the event",
        "delivery 1: the answer to recording the event is lost",
        "worker 1: before taking what is due",
        "worker 1: after taking what is due",
        "worker 1: the answer to taking what is due is lost",
        "worker 1: before going on with what was taken",
        "worker 1: after going on with what was taken",
        "worker 1: before running plain",
        "worker 1: after running plain",
        "worker 1: before recording plain: succeeded",
        "worker 1: after recording plain: succeeded",
        "worker 1: the answer to recording plain: succeeded is lost",
    ] == points(crashes)
    assert (Outcome.ACCEPTED, Outcome.DUPLICATE) == crashes[0].answers
    assert {1, 2} == {crash.runs["plain"] for crash in crashes}


def test_each_step_of_a_mixed_router_is_disturbed(table: Table) -> None:
    """Effects in own transactions happen once, whoever runs them, inline or later."""
    router = EventRouter(store=table.store)

    @router.on("charge.succeeded", name="now")
    def now(event: Any, ctx: Context) -> None:
        with ctx.transaction(table.store) as connection:
            connection.execute(INSERT, ("now",))

    @router.on("charge.succeeded", name="later", delivery="inbox")
    def later(event: Any, ctx: Context) -> None:
        with ctx.transaction(table.store) as connection:
            connection.execute(INSERT, ("later",))

    crashes = crash_everywhere(
        router, snapshot(), fresh=table.clear, check=lambda: table.count() == 2
    )

    assert {
        "delivery 1: before the commit of now",
        "delivery 1: after giving the claim back",
        "delivery 1: the answer to giving the claim back is lost",
        "worker 1: before the commit of later",
        "worker 1: the answer to the commit of later is lost",
    } <= set(points(crashes))
    assert (Outcome.ACCEPTED, Outcome.DUPLICATE) == crashes[0].answers


def test_what_fails_inline_and_later_is_tried_again_at_once() -> None:
    """No backoff is waited for, nor what a handler asks for."""
    router = EventRouter(store=MemoryStore())

    @router.on("charge.succeeded", name="now")
    def now(event: object, ctx: Context) -> None:
        if ctx.attempt == 1:
            raise ConnectionError("bank offline")

    @router.on("charge.succeeded", name="later", delivery="inbox")
    def later(event: object, ctx: Context) -> None:
        if ctx.attempt == 1:
            raise RetryLater(3_600)

    crashes = crash_everywhere(router, snapshot())

    assert {"now": 2, "later": 2} == crashes[0].runs
    assert (Outcome.FAILED, Outcome.ACCEPTED, Outcome.DUPLICATE) == crashes[0].answers
    assert "worker 2: after running later" in points(crashes)


def test_a_handler_may_give_up_by_itself_or_by_its_limits() -> None:
    """Both end in a dead event, which is as promised."""
    for error, limit in ((Permanent("never"), 9), (ValueError("not now"), 2)):
        router = inbox(retry=Retry(attempts=limit))

        @router.on("charge.succeeded", name="hopeless")
        def hopeless(event: object, error: Exception = error) -> None:
            raise error

        crashes = crash_everywhere(router, snapshot())
        assert {Outcome.DEAD} == {crash.answers[-1] for crash in crashes}


def test_an_answer_stands_whatever_becomes_of_the_others() -> None:
    """Stripe has read it, so a worker runs inline handlers that failed."""
    router = EventRouter(store=MemoryStore())

    @router.on("charge.succeeded", name="answering")
    def answering(event: object, ctx: Context) -> None:
        ctx.respond({"approved": True})

    @router.on("charge.succeeded", name="failing")
    def failing(event: object, ctx: Context) -> None:
        if ctx.attempt == 1:
            raise ConnectionError("bank offline")

    crashes = crash_everywhere(router, snapshot())
    assert (Outcome.FAILED, Outcome.DUPLICATE) == crashes[0].answers
    assert {"answering": 1, "failing": 2} == crashes[0].runs


def test_where_is_asked_in_deliveries_that_die() -> None:
    """It decides what is recorded; a handler that it refuses is never run."""
    router = inbox()
    router.on("charge.succeeded", name="refused", where=lambda event: False)(nothing)
    router.on("charge.succeeded", name="wanted", where=lambda event: True)(nothing)

    crashes = crash_everywhere(router, snapshot())
    assert {"wanted"} == {name for crash in crashes for name in crash.runs}


def test_no_other_queue_is_told() -> None:
    """The events of this test are nobody else's business."""
    told: list[str] = []
    router = inbox(dispatch=told.append, dispatch_grace=3_600.0)
    router.on("charge.succeeded", name="plain")(nothing)

    crash_everywhere(router, snapshot())

    assert [] == told


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_it_works_on_an_event_loop_with_either_kind_of_store(kind: str) -> None:
    """Workers have the driver of the deliveries."""
    router = inbox(store=MemoryStore() if kind == "sync" else AsyncMemoryStore())

    @router.on("charge.succeeded", name="now", delivery="inline")
    async def now(event: object) -> None:
        """Have nothing to do."""

    router.on("charge.succeeded", name="later")(nothing)

    crashes = aio(acrash_everywhere(router, snapshot()))
    assert "worker 1: after running later" in points(crashes)


class Broken(MemoryStore):
    """A store that says that an event is in the inbox, where it is not."""

    def enqueue(self, arrival: Any) -> Any:
        """Record it for Stripe's next try."""
        self.accept(arrival, 0.0)
        return Enqueued()


class Forgetful(MemoryStore):
    """A store that never finds anything due."""

    def take_due(self, *_: Any) -> Any:
        """Give nothing."""
        return []


class Settling(MemoryStore):
    """A store that gives a claim back before its inline handlers are done."""

    def accept(self, arrival: Any, lease: float) -> Any:
        """Let nothing run."""
        accepted = super().accept(arrival, lease)
        if hasattr(accepted, "record"):
            return accepted._replace(record=accepted.record._replace(running=()))
        return accepted


@pytest.mark.parametrize(
    ("store", "complaint"),
    [
        (Broken, "answered 200, although work is left"),
        (Forgetful, "10 passes of a worker, and work is left"),
        (Settling, "answered 200, although this is not for the inbox: now"),
    ],
)
def test_a_store_that_does_not_keep_its_word_is_found(
    store: type[MemoryStore], complaint: str
) -> None:
    """The message says which of them it is."""
    router = EventRouter(store=store())
    if store is Settling:
        router.on("charge.succeeded", name="now")(nothing)
    router.on("charge.succeeded", name="later", delivery="inbox")(nothing)

    with pytest.raises(AssertionError, match=complaint):
        crash_everywhere(router, snapshot())
