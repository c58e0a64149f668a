"""Inline for some handlers and inbox for others: 200 once these are settled and those are due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events.errors import HandlerMissing, Permanent, RetryLater, StoreError
from stripe_events.events import ChargeSucceeded
from stripe_events.observers import Failed
from stripe_events.storage._operations import Write
from tests.unit.recorded import LEASE, Died, Handler
from tests.unit.test_recorded_where import Where

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import Context, EventRouter, WebhookResponse
    from tests.unit.recorded import Service


def mixed(
    service: Service,
    inline: Callable[..., Any],
    inbox: Callable[..., Any],
    **options: Any,
) -> EventRouter:
    """Give code with a handler ``now``, and one ``later`` of the inbox."""
    router = service.code({"now": inline}, **options)
    router.on(ChargeSucceeded, name="later", delivery="inbox")(inbox)
    return router


def test_the_inline_ones_run_first_and_the_rest_is_due(service: Service) -> None:
    """Recorded with both in its plan; the answer says that it is accepted."""
    now, later = Handler(), Handler()
    router = mixed(service, now, later)

    response = service.deliver(router)

    assert (200, Outcome.ACCEPTED) == (response.status, response.outcome)
    assert (1, 0) == (now.runs, later.runs)
    record = service.record()
    assert ("pending", "inbox", service.clock.now) == (record.state, record.lane, record.due)
    assert {"now": "succeeded", "later": "planned"} == service.outcomes()
    assert 0 == service.handler("later").attempts

    assert (1, 1, 0, 0) == service.rescue(router)
    assert (1, 1, "done") == (now.runs, later.runs, service.record().state)
    assert Outcome.DUPLICATE == service.deliver(router).outcome


def test_a_router_may_be_inbox_and_a_handler_inline(service: Service) -> None:
    """The handler's word goes before the router's."""
    now, later = Handler(), Handler()
    router = service.code({"later": later}, delivery="inbox")
    router.on(ChargeSucceeded, name="now", delivery="inline")(now)

    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert (1, 0) == (now.runs, later.runs)


def test_while_an_inline_one_runs_the_event_is_the_inboxs_already(service: Service) -> None:
    """So that 200 needs no second write, and a death leaves it to workers."""
    lanes: list[str] = []
    router = mixed(service, lambda event: lanes.append(service.record().lane), Handler())

    service.deliver(router)

    assert ["inbox"] == lanes


@pytest.mark.parametrize("error", [ValueError("not now"), RetryLater(7)])
def test_an_inline_one_that_fails_is_answered_500(service: Service, error: Exception) -> None:
    """All that is left is due for workers at once, the failed one too."""
    now, later = Handler(error), Handler()
    router = mixed(service, now, later)

    response = service.deliver(router)

    assert (500, Outcome.FAILED) == (response.status, response.outcome)
    assert ["now"] == [run.handler for told in service.told_of(Failed) for run in told.runs]
    record = service.record()
    assert ("failed", "inbox", service.clock.now) == (record.state, record.lane, record.due)
    assert 1 == service.rescue(router).handled
    assert (2, 1) == (now.runs, later.runs)


def test_a_redelivery_runs_what_is_left_inline(service: Service) -> None:
    """What succeeded does not run again; the rest is due when it was, for it may have failed."""
    good, bad, later = Handler(), Handler(ValueError("not now")), Handler()
    router = mixed(service, good, later)
    router.on(ChargeSucceeded, name="bad")(bad)
    assert 500 == service.deliver(router).status
    due = service.record().due

    response = service.deliver(router)

    assert (200, Outcome.ACCEPTED) == (response.status, response.outcome)
    assert (1, 2, 0) == (good.runs, bad.runs, later.runs)
    assert ("pending", due) == (service.record().state, service.record().due)
    service.clock.now += 10
    assert (1, 1) == (service.rescue(router).handled, later.runs)


def test_a_redelivery_with_nothing_left_inline_is_accepted(service: Service) -> None:
    """No handler runs; the rest stays due."""
    now, later = Handler(), Handler()
    router = mixed(service, now, later)
    service.deliver(router)

    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert (1, 0) == (now.runs, later.runs)
    assert ("pending", "inbox") == (service.record().state, service.record().lane)
    assert 1 == service.rescue(router).handled


def test_stripe_may_come_while_a_worker_has_the_rest(service: Service) -> None:
    """The inline ones are settled, and the rest is the worker's: 200; nothing runs twice."""

    def later(event: object) -> None:
        runs.append(service.handler("later").attempts)
        answers.append(service.deliver(router))

    answers: list[WebhookResponse] = []
    runs: list[int] = []
    now = Handler()
    router = mixed(service, now, later)
    service.deliver(router)

    assert 1 == service.rescue(router).handled
    assert [(200, Outcome.ACCEPTED)] == [(one.status, one.outcome) for one in answers]
    assert ([0], 1, "done") == (runs, now.runs, service.record().state)
    assert Outcome.DUPLICATE == service.deliver(router).outcome


