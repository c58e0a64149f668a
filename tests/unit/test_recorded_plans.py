"""How the plan of an event follows the code: who joins, who is missing, renamed, retired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events.errors import DuplicateHandler, HandlerMissing, UsageError
from stripe_events.events import ChargeSucceeded
from stripe_events.observers import Dead, Failed
from tests.unit.recorded import LEASE, Died, Handler

if TYPE_CHECKING:
    from tests.unit.recorded import Service

DAY = 86_400.0


def test_handlers_registered_since_join_an_unsettled_event(service: Service) -> None:
    """They run with what is left of it."""
    service.deliver(service.code({"a": Handler(ValueError("not now"))}))
    joining = Handler()

    response = service.deliver(service.code({"a": Handler(), "new": joining}))

    assert Outcome.HANDLED == response.outcome
    assert 1 == joining.runs
    assert {"a": "succeeded", "new": "succeeded"} == service.outcomes()


def test_handlers_registered_since_do_not_join_a_done_event(service: Service) -> None:
    """It is a duplicate, whatever the code is now."""
    service.deliver(service.code({"a": Handler()}))
    late = Handler()

    response = service.deliver(service.code({"a": Handler(), "new": late}))

    assert Outcome.DUPLICATE == response.outcome
    assert (0, {"a": "succeeded"}) == (late.runs, service.outcomes())


def test_an_unsettled_handler_that_is_gone_is_not_completed_over(service: Service) -> None:
    """500, so that Stripe delivers again, and the claim is given back uncounted."""
    service.deliver(service.code({"gone": Handler(ValueError("not now")), "b": Handler()}))

    response = service.deliver(service.code({"b": Handler()}))

    assert (500, Outcome.HANDLER_MISSING) == (response.status, response.outcome)
    assert isinstance(response.error, HandlerMissing)
    assert "gone planned for evt_1 (charge.succeeded) does not exist" in str(response.error)
    assert (response.error, ()) == (service.told_of(Failed)[-1].error, service.told[-1].runs)
    assert ("pending", 1) == (service.record().state, service.handler("gone").attempts)


def test_an_event_whose_handlers_are_all_gone_is_not_answered_200(service: Service) -> None:
    """Nobody wants such events now, but this one was promised to be handled."""
    service.deliver(service.code({"gone": Handler(ValueError("not now"))}))

    response = service.deliver(service.code({}))

    assert Outcome.HANDLER_MISSING == response.outcome


def test_a_missing_handler_that_comes_back_is_run(service: Service) -> None:
    """A rolling deploy has both kinds of code for a while."""
    service.deliver(service.code({"a": Handler(ValueError("not now"))}))
    service.deliver(service.code({}))
    back = Handler()

    response = service.deliver(service.code({"a": back}))

    assert (Outcome.HANDLED, [2]) == (response.outcome, back.attempts)


def test_a_handler_that_is_missing_beside_a_failing_one_is_kept_too(service: Service) -> None:
    """The attempt is counted for the one that failed only."""
    both = {"gone": Handler(ValueError("1")), "failing": Handler(ValueError("1"))}
    service.deliver(service.code(both))

    response = service.deliver(service.code({"failing": Handler(ValueError("2"))}))

    assert Outcome.FAILED == response.outcome
    assert (1, 2) == (service.handler("gone").attempts, service.handler("failing").attempts)
    assert service.clock.now == service.handler("gone").missing_since


def test_a_handler_that_is_missing_for_a_day_is_dead(service: Service) -> None:
    """Its error says so, and the event is over."""
    service.deliver(service.code({"gone": Handler(ValueError("not now"))}))
    without = service.code({})
    service.deliver(without)
    service.clock.now += DAY

    response = service.deliver(without)

    assert (200, Outcome.DEAD) == (response.status, response.outcome)
    assert {"gone": "dead"} == service.outcomes()
    error = service.handler("gone").error
    assert error is not None
    assert "stripe_events.errors.HandlerMissing" == error.type
    (dead,) = service.told_of(Dead)
    assert isinstance(dead.runs[0].error, HandlerMissing)


def test_a_handler_that_is_missing_for_less_than_a_day_is_due_again(service: Service) -> None:
    """The day counts from the first code without it, not from its last failure."""
    service.deliver(service.code({"gone": Handler(ValueError("not now"))}))
    service.clock.now += 10 * DAY
    without = service.code({})
    service.deliver(without)
    service.clock.now += DAY - 1

    assert Outcome.HANDLER_MISSING == service.deliver(without).outcome


def test_a_handler_that_was_there_meanwhile_has_its_day_anew(service: Service) -> None:
    """Else a deploy that is rolled back a day later would kill it at once."""
    failing = {"a": Handler(ValueError("1"), ValueError("2"))}
    with_it, without = service.code(failing), service.code({})
    service.deliver(with_it)
    service.deliver(without)
    service.clock.now += DAY
    service.deliver(with_it)

    assert Outcome.HANDLER_MISSING == service.deliver(without).outcome


def test_the_others_run_before_a_missing_one_is_given_back(service: Service) -> None:
    """They lose nothing by it."""
    failing = {"gone": Handler(ValueError("1")), "b": Handler(ValueError("1"))}
    service.deliver(service.code(failing))

    response = service.deliver(service.code({"b": Handler()}))

    assert Outcome.HANDLER_MISSING == response.outcome
    assert {"gone": "failed", "b": "succeeded"} == service.outcomes()
    assert [["b"]] == [[run.handler for run in one.runs] for one in service.told_of(Failed)[1:]]


def renamed(service: Service, handler: Handler, **options: object) -> EventRouter:
    """Give code in which handler ``a`` is called ``b``."""
    router = service.code({}, **options)
    router.on(ChargeSucceeded, name="b", formerly="a")(handler)
    return router


def test_a_renamed_handler_continues_where_it_was(service: Service) -> None:
    """It does not run again if it has succeeded, and keeps count of its attempts if not."""
    service.deliver(service.code({"a": Handler(ValueError("not now")), "x": Handler()}))
    now = Handler()
    router = renamed(service, now)
    router.on(ChargeSucceeded, name="y", formerly=["w", "x"])(unwanted := Handler())

    response = service.deliver(router)

    assert Outcome.HANDLED == response.outcome
    assert ([2], 0) == (now.attempts, unwanted.runs)
    assert {"b": "succeeded", "y": "succeeded"} == service.outcomes()


def test_a_renamed_handler_keeps_its_idempotency_key(service: Service) -> None:
    """What it did under its old name is not done again."""
    before, after = Handler(ValueError("not now")), Handler()
    service.deliver(service.code({"a": before}))
    service.deliver(renamed(service, after))

    keys = {ctx.idempotency_key for ctx in (*before.contexts, *after.contexts)}
    assert {"evt_1/a"} == keys


def test_old_code_does_not_run_a_renamed_handler_again(service: Service) -> None:
    """In a rolling deploy it meets the new code's plan: its name is known as a former one."""
    service.deliver(renamed(service, Handler(ValueError("not now"))))
    again = Handler()

    response = service.deliver(service.code({"a": again}))

    assert (Outcome.HANDLER_MISSING, 0) == (response.outcome, again.runs)
    assert {"b": "failed"} == service.outcomes()


