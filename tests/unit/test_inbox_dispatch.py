"""``dispatch=``: another queue is told of what is in the inbox; a hint, which may be lost (10)."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events.errors import StoreError
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import MemoryStore
from stripe_events.storage._operations import Write
from tests.unit.deliveries import NOW, SECRET, signed, snapshot
from tests.unit.recorded import Handler
from tests.unit.test_inbox_mixed import mixed
from tests.unit.test_recorded_where import Where
from tests.unit.waiting import LIMIT, aio, turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.recorded import Service


class Queue:
    """A queue that is told of events, by a function of either kind."""

    def __init__(self, service: Service, *errors: BaseException | None) -> None:
        """Take what to raise, time by time; after these it takes what it is told."""
        self._service = service
        self._errors = list(errors)
        self.jobs: list[str] = []
        self.was_recorded: list[bool] = []

    def put(self, event_id: str) -> str:
        """Be told of an event; what is given back is nobody's business."""
        self.jobs.append(event_id)
        self.was_recorded.append(self._service.has(event_id))
        error = self._errors.pop(0) if self._errors else None
        if error is not None:
            raise error
        return f"job-{len(self.jobs)}"

    async def aput(self, event_id: str) -> str:
        """Be told of an event, and be awaited."""
        await asyncio.sleep(0)
        return self.put(event_id)


def by_function(queue: Queue) -> Callable[[str], object]:
    """Dispatch by a plain function."""
    return queue.put


def by_async_function(queue: Queue) -> Callable[[str], object]:
    """Dispatch by an async function."""
    return queue.aput


def by_lambda_that_awaits(queue: Queue) -> Callable[[str], object]:
    """Dispatch by a plain function that gives an awaitable, as those of async queues do."""
    return lambda event_id: queue.aput(event_id)  # noqa: PLW0108 - it hides what is async


def by_partial(queue: Queue) -> Callable[[str], object]:
    """Dispatch by a partial of an async function."""
    return functools.partial(Queue.aput, queue)


ASYNC = [by_async_function, by_lambda_that_awaits, by_partial]

every_kind = pytest.mark.parametrize("kind", [by_function, *ASYNC])


@every_kind
def test_it_is_told_of_an_event_once_that_is_recorded(
    service: Service, kind: Callable[[Queue], Any]
) -> None:
    """After the commit, with the id; the event is due for workers once the grace is over."""
    queue = Queue(service)
    router = service.code({"a": Handler()}, delivery="inbox", dispatch=kind(queue))

    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert (["evt_1"], [True]) == (queue.jobs, queue.was_recorded)
    assert (NOW + 60, 0) == (service.record().due, service.rescue(router).events)
    service.clock.now += 60
    assert 1 == service.rescue(router).handled
    assert ["evt_1"] == queue.jobs


def test_the_grace_can_be_chosen(service: Service) -> None:
    """In seconds; without another queue there is nothing to wait for."""
    queue = Queue(service)
    options: dict[str, Any] = {"delivery": "inbox", "dispatch_grace": 5.0}
    service.deliver(service.code({"a": Handler()}, dispatch=queue.put, **options))
    service.deliver(service.code({"a": Handler()}, **options), snapshot(id="evt_2"))

    assert (NOW + 5, NOW) == (service.record().due, service.record("evt_2").due)


def test_it_is_not_told_of_what_is_not_in_the_inbox(service: Service) -> None:
    """Duplicates, rejected and ignored deliveries, refused by ``where``, and what runs inline."""
    queue = Queue(service)
    options: dict[str, Any] = {"delivery": "inbox", "dispatch": queue.put}
    router = service.code({"a": Handler()}, inline=["charge.captured"], **options)
    router.on("charge.captured", name="b")(Handler())
    router.on("charge.failed", name="c", where=Where(False))(Handler())
    service.deliver(router)
    service.clock.now += 60
    service.rescue(router)

    outcomes = [
        service.deliver(router, payload).outcome
        for payload in (
            snapshot(),
            b"{",
            snapshot("charge.captured", id="evt_2"),
            snapshot("charge.failed", id="evt_3"),
            snapshot("charge.updated", id="evt_4"),
        )
    ]

    ignored = Outcome.IGNORED
    assert outcomes == [
        Outcome.DUPLICATE,
        Outcome.MALFORMED,
        Outcome.HANDLED,
        ignored,
        ignored,
    ]
    assert ["evt_1"] == queue.jobs


def test_it_is_not_told_of_what_could_not_be_recorded(service: Service) -> None:
    """Its job would find nothing."""
    queue = Queue(service)
    router = service.code({"a": Handler()}, delivery="inbox", dispatch=queue.put)
    service.ledger.break_at(Write, StoreError("refused"))

    assert 500 == service.deliver(router).status
    assert [] == queue.jobs