def test_stripe_may_come_while_a_worker_has_an_inline_one(service: Service) -> None:
    """It is not settled: Stripe comes again; nothing runs twice."""

    def again(event: object) -> None:
        runs.append(1)
        if len(runs) == 1:
            raise ValueError("not now")
        answers.append(service.deliver(router).status)

    answers: list[int] = []
    runs: list[int] = []
    later = Handler()
    router = mixed(service, again, later)
    assert 500 == service.deliver(router).status
    service.clock.now += 10

    assert 1 == service.rescue(router).handled
    assert ([409], 2, 1) == (answers, len(runs), later.runs)


def test_nothing_is_claimed_for_a_delivery_that_has_nothing_to_run(service: Service) -> None:
    """So a worker never meets a claim that was made for nothing, and its backoff goes on."""
    router = mixed(service, Handler(), Handler(ValueError("not now")))
    service.deliver(router)
    assert 1 == service.rescue(router).failed
    before = service.record()

    assert Outcome.ACCEPTED == service.deliver(router).outcome
    after = service.record()
    assert (before.state, before.token, before.due) == (after.state, after.token, after.due)


def test_what_only_other_code_has_is_left_to_workers(service: Service) -> None:
    """All that this code runs before the answer is settled: the next delivery is accepted."""
    service.deliver(service.code({"gone": Handler(ValueError("not now"))}))
    now = Handler()
    router = mixed(service, now, Handler())
    assert 500 == service.deliver(router).status

    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert (1, "inbox") == (now.runs, service.record().lane)


def test_an_inline_one_that_gives_up_is_dead_and_the_rest_is_due(service: Service) -> None:
    """Dead is settled: 200, for Stripe cannot help; the event is dead when the rest is done."""
    router = mixed(service, Handler(Permanent("never")), Handler())

    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert {"now": "dead", "later": "planned"} == service.outcomes()
    assert 1 == service.rescue(router).dead
    assert ("dead", "succeeded") == (service.record().state, service.outcomes()["later"])
    assert Outcome.DEAD == service.deliver(router).outcome


def test_an_answer_is_given_with_the_200(service: Service) -> None:
    """And with every later one, also while the rest is waited for."""

    def now(event: object, ctx: Context) -> None:
        ctx.respond({"approved": True})

    router = mixed(service, now, Handler())

    first, again = service.deliver(router), service.deliver(router)
    service.rescue(router)
    last = service.deliver(router)

    assert [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.DUPLICATE] == [
        first.outcome,
        again.outcome,
        last.outcome,
    ]
    assert {(200, b'{"approved": true}')} == {
        (one.status, one.body) for one in (first, again, last)
    }


