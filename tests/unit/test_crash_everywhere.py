"""``crash_everywhere`` lets a process die at every step, and finds what is not as promised."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events.errors import AsyncStoreError, ConfigurationError, Permanent, UsageError
from stripe_events.storage import MemoryStore, SQLiteStore
from stripe_events.storage._bases import AsyncVerbs
from stripe_events.testing import acrash_everywhere, crash_everywhere
from tests.unit.deliveries import snapshot
from tests.unit.waiting import aio, ended

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stripe_events import Context
    from stripe_events.testing import Crash

CREATE = "CREATE TABLE effects (event TEXT)"
INSERT = "INSERT INTO effects VALUES (?)"


class AsyncMemoryStore(AsyncVerbs):
    """A ledger in memory that is awaited."""

    def __init__(self) -> None:
        """Start empty."""
        self._memory = MemoryStore()

    async def _run(self, verb: Any) -> Any:
        return self._memory._run(verb)


class Table:
    """An SQLite file with a ledger and a table of effects."""

    def __init__(self, path: Path) -> None:
        """Make it, without effects."""
        self.path = path
        self.store = SQLiteStore(path, synchronous="NORMAL", accept_loss=("synchronous",))
        with closing(self.connect()) as connection:
            connection.execute(CREATE)

    def connect(self) -> sqlite3.Connection:
        """Give a connection that begins and commits where it is told to."""
        return sqlite3.connect(self.path, isolation_level=None)

    def count(self) -> int:
        """Count the effects."""
        with closing(self.connect()) as connection:
            ((count,),) = connection.execute("SELECT count(*) FROM effects")
        return int(count)

    def clear(self) -> None:
        """Have no effects."""
        with closing(self.connect()) as connection:
            connection.execute("DELETE FROM effects")


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    """Give a fresh file."""
    table = Table(tmp_path / "app.db")
    yield table
    table.store.close()


def points(crashes: list[Crash], runs: dict[str, int]) -> list[str]:
    """Give where something happened that led to so many runs."""
    return [crash.point for crash in crashes if crash.runs == runs]


def test_each_step_of_a_plain_handler_is_disturbed() -> None:
    """The process dies before and after each step, and each answer of the store is lost."""
    router = EventRouter(store=MemoryStore())
    ran: list[str] = []

    @router.on("charge.succeeded", name="plain")
    def plain(event: object) -> None:
        ran.append("plain")

    crashes = crash_everywhere(router, snapshot())
    assert [
        "",
        "delivery 1: before recording and claiming the event",
        "delivery 1: after recording and claiming the event",
        "delivery 1: the answer to recording and claiming the event is lost",
        "delivery 1: before running plain",
        "delivery 1: after running plain",
        "delivery 1: before recording plain: succeeded",
        "delivery 1: after recording plain: succeeded",
        "delivery 1: the answer to recording plain: succeeded is lost",
    ] == [crash.point for crash in crashes]
    twice = ["delivery 1: after running plain", "delivery 1: before recording plain: succeeded"]
    assert twice == points(crashes, {"plain": 2})
    once_more = len(crashes) + 1  # the last life, which found no further point
    assert once_more + len(twice) == len(ran)
    assert (Outcome.HANDLED, Outcome.DUPLICATE) == crashes[0].answers
    assert (None, Outcome.HANDLED, Outcome.DUPLICATE) == crashes[5].answers
    assert (Outcome.STORE_FAILED, Outcome.DUPLICATE, Outcome.DUPLICATE) == crashes[-1].answers


def test_effects_in_a_transaction_happen_exactly_once(table: Table) -> None:
    """Dying around the commit loses nothing and repeats nothing."""
    router = EventRouter(store=table.store)

    @router.on("charge.succeeded", name="credit")
    def credit(event: Any, ctx: Context) -> None:
        with ctx.transaction(table.store) as connection:
            connection.execute(INSERT, (event.id,))

    crashes = crash_everywhere(
        router, snapshot(), fresh=table.clear, check=lambda: table.count() == 1
    )
    assert ["delivery 1: before the commit of credit"] == points(crashes, {"credit": 2})
    assert {
        "delivery 1: after the commit of credit",
        "delivery 1: the answer to the commit of credit is lost",
    } <= set(points(crashes, {"credit": 1}))


def test_effects_on_the_users_own_connection_happen_exactly_once(table: Table) -> None:
    """Dying between ``complete_on`` and the commit rolls back both."""
    router = EventRouter(store=table.store)

    @router.on("charge.succeeded", name="credit")
    def credit(event: Any, ctx: Context) -> None:
        with closing(table.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(INSERT, (event.id,))
            ctx.complete_on(connection)
            connection.commit()

    crashes = crash_everywhere(
        router, snapshot(), fresh=table.clear, check=lambda: table.count() == 1
    )
    assert [
        "delivery 1: between complete_on() of credit and its commit",
    ] == points(crashes, {"credit": 2})


def test_a_handler_that_fails_once_is_disturbed_in_both_deliveries(table: Table) -> None:
    """Retries can die, too; what succeeded before is left alone."""
    router = EventRouter(store=table.store)

    @router.on("charge.succeeded", name="plain")
    def plain(event: object) -> None:
        """Have nothing to do."""

    @router.on("charge.succeeded", name="flaky")
    def flaky(event: object, ctx: Context) -> None:
        if ctx.attempt == 1:
            raise ConnectionError("bank offline")

    crashes = crash_everywhere(router, snapshot())
    assert {"plain": 1, "flaky": 2} == crashes[0].runs
    assert {"plain": 1, "flaky": 3} == crashes[-4].runs
    assert "delivery 2: after running flaky" == crashes[-4].point
    assert "delivery 1: after leaving the rest for later" in [one.point for one in crashes]


def test_a_handler_may_give_up() -> None:
    """``Permanent`` ends in a dead event, which is as promised."""
    router = EventRouter(store=MemoryStore())

    @router.on("charge.succeeded", name="hopeless")
    def hopeless(event: object) -> None:
        raise Permanent("never")

    crashes = crash_everywhere(router, snapshot())
    assert {(Outcome.DEAD, Outcome.DEAD)} == {crash.answers[-2:] for crash in crashes}


def test_middleware_and_async_handlers_die_as_well(table: Table) -> None:
    """The end of a transaction is a point in a coroutine, behind middleware, too."""
    router = EventRouter(store=table.store)

    @router.middleware
    def layer(event: object, ctx: Context) -> Iterator[None]:
        yield

    @router.on("charge.succeeded", name="credit")
    async def credit(event: Any, ctx: Context) -> None:
        with ctx.transaction(table.store) as connection:
            connection.execute(INSERT, (event.id,))

    crashes = crash_everywhere(
        router, snapshot(), fresh=table.clear, check=lambda: table.count() == 1
    )
    assert ["delivery 1: before the commit of credit"] == points(crashes, {"credit": 2})
    assert ended()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_it_works_on_an_event_loop_with_either_kind_of_store(kind: str) -> None:
    """``fresh`` and ``check`` are awaited if they can be."""
    router = EventRouter(store=MemoryStore() if kind == "sync" else AsyncMemoryStore())
    ran: list[str] = []

    @router.on("charge.succeeded", name="in_thread")
    def in_thread(event: object) -> None:
        ran.append("in_thread")

    @router.on("charge.succeeded", name="on_loop")
    async def on_loop(event: object) -> None:
        ran.append("on_loop")

    async def fresh() -> None:
        ran.clear()

    async def check() -> bool:
        return {"in_thread", "on_loop"} == set(ran)

    crashes = aio(acrash_everywhere(router, snapshot(), fresh=fresh, check=check))
    both = [(one.runs["in_thread"], one.runs["on_loop"]) for one in crashes]
    assert {(1, 1), (2, 1), (1, 2)} == set(both)
    assert 14 == len(crashes)
    assert ended()


def test_a_handler_that_may_not_be_repeated_is_found() -> None:
    """The error says where the process died, and what came before and after."""
    router = EventRouter(store=MemoryStore())
    sent: list[str] = []

    @router.on("charge.succeeded", name="careless")
    def careless(event: Any) -> None:
        sent.append(event.id)

    with pytest.raises(AssertionError) as caught:
        crash_everywhere(router, snapshot(), fresh=sent.clear, check=lambda: len(sent) == 1)
    assert (
        "the world is not as it should be: AssertionError('check() gave False')\n"
        "\n"
        "disturbed: delivery 1: after running careless\n"
        "  delivery 1\n"
        "    recording and claiming the event\n"
        "    running careless\n"
        "    the process died\n"
        "  delivery 2\n"
        "    recording and claiming the event\n"
        "    running careless\n"
        "    recording careless: succeeded\n"
        "    answered handled\n"
        "  delivery 3\n"
        "    recording and claiming the event\n"
        "    answered duplicate"
    ) == str(caught.value)


def test_what_check_raises_is_the_cause() -> None:
    """A check says in its own words what is wrong."""
    router = EventRouter(store=MemoryStore())
    router.on("charge.succeeded", name="any")(lambda event: None)

    def check() -> None:
        raise LookupError("no credit")

    with pytest.raises(AssertionError, match="disturbed: nothing") as caught:
        crash_everywhere(router, snapshot(), check=check)
    assert isinstance(caught.value.__cause__, LookupError)


def test_a_handler_that_never_succeeds_is_told_of() -> None:
    """Its event is never done, however often it is delivered."""
    router = EventRouter(store=MemoryStore())

    @router.on("charge.succeeded", name="broken")
    def broken(event: object) -> None:
        raise ValueError("always")

    with pytest.raises(AssertionError, match="10 deliveries, and none was answered 200"):
        crash_everywhere(router, snapshot())


def test_what_cannot_be_tried_is_refused() -> None:
    """Nothing to run, nowhere to record it, or the wrong kind of store."""
    router = EventRouter(store=MemoryStore())
    with pytest.raises(UsageError, match="no handler of the router is for evt_1"):
        crash_everywhere(router, snapshot())
    with pytest.raises(ConfigurationError, match="no store"):
        crash_everywhere(EventRouter(), snapshot())
    with pytest.raises(AsyncStoreError):
        crash_everywhere(EventRouter(store=AsyncMemoryStore()), snapshot())
