"""What Lambda brings from EventBridge, SNS and SQS: events that nobody has signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events._delivery.observing import log
from stripe_events.adapters._failure import is_taken, raise_failure
from stripe_events.adapters._lambda.shapes import value_at
from stripe_events.errors import MalformedPayload, ProcessingError

if TYPE_CHECKING:
    from stripe_events._messages import WebhookResponse
    from stripe_events.adapters._lambda.time import TimeLeft
    from stripe_events.router import EventRouter

__all__ = ["take_batch", "take_event", "take_notifications"]


def take_event(router: EventRouter, event: dict[str, Any], time: TimeLeft) -> None:
    """
    Handle what EventBridge brings.

    Raises:
        ProcessingError: it was not handled, so that Lambda tries again; Busy, if it is
            being processed elsewhere.
    """
    raise_failure(router.process(event, **time.limits()))


def take_notifications(router: EventRouter, records: list[dict[str, Any]], time: TimeLeft) -> None:
    """
    Handle what SNS brings, which is one notification at a time.

    Raises:
        ProcessingError: as ``take_event`` does, for the first that was not handled.
    """
    for record in records:
        raise_failure(_process(router, value_at(record, "Sns.Message"), time))


def take_batch(
    router: EventRouter, records: list[dict[str, Any]], time: TimeLeft
) -> dict[str, Any]:
    """
    Handle what SQS brings, each message on its own, and say which ones are to come again.

    After a failure in a FIFO queue, and when the time is up, nothing more is started.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html

    Raises:
        ProcessingError: a message failed that has no ``messageId``: all of them come again.
    """
    failed = _not_taken(router, records, time)
    if failed:
        log(
            "ERROR",
            f"{len(failed)} of {len(records)} messages of an SQS batch are to come again; this "
            "needs ReportBatchItemFailures in the event source mapping, or they are lost",
        )
    return {"batchItemFailures": [{"itemIdentifier": _id_of(record)} for record in failed]}


def _process(router: EventRouter, message: object, time: TimeLeft) -> WebhookResponse:
    if not isinstance(message, str):
        return router.reject(MalformedPayload("the record has no text for a message"))
    return router.process(message, **time.limits())


def _not_taken(
    router: EventRouter, records: list[dict[str, Any]], time: TimeLeft
) -> list[dict[str, Any]]:
    is_fifo = str(records[0].get("eventSourceARN")).endswith(".fifo")
    failed: list[dict[str, Any]] = []
    for record in records:
        is_over = time.is_up() or (is_fifo and failed)
        if is_over or not is_taken(_process(router, record.get("body"), time)):
            failed.append(record)
    return failed


def _id_of(record: dict[str, Any]) -> str:
    identifier = record.get("messageId")
    if not (isinstance(identifier, str) and identifier):
        raise ProcessingError("an SQS message failed that has no messageId to say so")
    return identifier
