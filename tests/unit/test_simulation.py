"""The simulation of many workers: its clock, its database, and that real workers run in it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from benchmarks.simulation_clock import VirtualLoop, simulated
from benchmarks.simulation_database import Database, Server, Session
from benchmarks.simulation_workers import Result, Sent, Trial, run
from stripe_events.storage import Code, Plan, PlannedHandler
from stripe_events.storage._results import Arrival

HOUR = 3_600.0
SENT = [*([Sent(0.0, "shop")] * 30), Sent(5.0, "late")]
PLAN, CODE = Plan((PlannedHandler("one"),)), Code(frozenset({"one"}))


async def clock(seconds: float) -> tuple[float, list[float]]:
    """Sleep in several tasks, and give the time at the end and when each of them woke."""
    loop = asyncio.get_running_loop()
    woken: list[float] = []

    async def sleep(times: float) -> None:
        await asyncio.sleep(times * seconds)
        woken.append(loop.time())

    async with asyncio.timeout(4 * seconds):
        await asyncio.gather(*map(sleep, (3.0, 1.0, 2.0)))
    return loop.time(), woken


def test_its_clock_shows_what_was_slept_and_takes_no_time() -> None:
    """Tasks wake in the order of their times, at those times, and an hour is over at once."""
    begun = time.monotonic()
    assert (3 * HOUR, [HOUR, 2 * HOUR, 3 * HOUR]) == simulated(clock(HOUR))
    assert time.monotonic() - begun < 1.0


def test_what_runs_takes_no_time_by_its_clock() -> None:
    """Only what is awaited lets time pass."""

    async def busy() -> float:
        sum(range(10_000))
        await asyncio.sleep(0)
        await asyncio.to_thread(sum, range(10_000))
        return asyncio.get_running_loop().time()

    assert simulated(busy()) == 0.0


def test_a_timeout_ends_what_takes_longer() -> None:
    """A wait for what never comes is over at its time, and not before."""

    async def waiting() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(HOUR):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert simulated(waiting()) == HOUR


def test_a_simulation_in_which_nothing_can_happen_ends() -> None:
    """It does not hang where all wait and no timer is set."""
    loop = VirtualLoop()
    task = loop.create_task(asyncio.Event().wait())
    with pytest.raises(RuntimeError, match="no timer"):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()


def arrival(number: int) -> Arrival:
    """Give an event that is due at once."""
    return Arrival(
        "default", f"evt_{number}", "ping", None, False, 0.0, b"{}", PLAN, CODE, claim_id=""
    )


async def met(seconds: float) -> tuple[list[int], int, int]:
    """
    Let two workers look for the one event that is due, one of them so much later.

    Give what each got, how many claims were lost to the other one, and how many
    transactions were begun.
    """
    database = Database(Server(processors=2, trip=0.002, flush=0.001))
    database.rows.enqueue(arrival(1))

    async def look(after: float) -> int:
        await asyncio.sleep(after)
        return len(await Session(database).take_due("default", CODE, f"{after}", 30.0, 10))

    taken = await asyncio.gather(look(0.0), look(seconds))
    return list(taken), database.claims["lost"], database.statements["Begin"]


@pytest.mark.parametrize("seconds", [0.0005, 0.0015, 0.002, 0.0045, 0.0085])
def test_what_a_transaction_has_read_others_skip_until_its_commit(seconds: float) -> None:
    """Whoever comes before that finds something due, but gets nothing; nobody loses a claim."""
    assert ([1, 0], 0, 2) == simulated(met(seconds))


def test_whoever_finds_nothing_due_begins_no_transaction() -> None:
    """After the commit the event is in somebody's hands, for all to see."""
    assert ([1, 0], 0, 1) == simulated(met(0.02))


def test_statements_travel_and_queue() -> None:
    """Each takes its way there and back; more than there are processors wait for one."""

    async def asked(processors: int) -> float:
        database = Database(Server(processors, trip=1.0, flush=0.0))
        await asyncio.gather(*(Session(database).get("default", "no") for _ in range(4)))
        return asyncio.get_running_loop().time()

    assert simulated(asked(4)) == pytest.approx(1.0 + 50e-6)
    assert simulated(asked(1)) == pytest.approx(1.0 + 4 * 50e-6)


def trial(**options: Any) -> Result:
    """Run ten workers on some events."""
    return run(Trial(**{"workers": 10, "sent": SENT, "concurrency": 2, "handler": 0.1, **options}))


def test_ten_workers_do_all_that_was_sent() -> None:
    """Real workers claim, run and record every event, and end."""
    result = trial()
    assert (31, {"shop", "late"}) == (result.done, set(result.waited))
    assert [30, 1] == [len(result.waited["shop"]), len(result.waited["late"])]
    assert 5.0 < result.seconds < 7.0


def test_who_is_woken_begins_sooner_than_who_polls() -> None:
    """An event that comes to idle workers waits for a poll, unless they are woken."""
    polling = trial(wakes=False, poll=10.0)
    assert trial().waited["late"][0] < 0.01 < polling.waited["late"][0]


def test_a_limit_of_an_account_holds_back_only_its_own() -> None:
    """With one lane for each account the flood runs one by one, and the other event at once."""
    result = trial(sent=[*([Sent(0.0, "shop")] * 300), Sent(5.0, "late")], lanes=1, until=5.5)
    assert 20 < result.done < 80
    assert result.waited["late"][0] < 0.1


def test_the_same_trial_gives_the_same_result() -> None:
    """Its chances are seeded; another seed gives others."""
    assert trial() == trial()
    assert trial() != trial(seed=2)
