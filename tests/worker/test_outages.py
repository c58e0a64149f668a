"""The store goes away or hangs for a while, and workers go on by themselves when it is back."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.deliveries import signed, snapshot
from tests.worker.applications import LEASE, Office, handlers_on
from tests.worker.children import crew
from tests.worker.conditions import until
from tests.worker.places import Place, RedisPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.stores.postgres_server import PostgresServer
    from tests.stores.redis_server import RedisServer
    from tests.worker.children import Crew
    from tests.worker.places import AnyPlace

OUTAGE = 10.0
BEFORE = 60
"""Events that are in the inbox when it goes away, most of them still to be done."""

MEANWHILE = 30
"""Events that come in while it is away."""

STRUCK = 5
"""Steps that each event has taken when connections are let alone."""

END_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class Stripe:
    """Delivers events, and again what was not answered 200."""

    def __init__(self, office: Office, workers: Crew) -> None:
        """Have delivered nothing yet."""
        self.office = office
        self.workers = workers
        self.events: list[str] = []
        self.refused: list[str] = []
        self.statuses: set[int] = set()

    def send(self) -> None:
        """Deliver one more event."""
        self.events.append(f"evt_{len(self.events)}")
        self._deliver(self.events[-1])

    def send_again(self) -> None:
        """Deliver what was refused."""
        again, self.refused = self.refused, []
        for event in again:
            self._deliver(event)

    def _deliver(self, event: str) -> None:
        status = self.office.router.handle(*signed(snapshot(id=event))).status
        self.statuses.add(status)
        if status != 200:
            self.refused.append(event)


@contextmanager
def served(place: AnyPlace, folder: Path, make: Callable[..., Office] = Office) -> Iterator[Stripe]:
    """Have two workers on a place, and one that receives deliveries for it."""
    file = folder / f"{place.kind}.txt"
    options = {"handlers": handlers_on(place)}
    with (
        closing(make(place, file, **options)) as office,
        crew(place, file, make, worker={"concurrency": 4}, **options) as workers,
    ):
        workers.hire(2)
        yield Stripe(office, workers)
        assert all(worker.is_alive for worker in workers.members)


def test_nothing_is_lost_and_nobody_is_started_again(
    postgres_server: PostgresServer, postgres_dsn: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    """Deliveries are answered 500 meanwhile and come again; PostgreSQL and Redis at once."""
    places: list[AnyPlace] = [
        Place("postgres", postgres_dsn),
        RedisPlace("redis", redis_server.url),
    ]
    for place in places:
        place.create()
    with ExitStack() as open_:
        sides = [open_.enter_context(served(place, tmp_path)) for place in places]
        for stripe in sides:
            for _ in range(BEFORE):
                stripe.send()
        until(lambda: all(stripe.office.steps > BEFORE for stripe in sides))
        assert all({200} == stripe.statuses for stripe in sides)
        postgres_server.stop("immediate")
        redis_server.kill()
        for stripe in sides:
            stripe.statuses.clear()
            stripe.workers.hire()  # one that finds nothing when it begins
        deliver_for(OUTAGE, sides)
        assert all({500} == stripe.statuses for stripe in sides)
        postgres_server.start()
        redis_server.start()
        for stripe in sides:
            until(lambda stripe=stripe: stripe.send_again() or not stripe.refused)
        for stripe in sides:
            until(stripe.office.all_over)
            stripe.office.check_ends(stripe.events)


@pytest.mark.parametrize("place", ["sqlite", "postgres", "redis"], indirect=True)
def test_a_store_that_hangs(
    place: AnyPlace, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Workers get no answer, or none to what they do with events, for longer than a lease."""
    with served(place, tmp_path, impatient) as stripe:
        for _ in range(BEFORE):
            stripe.send()
        until(lambda: stripe.office.steps > BEFORE)
        with hanging(place, request):
            deliver_for(2 * LEASE, [stripe])
        assert (500 in stripe.statuses) == (place.kind != "postgres")
        until(lambda: stripe.send_again() or not stripe.refused)
        until(stripe.office.all_over)
        stripe.office.check_ends(stripe.events)


def impatient(place: AnyPlace, file: Path, **options: Any) -> Office:
    """Give an application that does not wait long for its store."""
    name = {"sqlite": "busy_timeout", "postgres": "lock_timeout", "redis": "timeout"}[place.kind]
    return Office(place, file, store=place.store(**{name: 0.2}), **options)


@contextmanager
def hanging(place: AnyPlace, request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a store hang: a server that is stopped, a file or all events that somebody has locked."""
    if place.kind == "redis":
        server = request.getfixturevalue("redis_server")
        server.freeze()
        yield
        server.thaw()
        return
    with place.transaction() as connection:
        if place.kind == "postgres":
            connection.execute("SELECT FROM stripe_events.events FOR UPDATE")
        yield


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_connections_that_are_ended_all_the_time(
    place: AnyPlace, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Each write of a worker may be the one whose answer is lost."""
    with served(place, tmp_path) as stripe:
        for _ in range(BEFORE):
            stripe.send()

        def end_connections() -> bool:
            postgres_server.execute(END_CONNECTIONS)
            stripe.send_again()
            return stripe.office.steps > STRUCK * BEFORE

        until(end_connections)
        until(lambda: stripe.send_again() or not stripe.refused)
        until(stripe.office.all_over)
        stripe.office.check_ends(stripe.events)


def deliver_for(seconds: float, sides: list[Stripe]) -> None:
    """Deliver to all for so long: first new events, then those again."""
    end = time.monotonic() + seconds

    def deliver() -> bool:
        for stripe in sides:
            if len(stripe.refused) < MEANWHILE:
                stripe.send()
            else:
                stripe.send_again()
        return time.monotonic() > end

    until(deliver)
