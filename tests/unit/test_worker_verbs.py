"""How a worker writes the ends of handlers: those that come together are one write."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events._worker import verbs
from stripe_events._worker.verbs import Verbs
from stripe_events.errors import LostClaim, StoreError
from stripe_events.storage import Claim, Finished, MemoryStore
from stripe_events.storage._results import HandlerResult, Plan
from tests.unit.recorded import HANDLE, LEASE, Handler, Service
from tests.unit.waiting import LIMIT, aio, turns
from tests.unit.workers import burst, fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stripe_events.storage._results import Ending

DONE = HandlerResult("a", "succeeded")


def claim(number: int, token: int = 1) -> Claim:
    """Give the claim on one of many events."""
    return Claim("default", f"evt_{number}", token, "mine")


class Writes:
    """A store that writes down what is asked of it, and answers with the name of the event."""

    def __init__(self) -> None:
        """Have been asked nothing; answer at once."""
        self.writes: list[list[str]] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.error: BaseException | None = None
        self.guilty: str | None = None

    def accept(self, *_: Any) -> None:
        """Be a sync store."""

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan) -> Any:
        """Write one."""
        return self._written([(claim, result, joined)])[0]

    def finish_each(self, endings: Sequence[Ending]) -> Any:
        """Write many."""
        return self._written(endings)

    def _written(self, endings: Sequence[Any]) -> list[Any]:
        self.writes.append([f"{one[0].id} {one[0].token}" for one in endings])
        assert self.go_on.wait(LIMIT)
        if self.error is not None and (self.guilty in {None, *self.writes[-1]}):
            raise self.error
        return [self._told(one[0]) for one in endings]

    def _told(self, of: Claim) -> Any:
        return LostClaim(of.id) if of.id == "evt_13" else Finished("done", of.token > 1)


class AwaitedWrites(Writes):
    """The same, awaited."""

    async def accept(self, *_: Any) -> None:  # type: ignore[override]
        """Be an async store."""

    async def finish(self, claim: Claim, result: HandlerResult, joined: Plan) -> Any:
        """Write one."""
        return (await self._awaited([(claim, result, joined)]))[0]

    async def finish_each(self, endings: Sequence[Ending]) -> Any:
        """Write many."""
        return await self._awaited(endings)

    async def _awaited(self, endings: Sequence[Any]) -> Any:
        go_on, self.go_on = self.go_on, threading.Event()
        self.go_on.set()
        try:
            told = self._written(endings)
        except BaseException:
            self.go_on = go_on
            raise
        self.go_on = go_on
        while not go_on.is_set():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0)
        return told


class OneByOne(Writes):
    """A store that has no batches."""

    finish_each = None  # type: ignore[assignment]


@pytest.fixture(params=[Writes, AwaitedWrites])
def store(request: pytest.FixtureRequest) -> Writes:
    """Give a store with batches, sync or awaited."""
    made: Writes = request.param()
    return made


@pytest.fixture
def opened(store: Writes) -> Iterator[Verbs]:
    """Give its verbs."""
    asked = Verbs(store)
    yield asked
    asked.close()


async def finished(of: Verbs, claims: Sequence[Claim]) -> list[Any]:
    """Finish them all at once, and give what each is told or raised."""
    return await asyncio.gather(*(of.finish(one, DONE) for one in claims), return_exceptions=True)


def test_ends_that_come_together_are_one_write(store: Writes, opened: Verbs) -> None:
    """Each gets its own answer."""
    told = aio(finished(opened, [claim(number) for number in range(5)]))

    assert [[f"evt_{number} 1" for number in range(5)]] == store.writes
    assert [Finished("done")] * 5 == told


def test_what_comes_during_a_write_goes_into_the_next(store: Writes, opened: Verbs) -> None:
    """However many there are; the first one does not wait for company."""

    async def main() -> list[Any]:
        store.go_on.clear()
        first = asyncio.create_task(opened.finish(claim(0), DONE))
        await turns(lambda: store.writes)
        others = asyncio.create_task(finished(opened, [claim(n) for n in range(1, 4)]))
        await asyncio.sleep(0)
        store.go_on.set()
        return [await first, *await others]

    assert [Finished("done")] * 4 == aio(main())
    assert [["evt_0 1"], ["evt_1 1", "evt_2 1", "evt_3 1"]] == store.writes


def test_an_end_that_is_refused_does_not_touch_others(store: Writes, opened: Verbs) -> None:
    """LostClaim is raised where it belongs."""
    told = aio(finished(opened, [claim(12), claim(13), claim(14)]))

    assert [Finished("done"), "evt_13", Finished("done")] == [
        str(one) if isinstance(one, LostClaim) else one for one in told
    ]


def test_two_of_one_event_never_go_together(store: Writes, opened: Verbs) -> None:
    """As when a handler that hung ends beside the run that replaced it: in order, one by one."""
    claims = [claim(1), claim(2), claim(1, token=2), claim(1, token=3), claim(3)]

    told = aio(finished(opened, claims))

    assert [["evt_1 1", "evt_2 1", "evt_3 1"], ["evt_1 2"], ["evt_1 3"]] == store.writes
    assert [False, False, True, True, False] == [one.settled_before for one in told]


def test_a_write_holds_so_many_at_most(
    store: Writes, opened: Verbs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No statement grows without bounds."""
    monkeypatch.setattr(verbs, "_AT_ONCE", 4)

    told = aio(finished(opened, [claim(100 + number) for number in range(10)]))

    assert [4, 4, 2] == [len(write) for write in store.writes]
    assert [Finished("done")] * 10 == told


