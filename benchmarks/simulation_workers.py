"""One run of the simulation: real workers and routers over the model, and what it came to."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.simulation_clock import simulated
from benchmarks.simulation_database import Database, Server, Session
from stripe_events import EventRouter
from stripe_events.events import ChargeSucceeded
from stripe_events.storage._results import Arrival, Code, Plan, PlannedHandler
from stripe_events.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Result", "Sent", "Trial", "run"]

_HANDLER = "simulated"
_PLAN = Plan((PlannedHandler(_HANDLER),))
_CODE = Code(frozenset({_HANDLER}))
_TIME_LIMIT = 20.0
"""Seconds: below the lease by so much that no thread is started to extend claims."""

_STARTING = 1.0
"""Seconds within which all workers start."""

_TICK = 0.01
"""Seconds between two looks whether all is done."""


class Sent(NamedTuple):
    """An event that comes in ``at`` so many seconds from the start; what comes at 0 is there."""

    at: float
    account: str


class Trial(NamedTuple):
    """
    What is tried; times in seconds.

    ``handler``: the mean of the time that a handler waits, which is random. ``wakes``: the
    store wakes idle workers. ``lanes``: how many events of one account run at once, by
    ``order_by``; None leaves the order alone. ``until``: when it ends, if not with the
    last event; ``seed``: of all that is random.
    """

    workers: int
    sent: Sequence[Sent]
    concurrency: int = 10
    handler: float = 0.2
    poll: float = 1.0
    wakes: bool = True
    lanes: int | None = None
    until: float | None = None
    server: Server = Server()
    seed: int = 1


class Result(NamedTuple):
    """
    What came of it.

    ``seconds``: until it ended. ``waited``: the seconds from due to the start of the handler,
    by account, shortest first. ``rate``: events begun a second, in the middle half of all.
    ``empty``: the share of claims that gave nothing; ``lost``: of events that were read as due,
    the share that another worker had claimed first. ``statements``: for an event, that which
    records it included. ``busy``: how much of the database's processors was in use.
    """

    done: int
    seconds: float
    waited: dict[str, list[float]]
    rate: float
    empty: float
    lost: float
    statements: float
    busy: float


def run(trial: Trial) -> Result:
    """Run it, in a time of its own; the same trial gives the same result."""
    random.seed(trial.seed)
    return simulated(_Run(trial).run())


class _Run:
    """The events of a trial, and when their handlers began."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._begun: dict[str, float] = {}

    async def run(self) -> Result:
        """Start everything, wait for the end, and stop it."""
        database = Database(self._trial.server)
        arrivals = [self._arrival(*numbered) for numbered in enumerate(self._trial.sent)]
        later = [pair for pair in zip(self._trial.sent, arrivals, strict=True) if pair[0].at > 0]
        for arrival in arrivals[: len(arrivals) - len(later)]:
            database.rows.enqueue(arrival)
        workers = [self._worker(database) for _ in range(self._trial.workers)]
        tasks = [asyncio.create_task(_started(worker)) for worker in workers]
        await asyncio.gather(self._ended(database), _deliver(Session(database), later))
        result = self._result(database)
        for worker in workers:
            worker.stop()
        await asyncio.gather(*tasks)
        return result

    def _arrival(self, number: int, sent: Sent) -> Arrival:
        event = {
            "id": f"evt_{number:08}",
            "object": "event",
            "type": "charge.succeeded",
            "account": sent.account,
            "data": {"object": {"id": f"ch_{number:08}", "object": "charge"}},
        }
        lanes = self._trial.lanes
        return Arrival(
            scope="default",
            id=f"evt_{number:08}",
            type="charge.succeeded",
            account=sent.account,
            livemode=False,
            created=sent.at,
            payload=json.dumps(event).encode(),
            plan=_PLAN,
            code=_CODE,
            claim_id="",
            order_key=None if lanes is None else f"{sent.account}/{number % lanes}",
        )

    def _worker(self, database: Database) -> Worker:
        trial = self._trial
        store = Session(database, wakes=trial.wakes)
        router = EventRouter(store=store, delivery="inbox", clock=database.clock)
        router.on(ChargeSucceeded, name=_HANDLER)(self._handle)
        return Worker(
            router, concurrency=trial.concurrency, poll=trial.poll, time_limit=_TIME_LIMIT
        )

    async def _handle(self, event: ChargeSucceeded) -> None:
        self._begun[event.id] = asyncio.get_running_loop().time()
        await asyncio.sleep(random.expovariate(1 / self._trial.handler))

    async def _ended(self, database: Database) -> None:
        loop, until = asyncio.get_running_loop(), self._trial.until
        while database.rows.states["done"] < len(self._trial.sent):
            if until is not None and loop.time() >= until:
                return
            await asyncio.sleep(_TICK)

    def _result(self, database: Database) -> Result:
        seconds = asyncio.get_running_loop().time()
        done, claims = database.rows.states["done"], database.claims
        waited: defaultdict[str, list[float]] = defaultdict(list)
        for event_id, begun in self._begun.items():
            sent = self._trial.sent[int(event_id.removeprefix("evt_"))]
            waited[sent.account].append(begun - sent.at)
        return Result(
            done,
            seconds,
            {account: sorted(each) for account, each in waited.items()},
            _rate(sorted(self._begun.values())),
            _share(claims["none"], claims["some"]),
            _share(claims["lost"], claims["won"]),
            database.statements.total() / done,
            database.busy / seconds / self._trial.server.processors,
        )


async def _started(worker: Worker) -> None:
    await asyncio.sleep(random.uniform(0, _STARTING))
    await worker.arun()


async def _deliver(session: Session, later: Sequence[tuple[Sent, Arrival]]) -> None:
    """Record events when they come in, each by a task of its own, as a web server does."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as requests:
        for sent, arrival in later:
            await asyncio.sleep(sent.at - loop.time())
            requests.create_task(session.enqueue(arrival))


def _share(part: int, rest: int) -> float:
    return part / (part + rest) if part else 0.0


def _rate(times: list[float]) -> float:
    quarter = len(times) // 4
    return 2 * quarter / (times[3 * quarter] - times[quarter])
