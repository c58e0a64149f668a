"""``where=`` with a ledger: asked once per handler and event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events import Outcome
from stripe_events.events import ChargeSucceeded
from stripe_events.observers import Failed, Handled, Ignored
from tests.unit.deliveries import encode, snapshot
from tests.unit.recorded import LEASE, Died, Handler, only_handle

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import EventRouter
    from tests.unit.recorded import Service


class Where:
    """Answers what it is told, time by time, and then for ever the last of it."""

    def __init__(self, *answers: bool | Exception) -> None:
        """Take the answers; an error is raised."""
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, event: object) -> bool:
        """Be asked."""
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def filtered(
    service: Service, where: Callable[..., Any], handler: Callable[..., Any], **others: Handler
) -> EventRouter:
    """Give code with a handler ``filtered`` behind this ``where``, before the others."""
    router = service.code({})
    router.on(ChargeSucceeded, name="filtered", where=where)(handler)
    for name, other in others.items():
        router.on(ChargeSucceeded, name=name)(other)
    return router


def test_an_event_that_every_where_refuses_is_not_recorded(service: Service) -> None:
    """It is ignored; nothing is known of it, so the next delivery asks again."""
    where = Where(False)
    router = filtered(service, where, Handler())

    outcomes = [service.deliver(router).outcome for _ in range(2)]

    assert [Outcome.IGNORED] * 2 == outcomes
    assert (2, 2, False) == (where.asked, len(service.told_of(Ignored)), service.has())


def test_where_is_asked_once_over_several_deliveries(service: Service) -> None:
    """The ledger keeps what it said, also as other processes see it."""
    where, handler = Where(True), Handler(ValueError("1"), ValueError("2"))

    for _ in range(4):
        service.deliver(filtered(service, where, handler))

    assert (1, 3) == (where.asked, handler.runs)


def test_a_refusal_is_kept_too(service: Service) -> None:
    """A handler that was refused does not join when the event is retried."""
    where, handler = Where(False, True), Handler()
    router = filtered(service, where, handler, other=Handler(ValueError("not now")))

    outcomes = [service.deliver(router).outcome for _ in range(2)]

    assert [Outcome.FAILED, Outcome.HANDLED] == outcomes
    assert (1, 0, ("filtered",)) == (where.asked, handler.runs, service.record().refused)
    assert {"other": "succeeded"} == service.outcomes()


def test_a_done_event_asks_nothing(service: Service) -> None:
    """Its handlers are settled, whatever a new filter would say."""
    service.deliver(service.code({"a": Handler()}))
    where = Where(True)

    assert Outcome.DUPLICATE == service.deliver(filtered(service, where, Handler())).outcome
    assert 0 == where.asked


def test_a_handler_with_where_joins_if_it_is_wanted(service: Service) -> None:
    """It is asked about events that were recorded before it was written."""
    service.deliver(service.code({"a": Handler(ValueError("not now"))}))
    handler = Handler()

    service.deliver(filtered(service, Where(True), handler, a=Handler()))

    assert 1 == handler.runs
    assert {"a": "succeeded", "filtered": "succeeded"} == service.outcomes()


def test_handlers_keep_their_order_whoever_was_asked(service: Service) -> None:
    """Registration order is running order."""
    router = service.code({"first": Handler()})
    router.on(ChargeSucceeded, name="second", where=Where(True))(Handler())
    router.on(ChargeSucceeded, name="third")(Handler())

    service.deliver(router)

    (handled,) = service.told_of(Handled)
    assert ["first", "second", "third"] == [run.handler for run in handled.runs]


def test_a_where_that_raises_has_failed_its_handler(service: Service) -> None:
    """The handler is planned and not run; the others are."""
    handler, other = Handler(), Handler()
    router = filtered(service, Where(ValueError("no such field")), handler, other=other)

    response = service.deliver(router)

    assert (500, Outcome.FAILED) == (response.status, response.outcome)
    assert (0, 1, {"filtered": "failed", "other": "succeeded"}) == (
        handler.runs,
        other.runs,
        service.outcomes(),
    )
    error = service.handler("filtered").error
    assert error is not None
    assert ("ValueError", "no such field") == (error.type, error.message)
    (failed,) = service.told_of(Failed)
    assert "no such field" == str(failed.runs[0].error)


def test_a_where_that_raised_is_asked_again_at_the_retry(service: Service) -> None:
    """And then the handler runs, or is settled as skipped."""
    router = service.code({})
    wanted, refused = Handler(), Handler()
    router.on(ChargeSucceeded, name="wanted", where=Where(ValueError(), True))(wanted)
    router.on(ChargeSucceeded, name="refused", where=Where(ValueError(), False))(refused)

    outcomes = [service.deliver(router).outcome for _ in range(2)]

    assert [Outcome.FAILED, Outcome.HANDLED] == outcomes
    assert (1, 0, {"wanted": "succeeded", "refused": "skipped"}) == (
        wanted.runs,
        refused.runs,
        service.outcomes(),
    )


def test_a_where_that_raised_is_asked_once_per_attempt(service: Service) -> None:
    """Its answer would be the same, and so may be its cost."""
    where = Where(ValueError())
    router = filtered(service, where, Handler())

    for _ in range(3):
        service.deliver(router)

    assert (3, 3) == (where.asked, service.handler("filtered").attempts)


def test_a_where_that_has_decided_after_all_is_not_asked_again(service: Service) -> None:
    """It raised once; what it said then counts for the retries of the handler."""
    where, handler = Where(ValueError(), True, False), Handler(ValueError("not now"))
    router = filtered(service, where, handler)

    for _ in range(3):
        service.deliver(router)

    assert (2, 2, {"filtered": "succeeded"}) == (where.asked, handler.runs, service.outcomes())


def test_where_is_asked_again_after_a_death_in_which_it_raised(service: Service) -> None:
    """The handler before it died with the process, so nothing was recorded of it."""
    where = Where(ValueError(), True)
    handler = Handler()
    router = service.code({"first": Handler(Died())})
    router.on(ChargeSucceeded, name="filtered", where=where)(handler)
    try:
        service.deliver(router)
    except Died:
        service.clock.now += LEASE

    assert Outcome.HANDLED == service.deliver(router).outcome
    assert (2, 1) == (where.asked, handler.runs)


@only_handle  # elsewhere where= keeps the loop, on which the twin would run
def test_what_a_twin_has_decided_counts(service: Service) -> None:
    """Two deliveries may both ask; the verdict that was recorded stands, not the error."""
    handler = Handler(ValueError("not now"))

    def where_of_the_slower(event: object) -> bool:
        service.deliver(filtered(service, Where(True), handler))
        raise ValueError("too late")

    response = service.deliver(filtered(service, where_of_the_slower, handler))

    assert (Outcome.HANDLED, 2) == (response.outcome, handler.runs)


def test_a_where_that_is_to_be_awaited_fails_its_handler(service: Service) -> None:
    """A coroutine would count as true."""

    def later(event: object) -> Any:
        async def decide() -> bool:
            return False

        return decide()

    handler = Handler()
    response = service.deliver(filtered(service, later, handler))

    assert (Outcome.FAILED, 0) == (response.outcome, handler.runs)


def test_rescue_asks_where_of_handlers_that_join(service: Service) -> None:
    """As a delivery would have."""
    service.deliver(service.code({"a": Handler(ValueError("not now"))}))
    service.ledger.retry("default", "evt_1")
    yes, no = Handler(), Handler()
    router = service.code({"a": Handler()})
    router.on(ChargeSucceeded, name="yes", where=Where(True))(yes)
    router.on(ChargeSucceeded, name="no", where=Where(False))(no)

    assert 1 == service.rescue(router).handled
    assert (1, 0) == (yes.runs, no.runs)
    assert {"a": "succeeded", "yes": "succeeded", "no": "skipped"} == service.outcomes()


def test_rescue_does_not_ask_for_a_handler_that_was_refused_under_its_former_name(
    service: Service,
) -> None:
    """As a delivery would not."""
    router = service.code({"a": Handler(ValueError("not now"))})
    router.on(ChargeSucceeded, name="old", where=Where(False))(Handler())
    service.deliver(router)
    service.ledger.retry("default", "evt_1")
    where, handler = Where(True), Handler()
    router = service.code({"a": Handler()})
    router.on(ChargeSucceeded, name="new", formerly="old", where=where)(handler)

    assert 1 == service.rescue(router).handled
    assert (0, 0) == (where.asked, handler.runs)


def test_other_filters_refuse_without_a_word_in_the_ledger(service: Service) -> None:
    """They say the same each time; only ``where`` may change its mind."""
    router = service.code({"a": Handler()})
    router.on(ChargeSucceeded, name="live", livemode=True)(Handler())
    router.on(ChargeSucceeded, name="connected", account="acct_1")(Handler())
    router.on(ChargeSucceeded, name="changed", changed="amount")(Handler())

    service.process(router, encode(snapshot()))

    assert ({"a": "succeeded"}, ()) == (service.outcomes(), service.record().refused)
