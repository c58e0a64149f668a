"""Types whose answer Stripe reads: given once, stored, and given again byte for byte."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events.errors import UsageError
from stripe_events.observers import Dead, Failed
from tests.unit.recorded import LEASE, Died, Handler
from tests.unit.waiting import reached

if TYPE_CHECKING:
    from stripe_events import Context, WebhookResponse
    from tests.unit.recorded import Service

HEADERS = {"Stripe-Version": "2025-09-30.clover"}
BODY = b'{"approved": true, "note": "\\u2603"}'


def answering(event: object, ctx: Context) -> None:
    """Answer Stripe."""
    ctx.respond({"approved": True, "note": "\u2603"}, HEADERS)


def sent(response: WebhookResponse) -> tuple[int, bytes, str | None]:
    """Give what Stripe reads."""
    return response.status, response.body, response.headers.get("stripe-version")


ANSWER = (200, BODY, "2025-09-30.clover")


def test_an_answer_is_given_again_to_duplicates(service: Service) -> None:
    """Byte for byte, also by another process."""
    first = service.deliver(service.code({"a": answering}))
    second = service.deliver(service.code({"a": Handler()}))

    assert [ANSWER] * 2 == [sent(first), sent(second)]
    assert (Outcome.HANDLED, Outcome.DUPLICATE) == (first.outcome, second.outcome)


def test_an_answer_is_given_though_others_fail(service: Service) -> None:
    """The event is answered 200, so it goes on in the inbox."""
    router = service.code({"a": answering, "b": Handler(ValueError("not now"))})

    response = service.deliver(router)

    record = service.record()
    assert (ANSWER, Outcome.FAILED) == (sent(response), response.outcome)
    assert ("failed", "inbox") == (record.state, record.lane)
    assert record.due is not None
    assert service.clock.now < record.due <= service.clock.now + 10
    assert 1 == len(service.told_of(Failed))


def test_an_answer_is_given_though_others_failed_before_it(service: Service) -> None:
    """Handlers run one after another; which one answers does not matter."""
    router = service.code({"a": Handler(ValueError("not now")), "b": answering})

    assert ANSWER == sent(service.deliver(router))
    assert "inbox" == service.record().lane


def test_what_is_left_after_an_answer_is_run_by_rescue(service: Service) -> None:
    """Stripe does not come again."""
    failing = Handler(ValueError("not now"))
    router = service.code({"a": answering, "b": failing})
    service.deliver(router)
    service.clock.now += 10

    assert 1 == service.rescue(router).handled
    assert [1, 2] == failing.attempts
    assert ANSWER == sent(service.deliver(router))


def test_what_is_left_after_an_answer_is_run_by_a_delivery_too(service: Service) -> None:
    """Stripe may have missed the answer, and gets it again at once from a retry that fails."""
    failing = Handler(ValueError("1"), ValueError("2"))
    router = service.code({"a": answering, "b": failing})

    responses = [service.deliver(router) for _ in range(3)]

    assert [ANSWER] * 3 == [sent(one) for one in responses]
    assert [Outcome.FAILED, Outcome.FAILED, Outcome.HANDLED] == [one.outcome for one in responses]


def test_the_answer_of_a_handler_that_fails_is_not_given(service: Service) -> None:
    """It may answer otherwise next time."""

    def handler(event: object, ctx: Context) -> None:
        ctx.respond({"attempt": ctx.attempt})
        if ctx.attempt == 1:
            raise ValueError("not now")

    router = service.code({"a": handler})

    responses = [service.deliver(router) for _ in range(2)]

    assert [500, 200] == [one.status for one in responses]
    assert b'{"attempt": 2}' == responses[1].body
    assert b'{"attempt": 2}' == service.deliver(router).body


def test_an_answer_that_died_with_its_process_was_not_given(service: Service) -> None:
    """Nothing of it is stored before its handler is."""

    def dying(event: object, ctx: Context) -> None:
        ctx.respond({"attempt": ctx.attempt})
        raise Died

    service.die({"a": dying})

    assert service.record().answer is None
    assert ANSWER == sent(service.deliver(service.code({"a": answering})))


def test_an_answer_outlives_the_process(service: Service) -> None:
    """A later handler killed it; the next delivery is answered the same."""
    service.die({"a": answering, "b": Handler(Died())})

    response = service.deliver(service.code({"a": answering, "b": Handler(ValueError("1"))}))

    assert (ANSWER, Outcome.FAILED) == (sent(response), response.outcome)
    assert "inbox" == service.record().lane


def test_a_twin_of_an_answered_event_is_answered_at_once(service: Service) -> None:
    """It does not wait for the other handlers."""
    running, go_on = threading.Event(), threading.Event()

    def long(event: object) -> None:
        running.set()
        reached(go_on)

    router = service.code({"a": answering, "b": long}, busy_wait=20)
    first = service.threads.submit(service.deliver, router)
    reached(running)

    twin = service.deliver(router)
    go_on.set()

    assert (ANSWER, Outcome.BUSY) == (sent(twin), twin.outcome)
    assert ANSWER == sent(first.result())


def test_a_dead_event_has_its_answer_too(service: Service) -> None:
    """One handler answered, the suspect was given up."""
    service.die({"a": answering, "b": Handler(Died())}, max_abandoned=1)
    router = service.code({"a": Handler(), "b": Handler()}, max_abandoned=1)

    responses = [service.deliver(router) for _ in range(2)]

    assert [(ANSWER, Outcome.DEAD)] * 2 == [(sent(one), one.outcome) for one in responses]
    assert [] == service.told_of(Dead)


def test_only_one_handler_answers(service: Service) -> None:
    """The second one fails."""
    router = service.code({"a": answering, "b": answering})

    response = service.deliver(router)

    error = service.told_of(Failed)[0].runs[1].error
    assert ANSWER == sent(response)
    assert isinstance(error, UsageError)
    assert "called already" in str(error)


def test_a_missing_handler_changes_no_answer(service: Service) -> None:
    """The event is given back to the inbox, which tries again within a minute."""
    service.deliver(service.code({"a": answering, "gone": Handler(ValueError("not now"))}))

    response = service.deliver(service.code({"a": answering}))

    assert (ANSWER, Outcome.HANDLER_MISSING) == (sent(response), response.outcome)
    record = service.record()
    assert ("pending", "inbox") == (record.state, record.lane)
    assert record.due is not None
    assert 30 <= record.due - service.clock.now <= 60


@pytest.mark.parametrize("headers", [{"x": "a\nb"}, {"x y": "1"}])
def test_an_answer_that_cannot_be_sent_is_not_stored(
    service: Service, headers: dict[str, Any]
) -> None:
    """The handler fails before anything is written."""

    def handler(event: object, ctx: Context) -> None:
        ctx.respond({}, headers)

    assert 500 == service.deliver(service.code({"a": handler})).status
    assert service.record().answer is None


def test_a_lease_that_ends_under_the_answer_takes_it_away(service: Service) -> None:
    """The taker's answer is the one that counts: both would not be the same for ever."""

    def slow(event: object, ctx: Context) -> None:
        service.clock.now += LEASE
        service.deliver(service.code({"a": answering}))
        ctx.respond({"approved": False})

    response = service.deliver(service.code({"a": slow}))

    assert 500 == response.status
    assert ANSWER == sent(service.deliver(service.code({"a": answering})))
