"""The example for Celery with a real broker and worker: jobs done, repeated, busy and lost."""

from __future__ import annotations

import re
from contextlib import closing
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import pytest
from celery import Celery

from stripe_events.storage import SQLiteStore
from tests.stores.redis_server import RedisServer
from tests.system.example_server import LIMIT, SLOW_EXAMPLE, charge, event, running, started
from tests.system.gates import shut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from stripe_events.storage import EventRecord
    from tests.system.example_server import Process, Server

WEB = f"{SLOW_EXAMPLE} {{examples}}/celery_app.py"
WORKER = (
    f"{SLOW_EXAMPLE} -m celery --app celery_app worker --loglevel INFO --concurrency 2 "
    "--without-mingle --without-gossip"
)
DATABASE_OF_BROKER = 1
ENDED = r"celery_app\.(\w+)\[[\w-]+\] (succeeded|retry|raised)"


class Site(NamedTuple):
    """The example's two sides, the broker between them, and the ledger."""

    folder: Path
    redis: RedisServer
    environment: dict[str, str]
    web: Server
    queue: Celery

    def worker(self) -> AbstractContextManager[Process]:
        """Start a worker."""
        return running(WORKER, self.folder, **self.environment)

    def record(self, event_id: str) -> EventRecord:
        """Give what the ledger has of an event."""
        with closing(SQLiteStore(str(self.folder / "app.db"))) as store:
            stored = store.get("default", event_id)
        assert stored is not None
        return stored.record

    def state(self, event_id: str) -> str:
        """Give an event's state in the ledger."""
        return self.record(event_id).state

    def accept(self, body: bytes, id_: str) -> None:
        """Deliver, and see that it is only taken into the inbox."""
        assert {"outcome": "accepted", "event": id_} == self.web.deliver(body).json

    def send(self, task: str, *arguments: str) -> None:
        """Send a job besides those of the example."""
        self.queue.send_task(f"celery_app.{task}", arguments)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """Start a server; whoever stops it starts it again."""
    server = RedisServer()
    server.start()
    yield server
    server.delete()


@pytest.fixture
def site(redis: RedisServer, tmp_path: Path) -> Iterator[Site]:
    """Start the web side, with a broker that is empty."""
    with redis.client() as client:
        client.flushall()
    broker = f"redis+socket://{redis.socket}?virtual_host={DATABASE_OF_BROKER}"
    environment = {"BROKER": broker, "DISPATCH_GRACE": "0.01", "GATE": str(tmp_path / "gate")}
    (tmp_path / "gate").touch()
    with (
        started(WEB, tmp_path, **environment) as web,
        Celery(broker=broker, set_as_current=False) as queue,
    ):
        yield Site(tmp_path, redis, environment, web, queue)
        assert "Traceback" not in "".join(web.printed)


def ends(worker: Process, count: int) -> list[tuple[str, str]]:
    """Give the tasks and ends of the next runs of jobs."""
    return [tuple(worker.wait_for(ENDED).groups()) for _ in range(count)]


def rescue(site: Site, worker: Process, id_: str) -> None:
    """Do what beat does each minute, until the grace is over and the event done."""
    end = monotonic() + LIMIT
    while site.state(id_) != "done":
        assert monotonic() < end, "nothing rescues it"
        site.send("rescue")
        assert [("rescue", "succeeded")] == ends(worker, 1)


def paid(worker: Process, line: str) -> int:
    """Count how often the handler has printed it."""
    return sum(bool(re.search(f"{line}$", printed)) for printed in worker.printed)


def test_each_delivery_is_recorded_and_run_by_its_job(site: Site) -> None:
    """The answer comes without a worker, and says no more than that the event is in the inbox."""
    charges = [charge() for _ in range(5)]
    for body, id_, _ in charges:
        site.accept(body, id_)
    assert {"pending"} == {site.state(id_) for _, id_, _ in charges}
    with site.worker() as worker:
        assert [("handle_event", "succeeded")] * 5 == ends(worker, 5)
        assert [1] * 5 == [paid(worker, line) for _, _, line in charges]
    assert {"done"} == {site.state(id_) for _, id_, _ in charges}


def test_a_job_that_comes_twice_runs_once(site: Site) -> None:
    """The second one finds the event done, and is content."""
    body, id_, line = charge()
    site.accept(body, id_)
    site.send("handle_event", id_)
    with site.worker() as worker:
        site.send("handle_event", id_)
        assert [("handle_event", "succeeded")] * 3 == ends(worker, 3)
        assert 1 == paid(worker, line)


def test_a_job_of_a_busy_event_is_tried_again(site: Site) -> None:
    """It does not end quietly while another one has the event: that one may die."""
    gate = site.folder / "gate"
    body = event("charge.failed", {"object": "charge"}, "evt_busy")
    with site.worker() as worker:
        with shut(gate):
            site.accept(body, "evt_busy")
            worker.wait_for("begun evt_busy")
            site.send("handle_event", "evt_busy")
            worker.wait_for(r"retry: Retry in \d+s: Busy\(")
            assert "claimed" == site.state("evt_busy")
        assert [("handle_event", "succeeded")] * 2 == ends(worker, 2)
        assert 1 == paid(worker, "done evt_busy")
    assert "done" == site.state("evt_busy")


def test_a_job_that_fails_is_tried_again(site: Site) -> None:
    """By Celery, sooner than by the ledger's own backoff; each attempt is recorded there."""
    body = event("charge.succeeded", {"object": "charge"}, "evt_without_amount")
    site.accept(body, "evt_without_amount")
    with site.worker() as worker:
        for _ in range(2):
            worker.wait_for(r"retry: Retry in \d+s: .*HandlerError")
    (handler,) = site.record("evt_without_amount").handlers
    assert handler.attempts >= 2


def test_a_job_that_is_lost_is_rescued(site: Site) -> None:
    """What the broker forgot is still in the inbox, and due after the grace."""
    body, id_, line = charge()
    site.accept(body, id_)
    with site.redis.client() as client:
        client.select(DATABASE_OF_BROKER)
        assert 1 == client.llen("celery")
        client.flushdb()
    with site.worker() as worker:
        rescue(site, worker, id_)
        assert 1 == paid(worker, line)


@pytest.mark.parametrize(
    ("leave", "come_back", "limit"),
    [(RedisServer.stop, RedisServer.start, 5.0), (RedisServer.freeze, RedisServer.thaw, 20.0)],
    ids=["stopped", "frozen"],
)
def test_a_broker_that_is_away_keeps_stripe_not_waiting(
    site: Site,
    leave: Callable[[RedisServer], None],
    come_back: Callable[[RedisServer], None],
    limit: float,
) -> None:
    """The answer comes in seconds, and is as ever; a rescue finds the event in the end."""
    body, id_, line = charge()
    leave(site.redis)
    begun = monotonic()
    site.accept(body, id_)
    waited = monotonic() - begun
    come_back(site.redis)
    site.web.wait_for(f"dispatch= failed for {id_}")
    assert waited < limit
    with site.worker() as worker:
        rescue(site, worker, id_)
        assert 1 == paid(worker, line)
