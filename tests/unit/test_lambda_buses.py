"""What Lambda brings from EventBridge, SNS and SQS: nothing is lost, and nothing fails for all."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter
from stripe_events.adapters.aws_lambda import lambda_handler
from stripe_events.errors import Busy, ProcessingError
from stripe_events.storage import MemoryStore
from tests.unit.deliveries import NOW, snapshot, thin
from tests.unit.lambda_events import Context, event_bridge, message, notification, sns, sqs
from tests.unit.waiting import LIMIT, reached

if TYPE_CHECKING:
    from stripe_events import Context as HandlerContext


def numbered(number: int, **fields: Any) -> dict[str, Any]:
    """Give the payload of one of several events."""
    return snapshot(id=f"evt_{number}", **fields)


def failures(answer: Any) -> list[str]:
    """Give the identifiers of the messages that are to come again."""
    assert ["batchItemFailures"] == list(answer)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


class Service:
    """A function without secrets, whose handler writes down what it sees, and may fail."""

    def __init__(self, *failing: str, **options: Any) -> None:
        """Take the ids of the events for which the handler fails."""
        self.seen: list[str] = []
        self.failing = set(failing)
        self.router = EventRouter(clock=lambda: NOW, **options)
        self.router.on_any(name="any")(self.handle)
        self.function = lambda_handler(self.router)

    def handle(self, event: Any) -> None:
        """Be run."""
        self.seen.append(event.id)
        if event.id in self.failing:
            raise ValueError("words of the handler")

    def __call__(self, event: Any, context: Any = None) -> Any:
        """Be invoked, with a minute left."""
        return self.function(event, context or Context(60))


WRAPPED = {
    "bare": lambda event: event,
    "EventBridge": event_bridge,
    "SNS": notification,
    "EventBridge in SNS": lambda event: notification(event_bridge(event)),
}


@pytest.mark.parametrize("event", [snapshot(), thin()], ids=["snapshot", "thin"])
def test_an_event_of_eventbridge_is_handled(event: Any) -> None:
    """Without a signature, and without secrets."""
    service = Service()
    assert service(event_bridge(event, **{"replay-name": "again"})) is None
    assert ["evt_1"] == service.seen


@pytest.mark.parametrize("wrap", [dict, event_bridge])
def test_a_notification_of_sns_is_handled(wrap: Any) -> None:
    """With an envelope of EventBridge in it, or the event."""
    service = Service()
    assert service(sns(wrap(numbered(1)), wrap(numbered(2)))) is None
    assert ["evt_1", "evt_2"] == service.seen


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_a_message_of_sqs_is_handled(wrap: Any) -> None:
    """Whatever is around the event in it."""
    service = Service()
    assert {"batchItemFailures": []} == service(sqs(*[wrap(numbered(n)) for n in range(3)]))
    assert ["evt_0", "evt_1", "evt_2"] == service.seen


def test_an_async_handler_is_waited_for() -> None:
    """It has run when the function returns."""
    service, seen = Service(), []

    @service.router.on_any(name="async")
    async def handler(event: Any) -> None:
        seen.append(event.id)

    assert [] == failures(service(sqs(numbered(1), numbered(2))))
    service(event_bridge(numbered(3)))
    service.router.close()
    assert ["evt_1", "evt_2", "evt_3"] == seen


MALFORMED: dict[str, Any] = {
    "another source": event_bridge(snapshot(), source="aws.events"),
    "another type": event_bridge(snapshot(), **{"detail-type": "charge.failed"}),
    "no event": event_bridge(snapshot(), detail={"type": "charge.succeeded"}),
    "no text for SNS": {"Records": [{**sns({})["Records"][0], "Sns": {"Message": {}}}]},
    "nothing for SNS": {"Records": [{"EventSource": "aws:sns"}]},
    "an alarm for SNS": sns({"AlarmName": "private"}),
    "no JSON for SNS": sns("private"),
}


@pytest.mark.parametrize("event", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_event_of_stripe_comes_again(
    event: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Into the dead-letter queue in the end, for somebody to look at it."""
    with pytest.raises(ProcessingError, match=r"^what came was not handled: malformed$"):
        Service()(event)
    assert "a delivery was rejected: " in caplog.text
    assert "private" not in caplog.text


@pytest.mark.parametrize("wrap", [event_bridge, sns])
def test_what_fails_comes_again(wrap: Any) -> None:
    """The error names the event and its outcome, and nothing that a handler has said."""
    service = Service("evt_1")
    with pytest.raises(ProcessingError, match=r"^evt_1 was not handled: failed$") as caught:
        service(wrap(snapshot()))
    assert caught.value.__cause__ is None
    assert not isinstance(caught.value, Busy)


def test_an_answer_for_stripe_does_not_hide_a_failure() -> None:
    """Nobody reads it here: the other handler's failure counts."""
    service = Service("evt_1")

    @service.router.on_any(name="answering")
    def answering(event: object, ctx: HandlerContext) -> None:
        ctx.respond({"approved": True})

    with pytest.raises(ProcessingError, match="evt_1 was not handled: failed"):
        service(event_bridge(snapshot()))


def test_what_is_ignored_does_not_come_again() -> None:
    """No handler, or another livemode, is a success for a bus as well."""
    function = lambda_handler(EventRouter(expect_livemode=True))
    assert function(event_bridge(snapshot()), None) is None
    assert [] == failures(function(sqs(snapshot(), numbered(2, livemode=True)), None))