def test_an_answer_stands_when_another_inline_one_fails(service: Service) -> None:
    """Stripe reads it and does not come again: a worker runs what failed, and the rest."""

    def now(event: object, ctx: Context) -> None:
        ctx.respond({"approved": True})

    bad, later = Handler(ValueError("not now")), Handler()
    router = mixed(service, now, later)
    router.on(ChargeSucceeded, name="bad")(bad)

    response = service.deliver(router)

    assert (200, b'{"approved": true}') == (response.status, response.body)
    service.clock.now += 10
    assert (1, 2, 1) == (service.rescue(router).handled, bad.runs, later.runs)


@pytest.mark.parametrize("refused", ["now", "later"])
def test_a_handler_that_where_refuses_is_not_waited_for(service: Service, refused: str) -> None:
    """Without inline ones the event is only recorded; without others it is handled."""
    handlers = {"now": Handler(), "later": Handler()}
    router = service.code({})
    for name, way in (("now", "inline"), ("later", "inbox")):
        where = Where(name != refused)
        options: Any = {"name": name, "delivery": way, "where": where}
        router.on(ChargeSucceeded, **options)(handlers[name])

    response = service.deliver(router)

    if refused == "now":
        assert (Outcome.ACCEPTED, 0) == (response.outcome, service.record().token)
        assert 1 == service.rescue(router).handled
    else:
        assert Outcome.HANDLED == response.outcome
    assert {"now": 1, "later": 1} | {refused: 0} == {n: h.runs for n, h in handlers.items()}


def test_a_where_that_raises_fails_the_inline_one(service: Service) -> None:
    """It is asked again by the next delivery; the rest is the inbox's."""
    now = Handler()
    router = service.code({})
    where = Where(ValueError("not now"), True)
    router.on(ChargeSucceeded, name="now", where=where)(now)
    router.on(ChargeSucceeded, name="later", delivery="inbox")(Handler())

    assert 500 == service.deliver(router).status
    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert (1, 2) == (now.runs, where.asked)


def test_a_handler_that_this_code_does_not_have_is_answered_500(service: Service) -> None:
    """It may have been inline: the event is not acknowledged; workers look again in a minute."""
    service.deliver(service.code({"gone": Handler(ValueError("not now"))}))
    now, later = Handler(), Handler()
    router = mixed(service, now, later)

    response = service.deliver(router)

    assert (500, HandlerMissing) == (response.status, type(response.error))
    assert (1, 0) == (now.runs, later.runs)
    record = service.record()
    assert ("pending", "inbox") == (record.state, record.lane)
    assert record.due is not None
    assert 30 <= record.due - service.clock.now <= 60
    service.clock.now = record.due
    both = mixed(service, now, later)
    both.on(ChargeSucceeded, name="gone")(Handler())
    assert (1, 1) == (service.rescue(both).handled, later.runs)


def test_a_process_that_dies_inline_leaves_all_to_workers(service: Service) -> None:
    """Also if Stripe never comes again: its lease is over some time."""
    router = mixed(service, Handler(Died()), Handler())
    with pytest.raises(Died):
        service.deliver(router)
    service.clock.now += LEASE
    now, later = Handler(), Handler()

    assert 1 == service.rescue(mixed(service, now, later)).handled
    assert ([2], [1]) == (now.attempts, later.attempts)


def test_a_store_that_fails_in_between_is_answered_500(service: Service) -> None:
    """What could not be recorded as due is not acknowledged."""

    def now(event: object) -> None:
        service.ledger.break_at(Write, StoreError("refused"))

    later = Handler()
    router = mixed(service, now, later)

    assert (500, Outcome.STORE_FAILED) == (
        (response := service.deliver(router)).status,
        response.outcome,
    )
    service.ledger.break_at(Write, None)
    service.clock.now += LEASE
    assert (1, 1) == (service.rescue(mixed(service, Handler(), later)).handled, later.runs)


def test_an_event_of_one_kind_only_is_not_mixed(service: Service) -> None:
    """Only the handlers of the event count."""
    router = service.code({"now": Handler()})
    router.on("charge.failed", name="later", delivery="inbox")(Handler())

    assert Outcome.HANDLED == service.deliver(router).outcome
    assert "inline" == service.record().lane
