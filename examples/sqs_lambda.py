"""
Answer Stripe in one Lambda function, and handle the events in another, which SQS invokes.

    STRIPE_WEBHOOK_SECRET=whsec_... QUEUE_URL=https://... python examples/sqs_lambda.py

That creates the table. Lambda calls ``receive`` for a function URL, ``work`` for the queue (by
``ReportBatchItemFailures``; visible again after the function's limit), ``rescue`` each minute.
"""

import os
from typing import Any

import boto3
from botocore.config import Config

from stripe_events import EventRouter, StripeEventsError
from stripe_events.adapters.aws_lambda import lambda_handler
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import DynamoDBStore

hasty = Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 2})
queue = boto3.resource("sqs", config=hasty).Queue(os.environ["QUEUE_URL"])
router = EventRouter(
    os.environ["STRIPE_WEBHOOK_SECRET"],
    store=DynamoDBStore(os.environ.get("TABLE", "stripe-events")),
    delivery="inbox",
    dispatch=lambda event_id: queue.send_message(MessageBody=event_id),
    dispatch_grace=float(os.environ.get("DISPATCH_GRACE", "60")),
)


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


receive = lambda_handler(router)


def work(batch: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run what SQS brings, and name what is to come again: what failed, and what is `Busy`."""
    failed = []
    for record in batch["Records"]:
        left = context.get_remaining_time_in_millis() / 1000
        try:
            router.run(record["body"], time_limit=left, lease=left + 2)
        except StripeEventsError as error:
            print(f"{record['body']} is to come again: {error}")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def rescue(_: object, context: Any) -> None:
    """Run what no message has come for: SQS has given it up or never got it."""
    router.rescue(time_limit=context.get_remaining_time_in_millis() / 1000)


if __name__ == "__main__":
    router.store.create_table()
