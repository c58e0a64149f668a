"""Jobs of RQ and Dramatiq over a real Redis, as docs/inbox.md hands events to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
import rq
from dramatiq.brokers.redis import RedisBroker

from stripe_events import EventRouter
from stripe_events.storage import MemoryStore
from stripe_events.testing import sign
from tests.stores.redis_server import RedisServer
from tests.system.example_server import SECRET, charge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from stripe_events import Event

routers: list[EventRouter] = []
"""The one that jobs are for: RQ finds them by the name of a module's function."""


def run_job(event_id: str) -> None:
    """Do a job."""
    routers[0].run(event_id)


class ByRQ:
    """A queue of RQ, and a worker in this process."""

    def __init__(self, client: redis.Redis) -> None:
        """Begin with an empty queue."""
        self._queue = rq.Queue("stripe", connection=client)

    def send(self, event_id: str) -> None:
        """Put a job into the queue."""
        self._queue.enqueue(run_job, event_id, retry=rq.Retry(max=5))

    def work(self) -> None:
        """Do all jobs, also those that are tried again."""
        worker = rq.SimpleWorker([self._queue], connection=self._queue.connection)
        worker.work(burst=True, logging_level="CRITICAL")


class ByDramatiq:
    """An actor of Dramatiq, and a worker in this process."""

    def __init__(self, client: redis.Redis) -> None:
        """Begin with an empty queue."""
        self._broker = RedisBroker(client=client)
        options: Any = {"broker": self._broker, "max_retries": 5, "min_backoff": 1}
        self._actor = dramatiq.actor(**options)(run_job)

    def send(self, event_id: str) -> None:
        """Put a job into the queue."""
        self._actor.send(event_id)

    def work(self) -> None:
        """Do all jobs, also those that are tried again."""
        worker = dramatiq.Worker(self._broker, worker_timeout=10, worker_threads=2)
        worker.start()
        self._broker.join(self._actor.queue_name)
        worker.join()
        worker.stop()


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    """Give a client of a server of its own."""
    server = RedisServer()
    server.start()
    with server.client() as client:
        yield client
    server.delete()


@pytest.mark.parametrize("kind", [ByRQ, ByDramatiq])
def test_what_is_handed_over_runs_once(client: redis.Redis, kind: Callable[..., Any]) -> None:
    """A job that comes twice finds the event done; one whose handler fails comes again."""
    queue = kind(client)
    router = EventRouter(SECRET, store=MemoryStore(), delivery="inbox", dispatch=queue.send)
    attempts: list[str] = []

    @router.on("charge.succeeded", name="fail_once")
    def fail_once(event: Event) -> None:
        attempts.append(event.id)
        assert len(attempts) > 1

    routers[:] = [router]
    body, id_, _ = charge()
    answers = [router.handle(body, sign(body, SECRET)).outcome for _ in range(2)]
    queue.work()
    assert (["accepted"] * 2, [id_] * 2) == (answers, attempts)
    assert "duplicate" == router.handle(body, sign(body, SECRET)).outcome
    router.close()