def test_it_is_told_again_when_an_unsettled_event_comes_again(service: Service) -> None:
    """The first job may be lost; one too many does nothing."""
    queue = Queue(service)
    router = service.code({"a": Handler()}, delivery="inbox", dispatch=queue.put)

    service.deliver(router)
    service.deliver(router)

    assert ["evt_1", "evt_1"] == queue.jobs


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        *[(kind, OSError("the broker is down")) for kind in (by_function, *ASYNC)],
        *[(kind, asyncio.CancelledError()) for kind in ASYNC],
    ],
)
def test_a_queue_that_is_down_changes_no_answer(
    service: Service,
    kind: Callable[[Queue], Any],
    error: BaseException,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says so, and who runs the event instead; it is due when the grace is over."""
    queue = Queue(service, error)
    router = service.code({"a": Handler()}, delivery="inbox", dispatch=kind(queue))

    response = service.deliver(router)

    assert (200, Outcome.ACCEPTED) == (response.status, response.outcome)
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert (
        "dispatch= failed for evt_1 (charge.succeeded): it stays in the inbox, due for a worker "
        "or rescue() in 60 s"
    ) == record.getMessage()
    assert NOW + 60 == service.record().due
    service.clock.now += 60
    assert 1 == service.rescue(router).handled


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_what_ends_the_process_passes_through(service: Service, error: BaseException) -> None:
    """The event was recorded before."""
    queue = Queue(service, error)
    router = service.code({"a": Handler()}, delivery="inbox", dispatch=queue.put)

    with pytest.raises(type(error)):
        service.deliver(router)
    service.clock.now += 60
    assert 1 == service.rescue(router).handled


def test_a_mixed_event_is_told_after_its_inline_part(service: Service) -> None:
    """When the rest is due, so that its job does not find the event busy."""
    queue = Queue(service)
    jobs: list[list[str]] = []
    later = Handler()
    router = mixed(service, lambda event: jobs.append([*queue.jobs]), later, dispatch=queue.put)

    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert ([[]], ["evt_1"]) == (jobs, queue.jobs)
    assert NOW + 60 == service.record().due
    assert Outcome.HANDLED == service.run(router).outcome
    assert 1 == later.runs


def test_a_mixed_event_whose_inline_part_fails_is_not_told_of(service: Service) -> None:
    """It is told of when that has succeeded; or workers take both."""
    queue = Queue(service)
    router = mixed(service, Handler(ValueError("not now")), Handler(), dispatch=queue.put)

    assert 500 == service.deliver(router).status
    assert [] == queue.jobs
    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert ["evt_1"] == queue.jobs


def test_a_mixed_events_queue_that_is_down_changes_no_answer(service: Service) -> None:
    """What ``ctx.respond`` said is answered, too."""

    def now(event: object, ctx: Any) -> None:
        ctx.respond({"approved": True})

    queue = Queue(service, OSError("the broker is down"))
    router = mixed(service, now, Handler(), dispatch=queue.put)

    response = service.deliver(router)

    assert (200, b'{"approved": true}') == (response.status, response.body)
    service.clock.now += 60
    assert 1 == service.rescue(router).handled


def test_trusted_input_is_told_of_too(service: Service) -> None:
    """It is in the inbox like any other."""
    queue = Queue(service)
    router = service.code({"a": Handler()}, delivery="inbox", dispatch=queue.put)

    service.process(router, snapshot())

    assert ["evt_1"] == queue.jobs


def test_a_queue_that_runs_the_job_at_once_may(service: Service) -> None:
    """As eager ones do in tests: the event is free, so it is run in the request."""
    outcomes: list[Outcome] = []
    routers: list[EventRouter] = []

    def eager(event_id: str) -> None:
        outcomes.append(service.run(routers[-1], event_id).outcome)

    handler = Handler()
    routers.append(service.code({"a": handler}, delivery="inbox", dispatch=eager))
    assert Outcome.ACCEPTED == service.deliver(routers[-1]).outcome
    assert ([Outcome.HANDLED], 1) == (outcomes, handler.runs)

    routers.append(mixed(service, Handler(), handler, dispatch=eager))
    assert Outcome.ACCEPTED == service.deliver(routers[-1], snapshot(id="evt_2")).outcome
    assert ([Outcome.HANDLED] * 2, 2) == (outcomes, handler.runs)


def test_one_router_for_thousands_of_types_asks_the_same_queue(service: Service) -> None:
    """Each event is told of by its own id."""
    queue = Queue(service)
    router = service.code({}, delivery="inbox", dispatch=queue.put)
    router.on_any(name="all")(Handler())
    router.on(ChargeSucceeded, name="charge")(Handler())

    for number, kind in enumerate(("charge.succeeded", "customer.created", "brand.new")):
        service.deliver(router, snapshot(kind, id=f"evt_{number}"))

    assert ["evt_0", "evt_1", "evt_2"] == queue.jobs


def test_a_queue_that_hangs_keeps_nobody_from_recording() -> None:
    """Under ``ahandle`` it has threads of its own; its own answers wait."""
    store, go_on = MemoryStore(), threading.Event()
    router = EventRouter(
        SECRET,
        store=store,
        clock=lambda: NOW,
        delivery="inbox",
        dispatch=lambda event_id: go_on.wait(LIMIT),
    )
    router.on(ChargeSucceeded, name="a")(Handler())
    ids = [f"evt_{number}" for number in range(50)]  # more than Python gives threads

    async def main() -> None:
        deliveries = [asyncio.create_task(router.ahandle(*signed(snapshot(id=one)))) for one in ids]
        await turns(lambda: len(store.list("default")) == len(ids))
        go_on.set()
        assert {Outcome.ACCEPTED} == {(await one).outcome for one in deliveries}
        await router.aclose()

    try:
        aio(main())
    finally:
        go_on.set()
