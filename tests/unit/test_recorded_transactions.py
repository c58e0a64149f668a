"""``ctx.transaction()``: a handler's writes and its completion, together or not at all (7)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events.errors import LostClaim, Permanent, RetryLater, UsageError
from stripe_events.observers import Failed, Handled, LateError
from tests.unit.deliveries import router as make_router
from tests.unit.deliveries import signed, snapshot
from tests.unit.recorded import LEASE, Died, Handler
from tests.unit.recorded_sql import CREDIT
from tests.unit.waiting import aio, reached

if TYPE_CHECKING:
    from collections.abc import Generator

    from stripe_events import Context, WebhookResponse
    from tests.unit.recorded import Service
    from tests.unit.recorded_sql import SQLService


def raising(*errors: BaseException | None) -> Any:
    """Give what raises these one after another, and then nothing more."""
    left = list(errors)

    def step(*_: object) -> None:
        error = left.pop(0) if left else None
        if error is not None:
            raise error

    return step


def test_the_writes_and_the_completion_are_committed_together(bank: SQLService) -> None:
    """The event is done by the commit of its last handler, and the next delivery a duplicate."""

    def within(ctx: Context) -> None:
        seen.append((bank.credits(), bank.handler().outcome))

    def after(ctx: Context) -> None:
        seen.append((bank.credits(), bank.record().state))

    seen: list[Any] = []
    router = bank.code({"a": bank.crediting(within=within, after=after)})

    outcomes = [bank.deliver(router).outcome for _ in range(2)]

    assert [Outcome.HANDLED, Outcome.DUPLICATE] == outcomes
    assert [([], "planned"), (["attempt 1"], "done")] == seen
    assert [["a"]] == [[run.handler for run in told.runs] for told in bank.told_of(Handled)]


@pytest.mark.parametrize("error", [ValueError("no"), RetryLater(5), KeyError("x")])
def test_a_block_that_raises_rolls_back(bank: SQLService, error: Exception) -> None:
    """The handler has failed with that error, and its retry credits once."""
    router = bank.code({"a": bank.crediting(within=raising(error))})

    response = bank.deliver(router)

    assert (Outcome.FAILED, []) == (response.outcome, bank.credits())
    assert error is bank.told_of(Failed)[0].runs[0].error
    assert Outcome.HANDLED == bank.deliver(router).outcome
    assert ["attempt 2"] == bank.credits()


def test_a_block_that_gives_up_rolls_back(bank: SQLService) -> None:
    """``Permanent``: the handler is dead, and nothing of it is there."""
    router = bank.code({"a": bank.crediting(within=raising(Permanent("never")))})

    assert (Outcome.DEAD, []) == (bank.deliver(router).outcome, bank.credits())


def test_what_is_raised_before_the_block_fails_the_handler(bank: SQLService) -> None:
    """As without a block."""
    router = bank.code({"a": bank.crediting(raising(ValueError("no")))})

    outcomes = [bank.deliver(router).outcome for _ in range(2)]

    assert [Outcome.FAILED, Outcome.HANDLED] == outcomes
    assert ["attempt 2"] == bank.credits()


@pytest.mark.parametrize("error", [ValueError("late"), Permanent("late"), RetryLater(1)])
def test_what_is_raised_after_the_commit_is_a_late_error(
    bank: SQLService, error: Exception
) -> None:
    """It is kept and told, and the handler is not run again: it is done."""
    router = bank.code({"a": bank.crediting(after=raising(error))})

    outcomes = [bank.deliver(router).outcome for _ in range(2)]

    assert [Outcome.HANDLED, Outcome.DUPLICATE] == outcomes
    assert ["attempt 1"] == bank.credits()
    handler = bank.handler()
    assert handler.late_error is not None
    assert ("succeeded", None, str(error)) == (
        handler.outcome,
        handler.error,
        handler.late_error.message,
    )
    (told,) = bank.told_of(LateError)
    assert ("evt_1", "a", error) == (told.event.id, told.handler, told.error)


def test_a_late_error_of_one_handler_keeps_the_others_going(bank: SQLService) -> None:
    """Each handler is settled by itself."""
    last = Handler(ValueError("not now"))
    router = bank.code({"a": bank.crediting(after=raising(ValueError("late"))), "b": last})

    outcomes = [bank.deliver(router).outcome for _ in range(2)]

    assert [Outcome.FAILED, Outcome.HANDLED] == outcomes
    assert (["attempt 1"], 2) == (bank.credits(), last.runs)


def test_several_handlers_have_a_transaction_each(bank: SQLService) -> None:
    """What one has committed stays, whatever becomes of the next."""
    router = bank.code(
        {"a": bank.crediting(), "b": bank.crediting(within=raising(ValueError("no")))}
    )

    outcomes = [bank.deliver(router).outcome for _ in range(2)]

    assert [Outcome.FAILED, Outcome.HANDLED] == outcomes
    assert ["attempt 1", "attempt 2"] == bank.credits()


def again(bank: SQLService) -> Any:
    """Give what opens a second block in the same run."""

    def second(ctx: Context) -> None:
        if not bank.way.awaits_store:
            with ctx.transaction(bank.store) as connection:
                connection.execute(CREDIT, ("second",))
            return

        async def opened() -> None:
            async with ctx.transaction(bank.store) as connection:
                connection.execute(CREDIT, ("second",))

        aio_in_thread(opened())

    return second


def aio_in_thread(main: Any) -> None:
    """Run a coroutine to its end, from the midst of an event loop."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            aio(main)
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def test_a_second_block_in_one_run_is_a_usage_error(bank: SQLService) -> None:
    """The handler was done by the first one: it would not be run again for the second."""
    router = bank.code({"a": bank.crediting(after=again(bank))})

    assert Outcome.HANDLED == bank.deliver(router).outcome
    assert ["attempt 1"] == bank.credits()
    (told,) = bank.told_of(LateError)
    assert isinstance(told.error, UsageError)
    assert "completed once" in str(told.error)