class Held:
    """An event that another invocation works on, for as long as a block lasts."""

    def __init__(self, service: Service, event_id: str) -> None:
        """Register a handler that waits, if it is this event."""
        self._begun, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=service, args=[event_bridge(snapshot(id=event_id))])

        @service.router.on_any(name="slow", where=lambda event: event.id == event_id)
        def slow(event: object) -> None:
            self._begun.set()
            self._end.wait(LIMIT)

    def __enter__(self) -> None:
        """Wait until it is being handled."""
        self._thread.start()
        reached(self._begun)

    def __exit__(self, *_: object) -> None:
        """Let it be done."""
        self._end.set()
        self._thread.join()


def recording(*failing: str) -> Service:
    """Give a function with a ledger."""
    return Service(*failing, store=MemoryStore(clock=lambda: NOW), busy_wait=0)


def test_what_another_invocation_works_on_comes_again() -> None:
    """It may yet fail there."""
    service = recording()
    with Held(service, "evt_1"):
        for event in (event_bridge(snapshot()), sns(snapshot())):
            with pytest.raises(Busy, match=r"^evt_1 was not handled: busy$"):
                service(event)
    assert ["evt_1"] == service.seen


def test_messages_fail_alone(caplog: pytest.LogCaptureFixture) -> None:
    """One that fails, one that is no event and one that is busy do not harm the other seven."""
    service = recording("evt_2")
    contents: list[Any] = [event_bridge(numbered(n)) for n in range(10)]
    contents[4] = "private"
    with Held(service, "evt_7"):
        answer = service(sqs(*contents))
    assert ["message-2", "message-4", "message-7"] == failures(answer)
    assert ["evt_7", "evt_0", "evt_1", "evt_2", "evt_3", *map("evt_{}".format, (5, 6, 8, 9))] == (
        service.seen
    )
    needed = [record for record in caplog.records if "ReportBatchItemFailures" in record.message]
    assert ["ERROR"] == [record.levelname for record in needed]
    assert needed[0].message.startswith("3 of 10 messages of an SQS batch are to come again")
    assert "private" not in caplog.text


def test_a_batch_without_failures_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing to tell."""
    caplog.set_level("DEBUG")
    Service()(sqs(numbered(1), numbered(2)))
    assert [] == caplog.records


def test_messages_that_come_again_are_duplicates() -> None:
    """Of two invocations for one batch each handler succeeds once."""
    service = recording("evt_1")
    batch = sqs(*map(numbered, range(3)))
    assert ["message-1"] == failures(service(batch))
    service.failing.clear()
    assert [] == failures(service(batch))
    assert ["evt_0", "evt_1", "evt_2", "evt_1"] == service.seen


def test_a_fifo_queue_stops_at_the_first_failure() -> None:
    """What comes later must not overtake it."""
    service = Service("evt_1")
    answer = service(sqs(*map(numbered, range(4)), queue="stripe.fifo"))
    assert ["message-1", "message-2", "message-3"] == failures(answer)
    assert ["evt_0", "evt_1"] == service.seen


def test_only_the_name_of_a_queue_tells_that_it_is_fifo() -> None:
    """An ARN that is none, or in whose midst it is said, tells nothing."""
    for queue in ("my.fifo.queue", "fifo"):
        service = Service("evt_0")
        assert ["message-0"] == failures(service(sqs(numbered(0), numbered(1), queue=queue)))
    records = [message(n, numbered(n), eventSourceARN=None) for n in range(2)]
    assert ["message-0"] == failures(Service("evt_0")({"Records": records}))


@pytest.mark.parametrize("body", [None, 5, {}, snapshot(), "", "[]", "\ud800", "not json"])
def test_a_message_without_an_event_fails_alone(body: Any) -> None:
    """Whatever its body is, the next one is handled."""
    service = Service()
    records = [message(0, "", body=body), message(1, numbered(1))]
    assert ["message-0"] == failures(service({"Records": records}))
    del records[0]["body"]
    assert ["message-0"] == failures(service({"Records": records}))
    assert ["evt_1", "evt_1"] == service.seen


@pytest.mark.parametrize("name", ["", None, 5])
def test_a_failure_that_cannot_be_named_is_the_batch_s(name: Any) -> None:
    """Lambda takes an answer with such an identifier for a failure of all, too, so say so."""
    service = Service("evt_1")
    records = [message(n, numbered(n), messageId=name) for n in range(3)]
    with pytest.raises(ProcessingError, match="no messageId"):
        service({"Records": records})
    service.failing.clear()
    assert [] == failures(service({"Records": records}))


def test_what_there_is_no_time_for_comes_again() -> None:
    """With less than a second left, nothing new is started."""
    service = Service()
    batch = sqs(*map(numbered, range(4)))
    # Asked twice for each message: whether there is time, and how much.
    answer = service(batch, Context(9, 9, 1.0, 1.0, 0.999))
    assert ["message-2", "message-3"] == failures(answer)
    assert ["evt_0", "evt_1"] == service.seen


def test_a_batch_can_be_written_as_json() -> None:
    """As Lambda's runtime does with what the function returns."""
    answer = Service("evt_1")(sqs(numbered(1)))
    assert '{"batchItemFailures": [{"itemIdentifier": "message-0"}]}' == json.dumps(answer)
