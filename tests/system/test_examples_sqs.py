"""The example for SQS and Lambda, on moto's server: messages done, repeated, busy and lost."""

from __future__ import annotations

import json
import runpy
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import boto3
import pytest

from stripe_events.testing import sign
from tests.stores.dynamodb_server import DynamoDBServer
from tests.system.example_server import EXAMPLES, LIMIT, SECRET, charge, event
from tests.unit.lambda_events import Context, function_url
from tests.unit.waiting import reached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stripe_events import Event

EXAMPLE = str(EXAMPLES / "sqs_lambda.py")
CONTEXT: Final = Context(60.0)
GRACE: Final = 60.0


class Site(NamedTuple):
    """The functions of the example, what they share, and SQS."""

    module: dict[str, Any]
    queue: Any

    def accept(self, body: bytes, id_: str) -> None:
        """Deliver, and see that it is only taken into the inbox."""
        request = function_url("POST", list(sign(body, SECRET).items()), body)
        answer = self.module["receive"](request, CONTEXT)
        assert (200, "accepted") == (answer["statusCode"], json.loads(answer["body"])["outcome"])
        assert "pending" == self.record(id_).state

    def record(self, event_id: str) -> Any:
        """Give what the ledger has of an event."""
        return self.module["router"].store.get("default", event_id).record

    def invoke(self) -> list[str]:
        """
        Do what an event source mapping does with the messages that are there, and tell what failed.

        What the function does not name is deleted; the rest can be received again at once.
        """
        received = self.queue.receive_messages(MaxNumberOfMessages=10, AttributeNames=["All"])
        answer = self.module["work"](
            {"Records": [as_lambda_brings(it) for it in received]}, CONTEXT
        )
        failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        for message in received:
            if message.message_id in failed:
                message.change_visibility(VisibilityTimeout=0)
            else:
                message.delete()
        return [message.body for message in received if message.message_id in failed]

    def left(self) -> int:
        """Count the messages in the queue."""
        self.queue.reload()
        return sum(
            int(self.queue.attributes[name])
            for name in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        )


def as_lambda_brings(message: Any) -> dict[str, Any]:
    """
    Write a message as Lambda does.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
    """
    return {
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": message.attributes,
        "messageAttributes": message.message_attributes or {},
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:stripe",
        "awsRegion": "eu-west-1",
    }


@pytest.fixture(scope="module")
def aws() -> Iterator[DynamoDBServer]:
    """Start moto's server, which is SQS as well."""
    server = DynamoDBServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def site(
    request: pytest.FixtureRequest, aws: DynamoDBServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """Load the example with a queue and a table of its own, as Lambda would."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("TABLE", aws.new_name())
    monkeypatch.setenv("DISPATCH_GRACE", str(getattr(request, "param", GRACE)))
    queue = boto3.resource("sqs").create_queue(QueueName=aws.new_name())
    monkeypatch.setenv("QUEUE_URL", queue.url)
    runpy.run_path(EXAMPLE, run_name="__main__")
    module = runpy.run_path(EXAMPLE, run_name="sqs_lambda")
    yield Site(module, queue)
    module["router"].close()
    module["router"].store.close()
    queue.meta.client.close()


def test_each_delivery_is_recorded_and_run_by_its_message(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    """The answer says no more than that the event is in the inbox."""
    charges = [charge() for _ in range(3)]
    for body, id_, _ in charges:
        site.accept(body, id_)
    assert [] == site.invoke()
    assert ["done"] * 3 == [site.record(id_).state for _, id_, _ in charges]
    assert {line for _, _, line in charges} == set(capfd.readouterr().out.splitlines())
    assert 0 == site.left()


def test_a_message_that_comes_twice_runs_once(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    """In one batch, and after that: the later ones find the event done, and are content."""
    body, id_, line = charge()
    site.accept(body, id_)
    site.queue.send_message(MessageBody=id_)
    assert [] == site.invoke()
    site.queue.send_message(MessageBody=id_)
    assert [] == site.invoke()
    assert (0, 1) == (site.left(), capfd.readouterr().out.splitlines().count(line))


def test_a_message_that_failed_comes_again(site: Site) -> None:
    """It is named, its neighbour is not; it is in the queue until a run succeeds."""
    attempts: list[str] = []

    @site.module["router"].on("charge.refunded", name="fail_once")
    def fail_once(event: Event) -> None:
        attempts.append(event.id)
        assert len(attempts) > 1

    body, good, _ = charge()
    site.accept(event("charge.refunded", {"object": "charge"}, "evt_bad"), "evt_bad")
    site.accept(body, good)
    assert (["evt_bad"], 1) == (site.invoke(), site.left())
    assert ("failed", "done") == (site.record("evt_bad").state, site.record(good).state)
    assert ([], 0) == (site.invoke(), site.left())
    assert (2, "done") == (len(attempts), site.record("evt_bad").state)


def test_a_message_of_a_busy_event_comes_again(site: Site) -> None:
    """It does not end quietly while another one has the event: that one may die."""
    begun, gate = threading.Event(), threading.Event()

    @site.module["router"].on("charge.failed", name="wait")
    def wait(event: Event) -> None:
        begun.set()
        reached(gate)

    site.accept(event("charge.failed", {"object": "charge"}, "evt_busy"), "evt_busy")
    site.queue.send_message(MessageBody="evt_busy")
    with ThreadPoolExecutor(1) as other:
        first = other.submit(site.module["router"].run, "evt_busy")
        reached(begun)
        assert (["evt_busy"] * 2, 2) == (site.invoke(), site.left())
        gate.set()
        assert "handled" == first.result(LIMIT).outcome
    assert ([], 0) == (site.invoke(), site.left())


@pytest.mark.parametrize("site", [0.0], indirect=True)
def test_a_message_that_is_lost_is_rescued(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    """What SQS has not any more is still in the inbox, and due after the grace."""
    body, id_, line = charge()
    site.accept(body, id_)
    site.queue.purge()
    assert ([], "pending") == (site.invoke(), site.record(id_).state)
    site.module["rescue"]({}, CONTEXT)
    assert "done" == site.record(id_).state
    assert 1 == capfd.readouterr().out.splitlines().count(line)


def test_a_rescue_leaves_messages_their_time(site: Site) -> None:
    """Within the grace the event is the queue's."""
    body, id_, _ = charge()
    site.accept(body, id_)
    site.module["rescue"]({}, CONTEXT)
    record = site.record(id_)
    assert ("pending", GRACE) == (record.state, round(record.due - record.first_seen))
    assert ([], "done") == (site.invoke(), site.record(id_).state)