def test_old_code_does_not_run_again_what_joined_in_a_rescue(service: Service) -> None:
    """Also there a handler that was renamed is known by its former name, and has its key."""
    service.deliver(service.code({"x": Handler(ValueError("not now"))}))
    service.ledger.retry("default", "evt_1")
    after, before = Handler(ValueError("not now")), Handler()
    router = renamed(service, after)
    service.rescue(router)

    service.deliver(service.code({"x": Handler(), "a": before}))
    service.deliver(router)

    assert ([1, 2], 0) == (after.attempts, before.runs)
    assert {"evt_1/a"} == {ctx.idempotency_key for ctx in after.contexts}


def test_an_owner_with_old_code_can_finish_what_was_renamed_meanwhile(service: Service) -> None:
    """Its claim is still the last one."""

    def handler(event: object) -> None:
        service.enqueue(renamed(service, Handler()))

    response = service.deliver(service.code({"a": handler}))

    assert Outcome.HANDLED == response.outcome
    assert {"b": "succeeded"} == service.outcomes()


def test_a_retired_handler_is_dropped(service: Service) -> None:
    """What waited for it alone is done with the next delivery."""
    service.deliver(service.code({"a": Handler(ValueError("not now"))}))
    router = service.code({})
    router.retire("a")

    response = service.deliver(router)

    assert (200, Outcome.DUPLICATE) == (response.status, response.outcome)
    assert ("done", {"a": "dropped"}) == (service.record().state, service.outcomes())


