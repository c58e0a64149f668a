"""A store that fails at each verb: 500, never 200 for work not done, and recovery by itself."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events.errors import ConfigurationError, StoreError, UsageError
from stripe_events.observers import Failed
from tests.unit.deliveries import snapshot
from tests.unit.recorded import AWAITED, LEASE, Died, Handler, only_handle

if TYPE_CHECKING:
    from stripe_events import Context, EventRouter
    from tests.unit.recorded import Service


class Failing:
    """A store of either kind whose verbs raise what they are told, before or after the deed."""

    def __init__(self, store: Any) -> None:
        """Take what does the work."""
        self._store = store
        self.before: dict[str, BaseException] = {}
        self.after: dict[str, BaseException] = {}

    def __getattr__(self, verb: str) -> Any:
        """Give a verb, sync or async as the store's."""
        real = getattr(self._store, verb)

        def call(*arguments: Any) -> Any:
            self._raise(self.before, verb)
            result = real(*arguments)
            self._raise(self.after, verb)
            return result

        async def acall(*arguments: Any) -> Any:
            self._raise(self.before, verb)
            result = await real(*arguments)
            self._raise(self.after, verb)
            return result

        return acall if asyncio.iscoroutinefunction(real) else call

    def _raise(self, errors: dict[str, BaseException], verb: str) -> None:
        if verb in errors:
            raise errors[verb]


REFUSED = StoreError("the database refused")
ERRORS = [REFUSED, OSError("connection reset"), TypeError("a defect of the store")]


@pytest.fixture
def failing(service: Service) -> Failing:
    """Give the service's store, which fails when it is told to."""
    service.store = Failing(service.store)
    return service.store


def failed(service: Service, router: EventRouter) -> None:
    """Deliver, and see that Stripe and the observers are told that the store failed."""
    told = len(service.told_of(Failed))
    response = service.deliver(router)

    assert (500, Outcome.STORE_FAILED) == (response.status, response.outcome)
    assert isinstance(response.error, StoreError)
    assert [response.error] == [one.error for one in service.told_of(Failed)[told:]]


@pytest.mark.parametrize("error", ERRORS)
def test_an_event_that_cannot_be_recorded_is_not_run(
    service: Service, failing: Failing, error: Exception
) -> None:
    """Stripe delivers again, and then it is."""
    handler = Handler()
    router = service.code({"a": handler})
    failing.before["accept"] = error

    failed(service, router)
    assert (0, False) == (handler.runs, service.has())

    failing.before.clear()
    assert Outcome.HANDLED == service.deliver(router).outcome


@pytest.mark.parametrize("error", ERRORS)
def test_a_claim_whose_answer_is_lost_is_not_worked_on(
    service: Service, failing: Failing, error: Exception
) -> None:
    """Its lease ends, and the next delivery takes it over."""
    handler = Handler()
    router = service.code({"a": handler})
    failing.after["accept"] = error

    failed(service, router)
    assert (0, "claimed") == (handler.runs, service.record().state)

    failing.after.clear()
    assert Outcome.BUSY == service.deliver(router).outcome
    service.clock.now += LEASE
    assert (Outcome.HANDLED, 1) == (service.deliver(router).outcome, handler.runs)


@pytest.mark.parametrize("error", ERRORS)
def test_a_result_that_cannot_be_recorded_is_not_acknowledged(
    service: Service, failing: Failing, error: Exception
) -> None:
    """The handler runs again: at least once. Those after it wait."""
    first, second = Handler(), Handler()
    router = service.code({"a": first, "b": second})
    failing.before["finish"] = error

    failed(service, router)
    assert (1, 0, {"a": "planned", "b": "planned"}) == (
        first.runs,
        second.runs,
        service.outcomes(),
    )

    failing.before.clear()
    service.clock.now += LEASE
    assert Outcome.HANDLED == service.deliver(router).outcome
    assert (2, 1) == (first.runs, second.runs)


def test_a_result_whose_answer_is_lost_is_recorded(service: Service, failing: Failing) -> None:
    """500, but the next delivery is a duplicate."""
    handler = Handler()
    router = service.code({"a": handler})
    failing.after["finish"] = REFUSED

    failed(service, router)

    assert (Outcome.DUPLICATE, 1) == (service.deliver(router).outcome, handler.runs)


def test_observers_are_told_what_ran_before_the_store_failed(
    service: Service, failing: Failing
) -> None:
    """Those results are recorded."""

    def breaking(event: object) -> None:
        failing.before["finish"] = REFUSED

    service.deliver(service.code({"a": Handler(), "b": breaking}))

    (told,) = service.told_of(Failed)
    assert ["a"] == [run.handler for run in told.runs]