@pytest.mark.parametrize("error", [StoreError("down"), OSError("down")])
def test_a_write_that_fails_is_told_to_all_who_wait(
    store: Writes, opened: Verbs, error: Exception
) -> None:
    """The next one is a new try."""

    async def main() -> list[Any]:
        store.error = error
        failed = await finished(opened, [claim(1), claim(2)])
        store.error = None
        return [*failed, *await finished(opened, [claim(1), claim(2)])]

    assert [error, error, Finished("done"), Finished("done")] == aio(main())


@pytest.mark.parametrize("error", [StoreError("refused"), OSError("a defect")])
def test_an_end_that_the_store_cannot_write_is_told_to_its_own_event_alone(
    store: Writes, opened: Verbs, error: Exception
) -> None:
    """Its siblings would run again, and be blamed, for what they have nothing to do with."""
    store.guilty, store.error = "evt_2 1", error

    told = aio(finished(opened, [claim(0), claim(1), claim(2), claim(13), claim(4)]))

    assert [Finished("done"), Finished("done"), error] == told[:3]
    assert (LostClaim, Finished("done")) == (type(told[3]), told[4])
    assert [5, 1, 1, 1, 1, 1] == [len(write) for write in store.writes]


def test_a_store_that_is_down_is_not_asked_for_each_of_many(store: Writes, opened: Verbs) -> None:
    """Each may take as long as a connection's timeout."""
    store.error = StoreError("down")

    told = aio(finished(opened, [claim(number) for number in range(100)]))

    assert [store.error] * 100 == told
    assert [100, 1, 1, 1] == [len(write) for write in store.writes]


def test_a_store_that_gives_too_few_answers_is_wrong(store: Writes, opened: Verbs) -> None:
    """Nobody waits for ever because of it."""
    written = store._written
    store._written = lambda endings: written(endings)[:1]  # type: ignore[method-assign]

    told = aio(finished(opened, [claim(1), claim(2)]))

    assert [ValueError] == [type(one) for one in told[1:]]
    store._written = written  # type: ignore[method-assign]
    assert [Finished("done")] == aio(finished(opened, [claim(3)]))


def test_who_is_cancelled_while_it_waits_harms_nobody(store: Writes, opened: Verbs) -> None:
    """Its end is written with the others, whose answers come."""

    async def main() -> list[Any]:
        store.go_on.clear()
        tasks = [asyncio.create_task(opened.finish(claim(n), DONE)) for n in range(3)]
        await turns(lambda: store.writes)
        tasks[1].cancel()
        await asyncio.sleep(0)
        store.go_on.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = aio(main())

    assert (Finished("done"), Finished("done")) == (first, third)
    assert isinstance(second, asyncio.CancelledError)
    assert [["evt_0 1", "evt_1 1", "evt_2 1"]] == store.writes


def test_a_loop_that_ends_keeps_nobody_waiting(store: Writes, opened: Verbs) -> None:
    """Also for those whose turn has not come."""

    async def main() -> list[Any]:
        store.go_on.clear()
        tasks = [asyncio.create_task(opened.finish(claim(n % 2), DONE)) for n in range(4)]
        await turns(lambda: store.writes)
        assert opened._writing is not None
        opened._writing.cancel()
        store.go_on.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert {asyncio.CancelledError} == {type(one) for one in aio(main())}
    assert [Finished("done")] == aio(finished(opened, [claim(7)]))


def test_an_awaited_store_that_cancels_itself_has_failed() -> None:
    """Nobody has cancelled those who wait."""
    store = AwaitedWrites()
    store.error = asyncio.CancelledError()

    told = aio(finished(Verbs(store), [claim(1), claim(2)]))

    assert [StoreError] * 2 == [type(one) for one in told]


def test_a_store_without_batches_is_asked_for_each() -> None:
    """Several at once, where it is sync."""
    store = OneByOne()
    asked = Verbs(store)

    told = aio(finished(asked, [claim(number) for number in range(4)]))

    assert [Finished("done")] * 4 == told
    assert [1] * 4 == [len(write) for write in store.writes]
    asked.close()


def test_a_busy_worker_needs_few_commits_for_ends() -> None:
    """The busier it is, the fewer for each."""
    service = Service(HANDLE)
    writes: list[int] = []

    class Batching(MemoryStore):
        def finish_each(self, endings: Sequence[Ending]) -> list[Any]:
            writes.append(len(endings))
            return [self.finish(*ending) for ending in endings]

    async def handler(event: object) -> None:
        await asyncio.sleep(0)

    store = Batching(clock=service.clock)
    router = service.code({"a": handler}, delivery="inbox", store=store)
    fill(service, router, 40)

    assert 40 == burst(router, concurrency=40).handled
    assert max(writes) > 10
    service.close()


def test_a_claim_lost_by_one_of_a_batch_is_that_events_alone() -> None:
    """Its siblings in the write are done."""
    service = Service(HANDLE)

    class Batching(MemoryStore):
        def finish_each(self, endings: Sequence[Ending]) -> list[Any]:
            return [self._finished(ending) for ending in endings]

        def finish(self, *ending: Any) -> Any:
            told = self._finished(ending)
            if isinstance(told, LostClaim):
                raise told
            return told

        def _finished(self, ending: Any) -> Any:
            if ending[0].id == "evt_3":
                return LostClaim("another worker has it")
            return super().finish(*ending)

    store = Batching(clock=service.clock)
    router = service.code({"a": Handler()}, delivery="inbox", store=store)
    fill(service, router, 8)

    status = burst(router)

    assert (7, 1) == (status.handled, status.failed)
    assert "claimed" == store.get("default", "evt_3").record.state  # type: ignore[union-attr]
    service.clock.now += LEASE
    service.close()