def test_a_retired_handler_does_not_undo_what_others_did(service: Service) -> None:
    """Dead stays dead: only an operator decides otherwise."""
    router = service.code({"b": Handler(ValueError("not now"))})
    service.deliver(service.code({"a": Handler(ValueError("1")), "b": Handler(ValueError("1"))}))
    router.retire("a")

    service.deliver(router)

    assert {"a": "dropped", "b": "failed"} == service.outcomes()


def test_an_included_router_may_retire_and_rename(service: Service) -> None:
    """What it says counts for the router that includes it."""
    service.deliver(service.code({"a": Handler(ValueError("1")), "c": Handler(ValueError("1"))}))
    inner = EventRouter()
    inner.on(ChargeSucceeded, name="b", formerly="a")(now := Handler())
    inner.retire("c")
    router = service.code({})
    router.include(inner)

    assert Outcome.HANDLED == service.deliver(router).outcome
    assert [2] == now.attempts
    assert {"b": "succeeded", "c": "dropped"} == service.outcomes()


@pytest.mark.parametrize(
    ("formerly", "retired"),
    [(["other"], []), (["old", "old"], []), (["old"], ["old"]), ([], ["other"])],
)
def test_a_name_means_one_handler(
    service: Service, formerly: list[str], retired: list[str]
) -> None:
    """A former name is nobody's name now, and nobody else's former name."""
    router = service.code({"other": Handler()})
    for number, old in enumerate(formerly):
        router.on(ChargeSucceeded, name=f"new {number}", formerly=old)(Handler())
    for old in retired:
        router.retire(old)

    with pytest.raises(DuplicateHandler):
        router.freeze()


@pytest.mark.parametrize("formerly", ["", [], ["a", ""]])
def test_former_names_are_not_empty(service: Service, formerly: str | list[str]) -> None:
    """Most likely a variable was."""
    with pytest.raises(UsageError, match="formerly"):
        service.code({}).on(ChargeSucceeded, name="b", formerly=formerly)


def test_a_handler_that_died_under_its_former_name_is_still_the_suspect(service: Service) -> None:
    """A rename does not give it another five lives."""
    for _ in range(2):
        service.die({"a": Handler(Died())}, max_abandoned=3)
    again = Handler()

    router = renamed(service, again, max_abandoned=3)

    assert Outcome.HANDLED == service.deliver(router).outcome
    assert (2, [3]) == (service.handler("b").abandoned, again.attempts)


def test_a_lease_that_ends_under_a_renamed_handler_is_no_trouble(service: Service) -> None:
    """The owner's late write is refused, the taker's stands."""

    def slow(event: object) -> None:
        service.clock.now += LEASE
        service.deliver(renamed(service, other))

    other = Handler()
    response = service.deliver(service.code({"a": slow}))

    assert Outcome.FAILED == response.outcome
    assert ([2], {"b": "succeeded"}) == (other.attempts, service.outcomes())