def test_what_a_handler_raised_is_told_even_if_it_cannot_be_recorded(
    service: Service, failing: Failing, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be the reason for both, and nobody else knows of it."""
    failing.before["finish"] = REFUSED

    failed(service, service.code({"a": Handler(ValueError("the handler's own"))}))

    assert "the handler's own" in caplog.text


@pytest.mark.parametrize("error", ERRORS)
def test_an_attempt_that_cannot_be_suspended_ends_with_its_lease(
    service: Service, failing: Failing, error: Exception
) -> None:
    """What failed is recorded; it is no suspect, for it did not die."""
    router = service.code({"a": Handler(ValueError("not now"))})
    failing.before["suspend"] = error

    failed(service, router)
    assert ("claimed", "failed") == (service.record().state, service.handler().outcome)

    failing.before.clear()
    service.clock.now += LEASE
    assert Outcome.HANDLED == service.deliver(router).outcome
    assert 0 == service.handler().abandoned


def test_a_suspension_whose_answer_is_lost_has_happened(service: Service, failing: Failing) -> None:
    """The event is due again."""
    router = service.code({"a": Handler(ValueError("not now"))})
    failing.after["suspend"] = REFUSED

    failed(service, router)

    assert Outcome.HANDLED == service.deliver(router).outcome


@pytest.mark.parametrize("error", ERRORS)
def test_a_claim_that_cannot_be_given_back_ends_with_its_lease(
    service: Service, failing: Failing, error: Exception
) -> None:
    """A handler is missing, and the store fails."""
    service.deliver(service.code({"a": Handler(ValueError("not now"))}))
    failing.before["give_back"] = error

    failed(service, service.code({}))

    failing.before.clear()
    service.clock.now += LEASE
    assert Outcome.HANDLED == service.deliver(service.code({"a": Handler()})).outcome


def test_an_answer_that_is_stored_is_given_though_the_store_fails_later(
    service: Service, failing: Failing
) -> None:
    """The claim is left to its lease, after which the event goes on in the inbox."""

    def answering(event: object, ctx: Context) -> None:
        ctx.respond({"approved": True})

    def breaking(event: object) -> None:
        failing.before["finish"] = REFUSED

    response = service.deliver(service.code({"a": answering, "b": breaking}))

    assert (200, Outcome.STORE_FAILED, b'{"approved": true}') == (
        response.status,
        response.outcome,
        response.body,
    )
    failing.before.clear()
    service.clock.now += LEASE
    failing_again = service.code({"a": answering, "b": Handler(ValueError("not now"))})
    assert 1 == service.rescue(failing_again).failed
    assert "inbox" == service.record().lane


def test_an_answer_that_is_not_stored_is_not_given(service: Service, failing: Failing) -> None:
    """Another attempt may answer otherwise."""

    def answering(event: object, ctx: Context) -> None:
        ctx.respond({"approved": True})

    failing.before["finish"] = REFUSED

    failed(service, service.code({"a": answering}))


@pytest.mark.parametrize("verb", ["accept", "finish", "suspend"])
@pytest.mark.parametrize("error", [UsageError("wrong"), ConfigurationError("off")])
def test_what_the_programmer_is_to_mend_is_raised(
    service: Service, failing: Failing, verb: str, error: Exception
) -> None:
    """A database that cannot keep the promises, say: no delivery could go well."""
    failing.before[verb] = error
    router = service.code({"a": Handler(ValueError("not now"))})

    with pytest.raises(type(error), match=str(error)):
        service.deliver(router)


def test_a_key_of_order_that_cannot_be_told_fails_the_delivery(service: Service) -> None:
    """It is the user's code: it may raise, or give what is no key."""

    def order_by(event: Any) -> Any:
        if event.id == "evt_1":
            raise KeyError("customer")
        return 7

    router = service.code({"a": Handler()}, order_by=order_by, order_inline=True)

    responses = [service.deliver(router, snapshot(id=f"evt_{one}")) for one in (1, 2)]

    assert [(500, Outcome.FAILED)] * 2 == [(one.status, one.outcome) for one in responses]
    assert [one.error for one in responses] == [one.error for one in service.told_of(Failed)]
    assert not service.has("evt_1")
    assert not service.has("evt_2")


def test_trusted_input_that_has_no_json_is_refused(service: Service) -> None:
    """It could be handled, but not recorded."""
    payload = snapshot(data={"object": {"id": "ch_1", "amount": object()}})

    with pytest.raises(UsageError, match="JSON"):
        service.process(service.code({"a": Handler()}), payload)


@pytest.mark.parametrize("service", [AWAITED], indirect=True)
def test_a_store_that_cancels_itself_has_failed(service: Service, failing: Failing) -> None:
    """Nobody asked for it: neither the client nor a shutdown."""
    failing.before["accept"] = asyncio.CancelledError()

    failed(service, service.code({"a": Handler()}))


@only_handle
def test_the_death_of_the_process_in_a_verb_is_no_failure_of_the_store(
    service: Service, failing: Failing
) -> None:
    """Ctrl-C passes through."""
    failing.before["accept"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        service.deliver(service.code({"a": Handler()}))


def test_a_failure_of_the_store_is_logged_with_its_event(
    service: Service, failing: Failing, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator reads what Stripe is not told."""
    failing.before["accept"] = OSError("connection reset")

    with caplog.at_level(logging.ERROR):
        response = service.deliver(service.code({"a": Handler()}))

    assert "evt_1 (charge.succeeded) was not finished" in caplog.text
    assert "connection reset" in caplog.text
    assert b"connection reset" not in response.body


def test_a_takeover_survives_a_store_that_fails_in_between(
    service: Service, failing: Failing
) -> None:
    """The suspect stays the suspect, and is counted once."""
    service.die({"a": Handler(Died()), "b": Handler()})
    router = service.code({"a": Handler(), "b": Handler()})
    failing.before["accept"] = REFUSED
    failed(service, router)
    failing.before.clear()

    assert Outcome.HANDLED == service.deliver(router).outcome
    assert 1 == service.handler("a").abandoned
