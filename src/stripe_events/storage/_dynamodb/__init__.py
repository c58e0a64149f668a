"""The ledger in DynamoDB, by boto3: the only package of the library that imports it."""

from __future__ import annotations

try:
    from stripe_events.storage._dynamodb._store import DynamoDBStore
except ModuleNotFoundError as error:
    if error.name not in ("boto3", "botocore"):
        raise
    raise ModuleNotFoundError(
        "DynamoDBStore needs boto3: pip install 'stripe-events[dynamodb]'", name=error.name
    ) from error

__all__ = ["DynamoDBStore"]