def test_a_block_within_a_block_is_a_usage_error(bank: SQLService) -> None:
    """Which passes through the outer one and rolls it back."""
    router = bank.code({"a": bank.crediting(within=again(bank))})

    response = bank.deliver(router)

    assert (Outcome.FAILED, []) == (response.outcome, bank.credits())
    assert isinstance(bank.told_of(Failed)[0].runs[0].error, UsageError)


def test_the_block_of_the_wrong_kind_is_a_usage_error(bank: SQLService) -> None:
    """``with`` is for sync stores, ``async with`` for async ones; nothing was begun."""

    def sync(event: object, ctx: Context) -> None:
        with ctx.transaction(bank.store):
            pytest.fail("it was entered")

    async def is_async(event: object, ctx: Context) -> None:
        async with ctx.transaction(bank.store):
            pytest.fail("it was entered")

    wrong, right = (sync, "async with") if bank.way.awaits_store else (is_async, "with")
    response = bank.deliver(bank.code({"a": wrong}))

    (run,) = bank.told_of(Failed)[0].runs
    assert Outcome.FAILED == response.outcome
    assert isinstance(run.error, UsageError)
    assert f"asks for `{right} ctx.transaction(store)`" in str(run.error)


def test_the_block_is_on_the_routers_own_store(bank: SQLService) -> None:
    """Another database is not committed together with the ledger."""

    def handler(event: object, ctx: Context) -> None:
        ctx.transaction(object())  # type: ignore[call-overload]

    bank.deliver(bank.code({"a": handler}))

    error = bank.told_of(Failed)[0].runs[0].error
    assert isinstance(error, UsageError)
    assert "takes the store that was given to EventRouter" in str(error)


def test_a_store_without_transactions_says_so(service: Service) -> None:
    """And what to do instead."""

    def handler(event: object, ctx: Context) -> None:
        ctx.transaction(service.store)

    service.deliver(service.code({"a": handler}))

    error = service.told_of(Failed)[0].runs[0].error
    assert isinstance(error, UsageError)
    assert "has no transactions: make the handler idempotent" in str(error)


def test_without_a_store_there_is_no_block() -> None:
    """Nothing could be completed."""
    errors: list[UsageError] = []

    def handler(event: object, ctx: Context) -> None:
        for call in (ctx.transaction, ctx.complete_on):
            with pytest.raises(UsageError, match="needs a ledger") as raised:
                call(object())  # type: ignore[operator]
            errors.append(raised.value)

    router = make_router()
    router.on("charge.succeeded")(handler)

    assert Outcome.HANDLED == router.handle(*signed(snapshot())).outcome
    assert 2 == len(errors)


def test_a_block_may_skip(bank: SQLService) -> None:
    """What it wrote until then is committed with that."""
    router = bank.code({"a": bank.crediting(within=lambda ctx: ctx.skip("enough"))})

    assert Outcome.HANDLED == bank.deliver(router).outcome
    assert (["attempt 1"], {"a": "skipped"}) == (bank.credits(), bank.outcomes())


