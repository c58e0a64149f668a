"""What a worker is refused for, how it is woken, and what it tells when it is new."""

from __future__ import annotations

from typing import Any

import pytest

from stripe_events import EventRouter
from stripe_events.errors import ConfigurationError
from stripe_events.storage._operations import ReadDue
from stripe_events.worker import Worker, WorkerStatus
from tests.unit.recorded import Handler, Service
from tests.unit.workers import LONG, Log, event, noting, running, until

inbox: dict[str, Any] = {"delivery": "inbox"}


def test_what_wakes_it_starts_at_once(service: Service) -> None:
    """With a store that can, a delivery in this process does not wait for the next look."""
    log = Log()
    router = service.code({"a": noting(log)}, **inbox)
    worker = Worker(router, poll=LONG if not service.way.awaits_store else 0.01)

    with running(worker):
        until(lambda: worker.status.state == "idle" and worker.status.looked is not None)
        service.deliver(router, event(0))
        log.wait_for(lambda ids: ids == ["evt_0"])
        assert worker.is_woken is not service.way.awaits_store

    assert not worker.is_woken


def test_without_a_watch_it_polls(service: Service) -> None:
    """Every ``poll`` seconds, more or less."""
    log = Log()
    service.store.watch = None
    router = service.code({"a": noting(log)}, **inbox)

    with running(Worker(router, poll=0.02)):
        service.ledger.wait_for(ReadDue, 3)
        service.deliver(router, event(0))
        log.wait_for(lambda ids: ids == ["evt_0"])


def test_a_store_may_advise_how_often_it_is_asked(service: Service) -> None:
    """What the worker is told goes before; without either it is a second."""
    router = service.code({"a": Handler()}, **inbox)
    assert (1.0, 3.0) == (Worker(router).poll, Worker(router, poll=3.0).poll)

    service.store.poll = 0.5

    assert (0.5, 3.0) == (Worker(router).poll, Worker(router, poll=3.0).poll)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"concurrency": 0}, "concurrency"),
    ({"concurrency": 1.5}, "concurrency"),
    ({"concurrency": "4"}, "concurrency"),
    ({"poll": 0}, "poll"),
    ({"poll": float("nan")}, "poll"),
    ({"poll": float("inf")}, "poll"),
    ({"time_limit": 0}, "time_limit"),
    ({"time_limit": float("inf")}, "time_limit"),
    ({"stop_within": -1}, "stop_within"),
    ({"stop_within": float("nan")}, "stop_within"),
    ({"poll": "1"}, "poll"),
    ({"stop_within": None}, "stop_within"),
    ({"concurrency": True}, "concurrency"),
]


@pytest.mark.parametrize(("options", "named"), WRONG)
def test_settings_that_make_no_sense_are_refused(
    service: Service, options: dict[str, Any], named: str
) -> None:
    """When the worker is made, by name."""
    router = service.code({"a": Handler()}, **inbox)

    with pytest.raises(ConfigurationError, match=named):
        Worker(router, **options)


def test_a_router_without_a_store_is_refused() -> None:
    """Or with one that has no inbox."""

    class EventsOnly:
        def accept(self, *_: Any) -> None: ...
        def finish(self, *_: Any) -> None: ...
        def suspend(self, *_: Any) -> None: ...
        def give_back(self, *_: Any) -> None: ...
        def extend(self, *_: Any) -> None: ...

    store: Any = EventsOnly()
    with pytest.raises(ConfigurationError, match="no store"):
        Worker(EventRouter("whsec_x"))
    with pytest.raises(ConfigurationError, match="take_due"):
        Worker(EventRouter("whsec_x", store=store))


def test_a_new_worker_tells_that_it_is_new(service: Service) -> None:
    """It is healthy: nothing speaks against it yet."""
    worker = Worker(service.code({"a": Handler()}, **inbox))

    assert WorkerStatus("new") == worker.status
    assert (True, False) == (worker.status.is_healthy, worker.is_woken)