def test_middleware_around_a_block_sees_what_it_raises(bank: SQLService) -> None:
    """It cannot undo the commit."""
    router = bank.code({"a": bank.crediting()})

    @router.middleware
    def layer(event: object, ctx: Context) -> Generator[None, Any, None]:
        yield
        raise ValueError("late")

    assert Outcome.HANDLED == bank.deliver(router).outcome
    assert (["attempt 1"], 1) == (bank.credits(), len(bank.told_of(LateError)))


def test_a_process_that_dies_in_the_block_has_done_nothing(bank: SQLService) -> None:
    """Its writes go with it; whoever takes over credits once."""
    bank.die({"a": bank.crediting(within=raising(Died()))})

    assert Outcome.HANDLED == bank.deliver(bank.code({"a": bank.crediting()})).outcome
    assert ["attempt 2"] == bank.credits()


def test_a_process_that_dies_after_the_commit_has_done_it(bank: SQLService) -> None:
    """Nobody credits again."""
    bank.die({"a": bank.crediting(after=raising(Died()))})

    assert Outcome.DUPLICATE == bank.deliver(bank.code({"a": bank.crediting()})).outcome
    assert ["attempt 1"] == bank.credits()


def test_a_rescued_event_is_completed_by_its_blocks_too(bank: SQLService) -> None:
    """Also by those of handlers that joined."""
    bank.die({"a": bank.crediting(within=raising(Died()))})

    rescued = bank.rescue(bank.code({"a": bank.crediting(), "new": bank.crediting()}))

    assert (1, ["attempt 2", "attempt 1"]) == (rescued.handled, bank.credits())
    assert {"a": "succeeded", "new": "succeeded"} == bank.outcomes()


def test_a_stale_owner_commits_nothing(bank: SQLService) -> None:
    """Somebody has taken the event over before the block: it ends with ``LostClaim``."""

    def overtaken() -> None:
        bank.clock.now += LEASE
        if not bank.credits():
            responses.append(in_another_process(bank))

    responses: list[WebhookResponse] = []

    response = bank.deliver(bank.code({"a": bank.crediting(overtaken)}))

    assert (500, Outcome.FAILED) == (response.status, response.outcome)
    assert isinstance(response.error, LostClaim)
    assert isinstance(bank.told_of(Failed)[-1].error, LostClaim)
    assert [Outcome.HANDLED] == [one.outcome for one in responses]
    assert (["attempt 2"], {"a": "succeeded"}) == (bank.credits(), bank.outcomes())


def test_a_stale_owner_that_keeps_still_is_reported_all_the_same(bank: SQLService) -> None:
    """It has swallowed the ``LostClaim``, and would be recorded as a success."""

    def overtaken() -> None:
        bank.clock.now += LEASE
        in_another_process(bank)

    crediting = bank.crediting(overtaken)
    if bank.way.awaits_store:

        async def handler(event: object, ctx: Context) -> None:
            with pytest.raises(LostClaim):
                await crediting(event, ctx)
    else:

        def handler(event: object, ctx: Context) -> None:  # type: ignore[misc]
            with pytest.raises(LostClaim):
                crediting(event, ctx)

    response = bank.deliver(bank.code({"a": handler}))

    assert isinstance(response.error, LostClaim)
    assert ["attempt 2"] == bank.credits()


def in_another_process(bank: SQLService) -> WebhookResponse:
    """Deliver to code that credits, from a thread of its own."""
    router = bank.code({"a": bank.crediting()})
    return bank.threads.submit(bank.deliver, router).result()


def test_a_block_in_a_thread_that_a_shutdown_left_behind_completes_the_handler(
    bank: SQLService,
) -> None:
    """Its claim was kept, so nobody else runs it meanwhile."""

    def within(ctx: Context) -> None:
        running.set()
        reached(go_on)

    running, go_on = threading.Event(), threading.Event()
    router = bank.code({"a": bank.crediting(within=within)})
    answer = bank.threads.submit(bank.deliver, router)
    reached(running)
    closing = bank.threads.submit(router.close, wait=0)
    go_on.set()
    closing.result()
    answer.result()

    bank.clock.now += LEASE
    router = bank.code({"a": bank.crediting()})
    assert bank.deliver(router).outcome in (Outcome.DUPLICATE, Outcome.HANDLED)
    assert 1 == len(bank.credits())
